/* Target and prediction overlaid, and their difference below, from the whole clip to
   single samples. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;
  const { element } = jaxamp;

  const HEADROOM = 1.06; // of the height over the highest sample
  const FEWEST = 16; // samples that are shown at least
  const NEAR = 0.03; // seconds around a moment that is looked at
  const DRAGGED = 5; // pixels from which a press is a drag
  const BELOW = 18; // pixels for the numbers of the time axis
  const ENLARGED = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000, 100000];

  jaxamp.waves = (root, sound) => {
    const target = samplesOf(sound, "target");
    const prediction = samplesOf(sound, "prediction");
    const difference = target.map((value, i) => value - prediction[i]);
    const view = { from: 0, to: sound.length };
    const above = canvas("Target and prediction over time");
    const below = canvas("Difference over time", "low");
    const told = element("output", { class: "told" });
    const enlarged = element("p", { class: "note" });
    let asked = 0;

    const draw = () => {
      asked = 0;
      const highest = HEADROOM * Math.max(peak(target, view), peak(prediction, view), 1e-6);
      const wrong = Math.max(peak(difference, view), 1e-12);
      const times = ENLARGED.findLast((n) => n * wrong <= highest);
      const low = times ? highest / times : HEADROOM * wrong;
      paint(above, view, sound.rate, highest, [
        [target, "target", 2.5], [prediction, "prediction", 1],
      ]);
      paint(below, view, sound.rate, low, [[difference, "difference", 1]]);
      enlarged.textContent = `Difference, ${scaleOf(times)}: its picture reaches ` +
        `±${low.toPrecision(2)}, the one above ±${highest.toPrecision(2)}`;
      told.textContent = sentence(target, difference, view, sound.rate);
      heads.forEach((head) => place(head, view, sound));
    };
    const show = (from, to) => {
      const span = Math.min(Math.max(to - from, FEWEST), sound.length);
      view.from = Math.min(Math.max(from, 0), sound.length - span);
      view.to = view.from + span;
      asked ||= requestAnimationFrame(draw);
    };
    const zoom = (factor, at = (view.from + view.to) / 2) =>
      show(at - (at - view.from) * factor, at + (view.to - at) * factor);
    const pan = (share) => {
      const by = share * (view.to - view.from);
      show(view.from + by, view.to + by);
    };
    const near = (samples) => {
      const at = loudest(samples), half = (NEAR * sound.rate) / 2;
      show(at - half, at + half);
    };
    const all = () => show(0, sound.length);
    const keys = {
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": all,
      ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25), Home: all,
    };
    const press = (words, act, more = {}) =>
      element("button", { type: "button", onclick: act, ...more }, words);

    const frames = [above, below].map((one) => element("div", { class: "frame" }, one));
    const heads = frames.map((frame) => {
      const head = element("div", { class: "playhead", hidden: true });
      frame.append(head);
      return head;
    });
    [above, below].forEach((one, i) =>
      handle(one, frames[i], { view, show, zoom, all, keys, sound }));
    root.replaceChildren(
      element("div", { class: "row", role: "group", "aria-label": "Zoom" },
        press("Zoom in", keys["+"]), press("Zoom out", keys["-"]),
        press("◀", keys.ArrowLeft, { "aria-label": "Earlier" }),
        press("▶", keys.ArrowRight, { "aria-label": "Later" }),
        press("All", all), press("Loudest moment", () => near(target)),
        press("Largest difference", () => near(difference)),
        press("Loop what is seen", () =>
          (sound.region = [view.from / sound.rate, view.to / sound.rate]))),
      legend(["target", "prediction"]), frames[0], enlarged, frames[1], told,
    );
    new ResizeObserver(() => show(view.from, view.to)).observe(above);
    jaxamp.whenColorsChange(() => show(view.from, view.to));
    for (const event of ["tick", "change"])
      sound.addEventListener(event, () => heads.forEach((head) => place(head, view, sound)));
    jaxamp.wavesView = view; // for tests
    show(0, sound.length);
  };

  /* The pictures are not of one height, so it is the scales that are compared. */
  function scaleOf(times) {
    if (!times) return "on a coarser scale";
    return times > 1 ? `on a scale ${times.toLocaleString("en")} times finer` : "on the same scale";
  }

  /* A clip's samples at the level they were embedded with. */
  function samplesOf(sound, name) {
    const times = 2 ** (jaxamp.data.clips[name].halvings ?? 0);
    const stored = sound.samples(name);
    return times === 1 ? stored : stored.map((value) => value * times);
  }

  function canvas(label, more = "") {
    return element("canvas", {
      class: `wave ${more}`, tabindex: 0, role: "application",
      "aria-label": `${label}. Plus and minus zoom, arrows move, 0 shows all.`,
    });
  }

  function legend(names) {
    return element("p", { class: "legend" }, ...names.map((name) =>
      element("span", { class: `of-${name}` }, `${name}`)));
  }

  function paint(one, view, rate, highest, lines) {
    const scale = devicePixelRatio;
    const [width, height] = [one.clientWidth, one.clientHeight].map((n) => Math.round(n * scale));
    if (one.width !== width || one.height !== height) Object.assign(one, { width, height });
    const context = one.getContext("2d");
    context.clearRect(0, 0, width, height);
    const part = { context, left: 0, top: 0, width, height: height - BELOW * scale };
    grid(part, view, rate, highest, scale);
    for (const [samples, color, line] of lines)
      jaxamp.trace(part, samples, { ...view, highest, color: jaxamp.color(color), line: line * scale });
  }

  function grid({ context, width, height }, view, rate, highest, scale) {
    const near = (view.to - view.from) / rate < 0.5;
    const unit = near ? 1000 : 1;
    const [from, to] = [view.from, view.to].map((at) => (at / rate) * unit);
    context.font = `${12 * scale}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    for (const { at, words } of jaxamp.timeTicks(from, to, width / (90 * scale))) {
      const x = ((at - from) / (to - from)) * width;
      context.fillStyle = jaxamp.color("grid");
      context.fillRect(x, 0, scale, height);
      context.fillStyle = jaxamp.color("faint");
      if (x > 30 * scale && x < width - 30 * scale)
        context.fillText(`${words} ${near ? "ms" : "s"}`, x, height + (BELOW - 2) * scale);
    }
    context.fillStyle = jaxamp.color("grid");
    context.fillRect(0, height / 2, width, scale);
    context.fillStyle = jaxamp.color("faint");
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillText(highest.toPrecision(2), 4 * scale, 2 * scale);
  }

  /* Drag, wheel, double click and keys. */
  function handle(one, frame, { view, show, zoom, all, keys, sound }) {
    const mark = element("div", { class: "mark", hidden: true });
    frame.append(mark);
    const sample = (x) => view.from + (x / one.clientWidth) * (view.to - view.from);
    const within = (event) => {
      const box = one.getBoundingClientRect();
      return Math.min(Math.max(event.clientX - box.left, 0), box.width);
    };
    let start = null;
    one.addEventListener("pointerdown", (event) => {
      start = within(event);
      one.setPointerCapture(event.pointerId);
    });
    one.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const [a, b] = [start, within(event)].sort((x, y) => x - y);
      mark.hidden = b - a < DRAGGED;
      mark.style.left = `${a}px`;
      mark.style.width = `${b - a}px`;
    });
    one.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const [a, b] = [start, within(event)].sort((x, y) => x - y);
      start = null;
      mark.hidden = true;
      if (b - a >= DRAGGED) show(sample(a), sample(b));
      else sound.seek(sample(a) / sound.rate);
    });
    one.addEventListener("pointercancel", () => { start = null; mark.hidden = true; });
    one.addEventListener("dblclick", all);
    one.addEventListener("wheel", (event) => {
      if (document.activeElement !== one && !event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      zoom(2 ** (event.deltaY / 300), sample(within(event)));
    }, { passive: false });
    one.addEventListener("keydown", (event) => {
      const act = !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }

  function place(head, view, sound) {
    const share = (sound.position * sound.rate - view.from) / (view.to - view.from);
    head.hidden = !(share >= 0 && share <= 1) || sound.position === 0;
    head.style.left = `${100 * share}%`;
  }

  function stretch(samples, view) {
    return [Math.max(0, Math.floor(view.from)), Math.min(samples.length, Math.ceil(view.to))];
  }

  function peak(samples, view) {
    const [first, last] = stretch(samples, view);
    let highest = 0;
    for (let i = first; i < last; i++) highest = Math.max(highest, Math.abs(samples[i]));
    return highest;
  }

  function loudest(samples) {
    let at = 0;
    for (let i = 1; i < samples.length; i++)
      if (Math.abs(samples[i]) > Math.abs(samples[at])) at = i;
    return at;
  }

  function energy(samples, view) {
    const [first, last] = stretch(samples, view);
    let total = 0;
    for (let i = first; i < last; i++) total += samples[i] * samples[i];
    return total;
  }

  function sentence(target, difference, view, rate) {
    const count = Math.ceil(view.to) - Math.floor(view.from);
    const [heard, wrong] = [energy(target, view), energy(difference, view)];
    const [from, to] = [view.from, view.to].map((at) => (at / rate).toFixed(4));
    const level = (power) => jaxamp.levelOf(power, count).toFixed(1);
    const esr = heard > 0 ? (wrong / heard).toPrecision(3) : "–";
    return `In view: ${from} to ${to} s, ${Math.round(view.to - view.from).toLocaleString("en")} samples. ` +
      `Target ${level(heard)} dBFS, difference ${level(wrong)} dBFS: ESR ${esr}.`;
  }
})();
