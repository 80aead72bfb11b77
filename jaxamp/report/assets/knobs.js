/* Sliders for the knobs of a model: each setting was played beforehand, and all of them
   run in step, so that a knob can be turned while it plays. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;
  const { element, button, tick } = jaxamp;

  /* Fills an element with the sliders; `show` draws a chart's series anew, by the
     chart's name. Sliders and charts are there at once, the sound after `listen()`. */
  jaxamp.knobs = (root, given, show) => {
    const settings = new Map(given.settings.map((one) => [String(one.at), one]));
    const at = [...given.start];
    let sound = null;
    const sliders = given.names.map((name, knob) =>
      slider(name, given.positions[knob], at[knob], (place) => turn(knob, place)));
    const heard = element("p", { class: "heard" });
    const said = jaxamp.announcer();
    const controls = element("div", { class: "row" }, "Decoding …");
    const reset = button("Back to the start", "0", () => set(given.start));

    /* One knob at a time is away from its start, where not every combination was played. */
    function turn(knob, place) {
      const others = given.free ? [...at] : given.start;
      const back = others.some((stands, i) => i !== knob && stands !== at[i]);
      set(others.map((stands, i) => (i === knob ? place : stands)));
      said.textContent = back ? "The other knobs went back to the start." : "";
    }

    function set(places) {
      places.forEach((place, i) => (at[i] = place));
      sliders.forEach((one, i) => one.set(at[i]));
      const setting = settings.get(String(at));
      sound?.switchTo(setting.clip);
      show.knobSpectrum("heard now", setting.spectrum);
      show.knobCurve("heard now", setting.curve);
      heard.textContent = words(given, at, setting);
    }

    async function listen() {
      sound = await jaxamp.Sound.from(given.clips);
      sound.matched = given.matched;
      sound.region = [0, sound.seconds];
      sound.switchTo(settings.get(String(at)).clip);
      controls.replaceChildren(...player(sound, reset));
      jaxamp.knobSound = sound;
      jaxamp.keys(root, {
        " ": () => sound.toggle(), m: () => (sound.matched = !sound.matched),
        0: () => set(given.start),
      });
      root.dataset.ready = "yes";
    }

    root.classList.add("knobs");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Knobs");
    root.replaceChildren(...sliders.map((one) => one.row), heard, said, controls);
    set(given.start);
    return { listen };
  };

  /* A knob's row: its name, a slider that stops at the positions, and where it stands. */
  function slider(name, positions, place, turn) {
    const id = `knob-${slider.count = (slider.count ?? 0) + 1}`;
    const range = element("input", {
      id, type: "range", min: 0, max: positions.length - 1, step: 1, value: place,
      list: `${id}-stops`, oninput: () => turn(Number(range.value)),
    });
    const stops = element("datalist", { id: `${id}-stops` },
      ...positions.map((_, i) => element("option", { value: i })));
    const told = element("output", { for: id, "aria-hidden": "true" });
    const set = (place) => {
      range.value = place;
      told.textContent = String(positions[place]);
      range.setAttribute("aria-valuetext", `${positions[place]} of 1`);
    };
    return { row: element("div", { class: "knob" }, element("label", { for: id }, name), range, told, stops), set };
  }

  /* What is heard, in words: where the knobs stand, and how much louder that is. */
  function words(given, at, setting) {
    const stands = given.names.map((name, i) => `${name} ${given.positions[i][at[i]]}`).join(", ");
    if (setting.silent) return `${stands}: too quiet to measure`;
    if (String(at) === String(given.start)) return `${stands}: the start`;
    const { louder } = setting;
    if (Math.abs(louder) < 0.05) return `${stands}: as loud as the start`;
    return `${stands}: ${Math.abs(louder).toFixed(1)} LU ${louder > 0 ? "louder" : "quieter"} than the start`;
  }

  /* What plays, once there is a sound. */
  function player(sound, reset) {
    const play = button("Play", "Space", () => sound.toggle(), { class: "primary" });
    const matched = tick("Equally loud", sound.matched, (on) => (sound.matched = on), {
      "aria-keyshortcuts": "m" });
    const note = element("p", { class: "note", hidden: true });
    const shown = () => {
      play.firstChild.textContent = sound.playing ? "Pause" : "Play";
      matched.firstChild.checked = sound.matched;
      note.textContent = sound.note;
      note.hidden = !sound.note;
    };
    sound.addEventListener("change", shown);
    shown();
    return [play, reset, jaxamp.volume(sound), matched, note];
  }
})();
