/* Size or speed against ESR: a point for each model, which tells all about itself and
   leads to its runs. By keyboard: tab to the points, arrows from one to the next, enter
   to its links. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;
  const { element } = jaxamp;

  const COSTS = {
    size: { label: "parameters", words: "size", front: "front_size", of: (row) => row.parameters },
    speed: {
      label: "times faster than real time", words: "speed", front: "front_speed",
      of: (row) => row.realtime_factor,
    },
  };
  const EDGE = { left: 58, right: 16, top: 12, bottom: 40 };
  const FAMILIES = 6; // colours
  const LETTER = 6.6; // pixels, about
  let identity = 0;

  /* --- marks -------------------------------------------------------------------- */

  function drawn(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /* A logarithmic axis over some values, with room at both ends. */
  function axis(values, from, to) {
    const [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log);
    const room = Math.max(0.08 * (high - low), 0.1);
    const [first, last] = [low - room, high + room];
    const at = (value) => from + ((Math.log(value) - first) / (last - first)) * (to - from);
    return { at, ticks: ticks(Math.exp(first), Math.exp(last)) };
  }

  /* Round numbers within a range: of each decade 1, or 1, 2, 5, …, until there are
     some, but not many. */
  function ticks(low, high) {
    const decades = [];
    for (let d = Math.floor(Math.log10(low)); d <= Math.log10(high); d++) decades.push(d);
    const within = (steps) => decades
      .flatMap((d) => steps.map((step) => Number(`${step}e${d}`)))
      .filter((value) => value >= low && value <= high);
    const found = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 8]].map(within);
    return found.find((some) => some.length >= 3) ?? evenly(low, high);
  }

  /* Round numbers of one step, where a range is narrow. */
  function evenly(low, high) {
    const rough = (high - low) / 4;
    const decade = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * decade).find((n) => n >= rough);
    const first = Math.ceil(low / step), last = Math.floor(high / step);
    return Array.from({ length: last - first + 1 }, (_, i) =>
      Number(((first + i) * step).toPrecision(12)));
  }

  const count = (value) => value.toLocaleString("en");
  const few = (value) => Number(value.toPrecision(3)).toString();

  /* --- one figure --------------------------------------------------------------- */

  function figure(place, { name, rows }) {
    const title = `figure-${identity++}`;
    const svg = drawn("svg", { role: "group", "aria-labelledby": title });
    const about = element("div", { class: "about" }, element("p", { class: "faint" },
      "Point at a model, or go through them with the arrow keys."));
    const families = [...new Set(rows.map((row) => row.family))];
    const state = { cost: "size", current: 0, rows, svg, about, families };
    const draw = () => render(state, title, name);
    const choices = Object.entries(COSTS).map(([cost, { words }]) => {
      const radio = element("input", {
        type: "radio", name: title, value: cost,
        onchange: () => { state.cost = cost; draw(); },
      });
      radio.checked = cost === state.cost;
      return element("label", { class: "choice" }, radio, words);
    });
    place.replaceChildren(
      element("fieldset", {}, element("legend", {}, "ESR against"), ...choices),
      svg, about);
    new ResizeObserver(draw).observe(place);
  }

  function render(state, title, name) {
    const { svg, rows, families } = state;
    const cost = COSTS[state.cost];
    const width = Math.max(280, svg.parentElement.clientWidth);
    const height = Math.round(Math.min(440, Math.max(280, 0.55 * width)));
    const x = axis(rows.map(cost.of), EDGE.left, width - EDGE.right);
    const y = axis(rows.flatMap((row) => [row.low, row.high]), height - EDGE.bottom, EDGE.top);
    const held = svg.contains(document.activeElement);
    const points = rows.map((row, i) => point(state, row, i, x.at(cost.of(row)), y));
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(
      drawn("title", { id: title }, `${name}: validation ESR against ${cost.label}`),
      ...grid(x, y, width, height, cost.label),
      front(rows.filter((row) => row[cost.front]), cost.of, x, y),
      ...points,
      ...names(rows, cost.of, x, y, width, families));
    mark(state, points);
    if (held) points[state.current].focus();
  }

  function grid(x, y, width, height, label) {
    const right = width - EDGE.right, bottom = height - EDGE.bottom;
    let clear = -Infinity; // where the last number ends
    const across = x.ticks.flatMap((value) => {
      const at = x.at(value), half = (LETTER * count(value).length) / 2;
      const line = drawn("line", { class: "grid", x1: at, x2: at, y1: EDGE.top, y2: bottom });
      if (at - half < clear + 8) return [line];
      clear = at + half;
      return [line, drawn("text", {
        class: "tick", x: at, y: bottom + 16, "text-anchor": "middle" }, count(value))];
    });
    const up = y.ticks.flatMap((value) => [
      drawn("line", { class: "grid", x1: EDGE.left, x2: right, y1: y.at(value), y2: y.at(value) }),
      drawn("text", { class: "tick", x: EDGE.left - 6, y: y.at(value) + 4, "text-anchor": "end" },
        few(value)),
    ]);
    const words = [
      drawn("text", { x: (EDGE.left + right) / 2, y: height - 6, "text-anchor": "middle" }, label),
      drawn("text", { "text-anchor": "middle",
        transform: `translate(12 ${(EDGE.top + bottom) / 2}) rotate(-90)` }, "validation ESR"),
    ];
    const marks = drawn("g", { "aria-hidden": "true" }, ...across, ...up, ...words);
    return [marks];
  }

  function front(best, of, x, y) {
    const line = best.map((row) => [x.at(of(row)), y.at(row.esr)]).sort((a, b) => a[0] - b[0]);
    return drawn("polyline", { class: "front", points: line.map((p) => p.join()).join(" ") });
  }

  /* Names beside the points: as long, and on the side, as there is room for. */
  function names(rows, of, x, y, width, families) {
    const boxes = rows.map((row) => [x.at(of(row)) - 7, y.at(row.esr) - 7, 14, 14]);
    return rows.flatMap((row) => {
      const at = x.at(of(row)), up = y.at(row.esr);
      const found = [row.model, row.short, row.model.split(" ")[0]]
        .flatMap((words) => [-4, 14].flatMap((below) => [1, -1].map((side) => {
          const long = LETTER * words.length;
          const left = side > 0 ? at + 10 : at - 10 - long;
          return { words, side, below, box: [left, up + below - 10, long, 13] };
        })))
        .find(({ box }) => box[0] > EDGE.left && box[0] + box[2] < width &&
          !boxes.some((other) => overlap(box, other)));
      if (!found) return [];
      boxes.push(found.box);
      return [drawn("text", {
        class: "name", x: at + 10 * found.side, y: up + found.below,
        "text-anchor": found.side > 0 ? "start" : "end",
        style: `fill: ${color(row, families)}`, "aria-hidden": "true" }, found.words)];
    });
  }

  function overlap([x, y, w, h], [a, b, c, d]) {
    return x < a + c && a < x + w && y < b + d && b < y + h;
  }

  function color(row, families) {
    return `var(--family-${families.indexOf(row.family) % FAMILIES})`;
  }

  /* --- one point ---------------------------------------------------------------- */

  function point(state, row, index, at, y) {
    const paint = `fill: ${color(row, state.families)}; stroke: ${color(row, state.families)}`;
    const best = row[COSTS[state.cost].front];
    const made = drawn("g", {
      role: "button", tabindex: "-1", "data-row": index, "aria-label": sentences(row).join(" "),
    },
      drawn("line", { x1: at, x2: at, y1: y.at(row.low), y2: y.at(row.high), style: paint, "stroke-width": 1.5 }),
      drawn("circle", { cx: at, cy: y.at(row.esr), r: best ? 6 : 4, style: paint }),
      drawn("circle", { class: "ring", cx: at, cy: y.at(row.esr), r: 10 }),
      drawn("circle", { cx: at, cy: y.at(row.esr), r: 16, fill: "transparent" }));
    const show = () => { state.current = index; mark(state); tell(state, row); };
    made.addEventListener("pointerenter", show);
    made.addEventListener("focus", show);
    made.addEventListener("click", show);
    made.addEventListener("keydown", (event) => {
      const next = step(state, event.key);
      if (next !== null) points(state)[next].focus();
      else if (event.key === "Enter" || event.key === " ") state.about.querySelector("a")?.focus();
      else return;
      event.preventDefault();
    });
    return made;
  }

  const points = ({ svg }) => [...svg.querySelectorAll("[role=button]")];

  /* The row that an arrow leads to, left to right as drawn; null for other keys. */
  function step(state, key) {
    const move = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key];
    if (!move) return null;
    const of = COSTS[state.cost].of;
    const order = state.rows.map((_, i) => i).sort((a, b) => of(state.rows[a]) - of(state.rows[b]));
    const place = order.indexOf(state.current) + move;
    return order[Math.min(Math.max(place, 0), order.length - 1)];
  }

  function mark(state, made = points(state)) {
    made.forEach((one, i) => {
      one.setAttribute("tabindex", i === state.current ? "0" : "-1");
      one.classList.toggle("chosen", i === state.current && state.about.dataset.told === "yes");
    });
  }

  function sentences(row) {
    const spread = row.half === null ? "" : ` ± ${few(row.half)}`;
    const many = row.runs.length > 1;
    return [
      `${row.model}:`,
      `ESR ${few(row.esr)}${spread}${many ? `, best ${few(row.best)}, of ${row.runs.length} seeds` : " of one seed"}.`,
      `${count(row.parameters)} parameters, ${count(row.macs_per_sample)} multiply-adds a sample,`,
      `${few(row.realtime_factor)} times faster than real time in blocks of ${row.realtime_block}.`,
    ];
  }

  function tell(state, row) {
    const [model, ...rest] = sentences(row);
    state.about.dataset.told = "yes";
    const links = row.runs.filter((run) => run.href).flatMap((run) => [
      " ", element("a", { href: run.href }, `seed ${run.seed} (ESR ${few(run.esr)})`)]);
    state.about.replaceChildren(
      element("p", {}, element("strong", {}, model.slice(0, -1))),
      element("p", {}, rest.join(" ")),
      ...(links.length ? [element("p", {}, row.runs.length > 1 ? "Runs:" : "Run:", ...links)] : []));
    mark(state);
  }

  /* --- the page ----------------------------------------------------------------- */

  for (const place of document.querySelectorAll(".scatter"))
    figure(place, jaxamp.data.captures[place.dataset.capture]);
  document.querySelector("details.still")?.removeAttribute("open");
  const rating = document.getElementById("rating");
  if (rating) jaxamp.rating(rating, jaxamp.data.trials, { about: jaxamp.data.about });
})();
