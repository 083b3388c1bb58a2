// Draws the charts of one release and adds to them what the page hears. What was not measured is a gap, never a zero.
"use strict";

(() => {
  const MOST_POINTS = 12000;
  const PAGE = 500;
  const HEIGHT = 190;
  const chart = document.getElementById("chart");
  if (!chart) return;

  const [SEQUENCE, AT, WEIGHT, SUCCESS, CANARY_SUCCESS, P99, CANARY_P99] = [0, 1, 2, 3, 4, 5, 6];
  const limits = { success: read(chart.dataset.leastSuccess), p99: read(chart.dataset.mostP99) };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let points = [];
  let early = [];
  let loaded = false;
  let plots = [];

  function read(text) {
    return text === undefined ? null : Number(text);
  }

  // Limits that nobody reports come with what was measured, which may be after the page.
  function learn(told) {
    if (!told || (told.success === limits.success && told.p99 === limits.p99)) return;
    Object.assign(limits, told);
    if (plots.length) drawAll();
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  function column(place) {
    return points.map((point) => point[place]);
  }

  function level(value) {
    return points.map(() => value);
  }

  // A sample knows no more than a decision does: the weight holds until somebody tells of another one.
  function weights() {
    let last = null;
    return points.map((point) => {
      last = point[WEIGHT] ?? last;
      return last;
    });
  }

  function tables() {
    const times = column(AT);
    return {
      "plot-weight": [times, weights()],
      "plot-success": [times, column(SUCCESS), column(CANARY_SUCCESS), level(limits.success)],
      "plot-p99": [times, column(P99), column(CANARY_P99), level(limits.p99)],
    };
  }

  function line(label, name, more) {
    return { label, stroke: colour(name), width: 2, spanGaps: false, points: { size: 5 }, ...more };
  }

  function limit(label) {
    return line(label, "bad", { dash: [6, 4], width: 1.5, points: { show: false } });
  }

  function clock() {
    return { label: "UTC", value: (_, seconds) => (seconds === null ? "" : tell(seconds)) };
  }

  function arms(label) {
    return [clock(), line("primary", "faint"), line("canary", "link"), limit(label)];
  }

  // As everywhere on the pages, times are in UTC.
  function tell(seconds) {
    return new Date(seconds * 1000).toISOString().slice(11, 19);
  }

  function mark(plot, times) {
    const days = plot.scales.x.max - plot.scales.x.min > 86400;
    return times.map((time) => (days ? new Date(time * 1000).toISOString().slice(5, 16).replace("T", " ") : tell(time)));
  }

  function draw(id, series, range) {
    const place = document.getElementById(id);
    const axis = { stroke: colour("ink"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      series,
      scales: { x: { range: (_, from, to) => [from, Math.max(to, from + 10)] }, y: { range } },
      axes: [{ ...axis, space: 90, values: mark }, { ...axis, size: 60 }],
      cursor: { drag: { x: true, y: false } },
    };
    return [id, new uPlot(options, tables()[id], place)];
  }

  function around(value, least, most) {
    return (_, low, high) => {
      const seen = [low, high, value].filter((one) => one !== null && one !== undefined);
      if (seen.length === 0) return [least, most ?? 1];
      const [bottom, top] = [Math.min(...seen), Math.max(...seen)];
      const room = Math.max((top - bottom) * 0.1, 0.5);
      return [Math.max(least, bottom - room), Math.min(most ?? Infinity, top + room)];
    };
  }

  function drawAll() {
    for (const [, plot] of plots) plot.destroy();
    const stepped = line("canary weight", "link", { paths: uPlot.paths.stepped({ align: 1 }) });
    plots = [
      draw("plot-weight", [clock(), stepped], () => [0, 100]),
      draw("plot-success", arms("at least"), around(limits.success, 0, 100)),
      draw("plot-p99", arms("at most"), around(limits.p99, 0, null)),
    ];
  }

  function show() {
    document.getElementById("no-points").hidden = points.length > 0;
    for (const figure of chart.querySelectorAll("figure")) figure.hidden = points.length === 0;
    chart.dataset.shown = String(points.length);
    if (points.length === 0) return;
    if (plots.length === 0) drawAll();
    const data = tables();
    for (const [id, plot] of plots) plot.setData(data[id]);
  }

  function add(more) {
    const known = new Set(points.map((point) => point[SEQUENCE]));
    points = points.concat(more.filter((point) => !known.has(point[SEQUENCE])));
    // uPlot wants rising times; reports may have come out of order.
    points.sort((one, other) => one[AT] - other[AT] || one[SEQUENCE] - other[SEQUENCE]);
    points = points.slice(-MOST_POINTS);
  }

  async function load() {
    try {
      for (let after = 0, rounds = 0; rounds < MOST_POINTS / PAGE; rounds += 1) {
        const answer = await fetch(`${chart.dataset.points}?after=${after}`);
        if (!answer.ok) break;
        const told = await answer.json();
        const page = told.points;
        learn(told.limits);
        add(page);
        if (page.length === 0) break;
        after = page[page.length - 1][SEQUENCE];
      }
    } catch {
      // What is heard from now on is drawn; the table of decisions has the rest.
    }
    loaded = true;
    add(early);
    early = [];
    show();
  }

  document.addEventListener("live-points", ({ detail }) => {
    learn(detail.limits);
    if (!loaded) {
      early = early.concat(detail.points);
      return;
    }
    add(detail.points);
    show();
  });
  dark.addEventListener("change", () => plots.length && drawAll());
  new ResizeObserver(() => {
    for (const [id, plot] of plots) plot.setSize({ width: document.getElementById(id).clientWidth, height: HEIGHT });
  }).observe(chart);
  load();
})();
