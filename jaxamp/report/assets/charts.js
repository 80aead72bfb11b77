/* Charts out of the page's data, drawn by uPlot in the colours of the page. */
(() => {
  "use strict";
  const { jaxamp, uPlot } = globalThis;

  const HEIGHT = 260;
  const WIDEST = 460; // of a square

  /* Fills every element that names a chart; they follow their width and the colours.
     Gives each one's `show(label, values)`, which draws a series anew. */
  jaxamp.charts = () =>
    Object.fromEntries([...document.querySelectorAll("[data-chart]")].map((root) =>
      [root.dataset.chart, drawnIn(root, jaxamp.data.charts[root.dataset.chart])]));

  function drawnIn(root, chart) {
    let drawn = null;
    const draw = () => {
      drawn?.destroy();
      drawn = new uPlot(options(chart, root.clientWidth), data(chart), root);
    };
    draw();
    jaxamp.whenColorsChange(draw);
    new ResizeObserver(() => {
      const wanted = size(chart, root.clientWidth);
      if (wanted.width !== drawn.width) drawn.setSize(wanted);
    }).observe(root);
    return (label, values) => {
      const column = chart.series.findIndex((one) => one.label === label);
      chart.series[column].values = values;
      drawn.setData(data(chart));
      tell(root.closest("figure"), column + 1, values);
    };
  }

  /* The numbers of a series in its chart's table, where that has a row for each. */
  function tell(figure, column, values) {
    const rows = [...(figure?.querySelectorAll("details tbody tr") ?? [])];
    if (rows.length === values.length)
      rows.forEach((row, i) => (row.children[column].textContent = number(values[i])));
  }

  const data = (chart) => [chart.x, ...chart.series.map((one) => one.values)];

  const size = (chart, width) =>
    chart.square ? { width: Math.min(width, WIDEST), height: Math.min(width, WIDEST) }
      : { width, height: HEIGHT };

  function options(chart, width) {
    return {
      ...size(chart, width),
      scales: { x: scale(chart.x_log, false), y: scale(chart.y_log, true, chart.y_range) },
      axes: [axis(chart.x_label, chart.x_log, 0, chart.x_ticks), axis(chart.y_label, chart.y_log, 1)],
      series: [{ label: chart.x_label, value: number }, ...chart.series.map(series)],
      cursor: { points: { size: 7 } },
      legend: { markers: { fill: (u, i) => u.series[i].stroke(u, i) } },
    };
  }

  function scale(log, padded, fixed) {
    return {
      time: false,
      distr: log ? 3 : 1,
      range: (_, least, most) => {
        const [low, high] = fixed ?? [least, most];
        if (low == null) return log ? [0.1, 1] : [0, 1];
        if (log) return [low / 1.15, high * 1.15];
        const room = (high - low || Math.abs(high) || 1) * (padded ? 0.08 : 0.03);
        return [low - room, high + room];
      },
    };
  }

  function axis(label, log, side, ticks) {
    const made = {
      label, stroke: jaxamp.color("faint"), labelSize: 20, labelFont: "12px system-ui",
      font: "12px system-ui", size: side ? 58 : 34,
      grid: { stroke: jaxamp.color("grid"), width: 1 },
      ticks: { stroke: jaxamp.color("grid"), width: 1, size: 5 },
      values: (_, splits) => splits.map(number),
    };
    if (ticks) made.splits = () => ticks;
    else if (log) made.splits = (_, __, low, high) => decades(low, high);
    if (log) made.filter = (_, all) => all;
    return made;
  }

  /* 1, 2 and 5 of each decade, or the decades alone where there are many. */
  function decades(low, high) {
    const steps = Math.log10(high / low) > 2.5 ? [1] : [1, 2, 5];
    const found = [];
    for (let d = Math.floor(Math.log10(low)); d <= Math.log10(high); d++)
      for (const n of steps) {
        const at = n * 10 ** d;
        if (at >= low && at <= high) found.push(at);
      }
    return found;
  }

  function series(one) {
    const color = jaxamp.color(one.color);
    const bare = one.style === "points" || one.style === "dots";
    const dots = bare || one.style === "both";
    const large = one.color === "target"; // what lies below shows around what lies on it
    const size = one.style === "dots" ? (large ? 5 : 3) : large ? 8 : 5;
    return {
      label: one.label, stroke: color, spanGaps: true, value: number,
      width: large ? 2.5 : 1.5,
      dash: one.style === "dashes" ? [6, 5] : undefined,
      paths: bare ? () => null : undefined,
      points: { show: dots, size, stroke: color, fill: color },
    };
  }

  function number(first, second) {
    const value = typeof first === "number" ? first : second;
    if (value == null) return "–";
    if (Number.isInteger(value)) return value.toLocaleString("en");
    return Math.abs(value) < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
  }
})();
