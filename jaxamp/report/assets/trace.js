/* Draws samples into a canvas, from minutes down to single ones: where many fall on one
   pixel, a bar from the lowest to the highest of them; else a line, with dots once they
   lie far apart. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;

  const APART = 6; // pixels between samples from which each has a dot

  /* `part` is {context, left, top, width, height}; from and to are samples, which may
     be fractions; the highest is the amplitude at the top. */
  jaxamp.trace = (part, samples, { from, to, highest, color, line = 1 }) => {
    const { context, left, width } = part;
    context.save();
    context.beginPath();
    context.rect(left, part.top, width, part.height);
    context.clip();
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = line;
    const y = (value) => part.top + (part.height / 2) * (1 - value / highest);
    if ((to - from) / width > 2) bars(part, samples, from, to, y, line);
    else points(part, samples, from, to, y, line);
    context.restore();
  };

  function bars({ context, left, width }, samples, from, to, y, line) {
    const each = (to - from) / width;
    for (let pixel = 0; pixel < width; pixel++) {
      const first = Math.max(0, Math.floor(from + pixel * each) - 1);
      const last = Math.min(samples.length, Math.ceil(from + (pixel + 1) * each));
      let low = Infinity, high = -Infinity;
      for (let i = first; i < last; i++) {
        if (samples[i] < low) low = samples[i];
        if (samples[i] > high) high = samples[i];
      }
      if (high >= low) context.fillRect(left + pixel, y(high) - line / 2, 1, y(low) - y(high) + line);
    }
  }

  function points({ context, left, width }, samples, from, to, y, line) {
    const apart = width / (to - from);
    const first = Math.max(0, Math.floor(from)), last = Math.min(samples.length - 1, Math.ceil(to));
    const x = (i) => left + (i - from) * apart;
    context.beginPath();
    for (let i = first; i <= last; i++) context.lineTo(x(i), y(samples[i]));
    context.stroke();
    if (apart < APART) return;
    for (let i = first; i <= last; i++) {
      context.beginPath();
      context.arc(x(i), y(samples[i]), 1.5 + line, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /* Ticks under a trace, in whole steps of 1, 2 or 5. */
  jaxamp.timeTicks = (from, to, most) => {
    const least = (to - from) / most;
    const decade = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((n) => n * decade).find((n) => n >= least);
    const ticks = [];
    for (let i = Math.ceil(from / step); i * step <= to; i++) ticks.push(i * step);
    return ticks.map((at) => ({ at, words: at.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))) }));
  };

  /* Mean square of a stretch, in dB. */
  jaxamp.levelOf = (energy, count) => 10 * Math.log10(Math.max(energy / count, 1e-16));
})();
