/* The ordinary player: a button for each clip, all in step, and what goes with it. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;
  const { element, button, tick } = jaxamp;

  const STEP = 1; // seconds that the arrow keys go

  /* Fills an element with the player of some of a sound's clips. */
  jaxamp.player = (root, sound, order = sound.names) => {
    root.classList.add("player");
    root.setAttribute("role", "group");
    if (!root.hasAttribute("aria-label")) root.setAttribute("aria-label", "Listen");
    const choose = (name) => sound.play(name);
    const clips = order.map((name, i) =>
      button(sound.label(name), String(i + 1), () => choose(name)));
    const region = jaxamp.regionSetters(sound);
    const note = element("p", { class: "note", hidden: true });
    const parts = {
      clips, note,
      play: button("Play", "Space", () => sound.toggle()),
      position: positionSlider(sound),
      time: element("span", { class: "time", "aria-hidden": "true" }),
      matched: tick("Equally loud", sound.matched, (on) => (sound.matched = on), {
        "aria-keyshortcuts": "m" }),
      louder: louder(sound, order),
    };
    root.replaceChildren(
      element("div", { class: "row clips", role: "group", "aria-label": "What is heard" }, ...clips),
      jaxamp.strip(sound, order.filter((name) => !sound.louderBy(name))),
      parts.position,
      element("div", { class: "row" }, parts.play, parts.time, jaxamp.volume(sound)),
      jaxamp.regionButtons(sound),
      element("div", { class: "row" }, parts.matched, parts.louder),
      note,
    );
    jaxamp.keys(root, {
      " ": () => sound.toggle(),
      ...Object.fromEntries(order.map((name, i) => [String(i + 1), () => choose(name)])),
      l: region.toggle, "[": region.from, "]": region.to,
      m: () => (sound.matched = !sound.matched),
      ArrowLeft: () => sound.seek(sound.position - STEP),
      ArrowRight: () => sound.seek(sound.position + STEP),
      Home: () => sound.seek(sound.region?.[0] ?? 0),
    });
    const show = () => shown(sound, order, parts);
    sound.addEventListener("change", show);
    sound.addEventListener("tick", () => moved(sound, parts));
    show();
  };

  function shown(sound, order, { clips, play, matched, louder, note, ...parts }) {
    clips.forEach((clip, i) =>
      clip.setAttribute("aria-pressed", String(order[i] === sound.current)));
    play.firstChild.textContent = sound.playing ? "Pause" : "Play";
    matched.firstChild.checked = sound.matched;
    if (louder) louder.firstChild.checked = sound.louder;
    note.textContent = sound.note;
    note.hidden = !sound.note;
    moved(sound, parts);
  }

  function moved(sound, { position, time }) {
    const at = sound.position;
    time.textContent = `${at.toFixed(1)} of ${sound.seconds.toFixed(1)} s`;
    position.value = at;
    position.setAttribute("aria-valuetext", `${at.toFixed(1)} seconds`);
  }

  function positionSlider(sound) {
    return element("input", {
      type: "range", class: "position", min: 0, max: sound.seconds, step: 0.01,
      "aria-label": "Position", oninput: (event) => sound.seek(Number(event.target.value)),
    });
  }

  /* A difference is heard as small as it is, unless one asks for more. */
  function louder(sound, order) {
    const quiet = order.find((name) => sound.louderBy(name) > 0);
    if (!quiet) return null;
    const words = `${sound.label(quiet)} louder by ${sound.louderBy(quiet)} dB`;
    return tick(words, sound.louder, (on) => (sound.louder = on));
  }
})();
