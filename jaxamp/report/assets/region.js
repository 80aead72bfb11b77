/* A strip with the outline of some clips: click to go there, drag to loop a region. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;
  const { element } = jaxamp;

  const DRAGGED = 4; // pixels from which a press is a drag
  const FLOOR_DB = 40; // the quietest level that is drawn

  /* The strip. The outline is the largest of the clips named, so that it tells nothing
     about any one of them. A signal ends it. */
  jaxamp.strip = (sound, names, { signal } = {}) => {
    const canvas = element("canvas", { class: "strip", "aria-hidden": "true" });
    let levels = [];
    const draw = () => paint(canvas, sound, levels);
    const resize = () => {
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
      levels = outline(names.map((name) => sound.samples(name)), canvas.width);
      draw();
    };
    const observer = new ResizeObserver(resize);
    observer.observe(canvas);
    signal?.addEventListener("abort", () => observer.disconnect());
    jaxamp.whenColorsChange(draw, { signal });
    sound.addEventListener("tick", draw, { signal });
    sound.addEventListener("change", draw, { signal });
    draggable(canvas, sound);
    return canvas;
  };

  /* What says and sets the region without a mouse. */
  jaxamp.regionButtons = (sound, { signal } = {}) => {
    const { button } = jaxamp;
    const told = element("span", { class: "region-told" });
    const tell = () => {
      const region = sound.region;
      told.textContent = region
        ? `Looping ${region[0].toFixed(2)} to ${region[1].toFixed(2)} s`
        : "No loop";
    };
    sound.addEventListener("change", tell, { signal });
    tell();
    const set = jaxamp.regionSetters(sound, { signal });
    return element(
      "div", { class: "row", role: "group", "aria-label": "Loop" },
      button("Loop", "l", set.toggle),
      button("from here", "[", set.from),
      button("to here", "]", set.to),
      told,
    );
  };

  /* What the keys and buttons of a loop do; the last region comes back when a loop is
     turned on again. */
  jaxamp.regionSetters = (sound, { signal } = {}) => {
    let last = null;
    sound.addEventListener("change", () => (last = sound.region ?? last), { signal });
    return {
      toggle: () => (sound.region = sound.region ? null : (last ?? [0, sound.seconds])),
      from: () => (sound.region = [sound.position, after(sound)]),
      to: () => (sound.region = [sound.region?.[0] ?? 0, sound.position]),
    };
  };

  function after(sound) {
    const end = sound.region?.[1] ?? sound.seconds;
    return end > sound.position ? end : sound.seconds;
  }

  function draggable(canvas, sound) {
    let from = null;
    const where = (event) => {
      const box = canvas.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      return Math.min(Math.max(share, 0), 1) * sound.seconds;
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      from = { x: event.clientX, at: where(event) };
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && Math.abs(event.clientX - from.x) >= DRAGGED)
        sound.region = [from.at, where(event)];
      else if (from) sound.seek(from.at);
      from = null;
    });
    canvas.addEventListener("pointercancel", () => (from = null));
  }

  /* The largest magnitude of all signals in each of so many columns. */
  function outline(signals, columns) {
    const length = signals[0].length;
    return Array.from({ length: columns }, (_, column) => {
      const start = Math.floor((column * length) / columns);
      const end = Math.max(start + 1, Math.floor(((column + 1) * length) / columns));
      let most = 0;
      for (const signal of signals)
        for (let i = start; i < end; i++) most = Math.max(most, Math.abs(signal[i]));
      return most;
    });
  }

  function paint(canvas, sound, levels) {
    const { width, height } = canvas;
    const drawing = canvas.getContext("2d");
    const at = (seconds) => (seconds / sound.seconds) * width;
    const loudest = levels.reduce((a, b) => Math.max(a, b), 1e-9);
    drawing.clearRect(0, 0, width, height);
    const [from, to] = sound.region ?? [0, sound.seconds];
    drawing.fillStyle = jaxamp.color("ink");
    levels.forEach((level, x) => {
      const tall = Math.max(0, 1 + (20 * Math.log10(level / loudest + 1e-9)) / FLOOR_DB);
      drawing.globalAlpha = x >= at(from) && x <= at(to) ? 0.75 : 0.25;
      drawing.fillRect(x, (height * (1 - tall)) / 2, 1, Math.max(1, height * tall));
    });
    drawing.globalAlpha = 1;
    drawing.fillStyle = jaxamp.color("accent");
    drawing.fillRect(at(sound.position) - devicePixelRatio, 0, 2 * devicePixelRatio, height);
  }
})();
