"use strict";
/* Dots and lines in two axes as SVG, to point at and to walk by keyboard. Knows nothing of sweeps.

   draw(place, spec) with dots: [{ color, shape, points }], lines: [{ name, color, dash, points }], front: points, rings and dashed: points,
   x and y: { label, unit, log, isAmount }; a point is [x, y, row]. Calls spec.tell(row) and spec.open(row). */
const pvtprofPlot = (() => {
  const { integer, size, short, duration, three } = pvtprofSpoken;
  const escape = (text) => `${text}`.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  const SHAPES = 6, NEAR = 28, TOP = 22, BOTTOM = 44;

  // ---- Numbers of an axis

  const whole = (value) => BigInt(Math.round(value));
  const SAID = {
    count: (value) => short(whole(value)), bytes: (value) => size(whole(value)), seconds: duration,
    px: (value) => integer(Math.round(value)), plain: (value) => `${Number(value.toPrecision(4)).toLocaleString("en-US")}`,
    share: (value) => `${value ? three(100 * value) : 0} %`,
  };
  const said = (value, unit) => SAID[unit](value);
  /* Round numbers as an axis has them: without zeros behind the point. */
  const tick = (value, unit) => {
    if (unit === "seconds") {
      const [by, name] = value >= 1 ? [1, "s"] : value >= 1e-3 ? [1e3, "ms"] : [1e6, "µs"];
      return `${Number((value * by).toPrecision(3)).toLocaleString("en-US")} ${name}`;
    }
    if (unit === "share") return `${Number((100 * value).toPrecision(3))} %`;
    return said(value, unit).replace(/\.0+(?= |$)/, "").replace(/(\.\d*?)0+(?= |$)/, "$1");
  };

  /* Where an axis is written: of logarithms powers of 10 or 2, with 2 and 5 between where there is room; else even steps. */
  function ticks(low, high, { log, unit }, most) {
    const binary = unit === "bytes" || unit === "px";
    if (!log) {
      const base = unit === "bytes" ? 1024 ** Math.floor(Math.log(high || 1) / Math.log(1024)) : 1, raw = (high - low) / most / base || 1;
      const power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((by) => by * power).find((one) => one >= raw) * base;
      const found = [];
      for (let k = Math.ceil(low / step - 1e-9); k * step <= high * (1 + 1e-9); k++) found.push(k * step);
      return found;
    }
    if (binary) {
      const first = Math.ceil(Math.log2(low) - 1e-9), last = Math.floor(Math.log2(high) + 1e-9), step = Math.max(1, Math.ceil((last - first) / most));
      const found = [];
      for (let power = first; power <= last; power += step) found.push(2 ** power);
      return found.length > 2 ? found : ticks(low, high, { unit }, most);
    }
    if (high / low < 5) return ticks(low, high, { unit }, most);
    for (const parts of [[1, 2, 5], [1, 3], [1]]) {
      const found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
        for (const part of parts) if (part * 10 ** power >= low * 0.999 && part * 10 ** power <= high * 1.001) found.push(part * 10 ** power);
      if (found.length <= most) return found.length > 1 ? found : [low, high];
    }
    const first = Math.ceil(Math.log10(low)), last = Math.floor(Math.log10(high)), step = Math.ceil((last - first) / most), found = [];
    for (let power = first; power <= last; power += step) found.push(10 ** power);
    return found;
  }

  /* The range of an axis: amounts begin at zero unless the axis is logarithmic. */
  function range(values, { log, isAmount }) {
    let low = Infinity, high = -Infinity;
    for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
    if (log) { const room = Math.max((high / low) ** 0.04, 1.04); return [low / room, high * room]; }
    if (isAmount) return [0, (high || 1) * 1.05];
    const room = (high - low || Math.abs(high) || 1) * 0.04;
    return [low - room, high + room];
  }

  const scale = ([low, high], from, to, log) => (log
    ? (value) => from + ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (to - from)
    : (value) => from + ((value - low) / (high - low)) * (to - from));

  // ---- Marks

  const MARKS = [
    (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
    (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    (x, y, r) => `M${x} ${y - 1.2 * r}l${1.2 * r} ${2.1 * r}h${-2.4 * r}z`,
    (x, y, r) => `M${x} ${y - 1.4 * r}l${1.4 * r} ${1.4 * r}l${-1.4 * r} ${1.4 * r}l${-1.4 * r} ${-1.4 * r}z`,
    (x, y, r) => `M${x} ${y + 1.2 * r}l${1.2 * r} ${-2.1 * r}h${-2.4 * r}z`,
    (x, y, r) => `M${x - r} ${y - r / 2.5}h${2 * r}v${r / 1.25}h${-2 * r}z`,
  ];
  const mark = (shape, x, y, r) => MARKS[shape % SHAPES](x, y, r);
  const swatch = (shape, color) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path fill="${escape(color)}" d="${mark(shape, 8, 8, 4.5)}"/></svg>`;
  const text = (x, y, words, anchor = "start", kind = "") => `<text x="${x}" y="${y}" text-anchor="${anchor}"${kind ? ` class="${kind}"` : ""}>${escape(words)}</text>`;
  const rounded = (value) => Math.round(10 * value) / 10;

  /* Labels at the ends of lines, apart from each other and inside the picture. */
  function labels(ends, low, high) {
    const placed = ends.map(({ y }, i) => [y, i]).sort(([a], [b]) => a - b), apart = Math.min(15, (high - low) / Math.max(1, ends.length));
    for (let k = 0; k < placed.length; k++) placed[k][0] = Math.max(placed[k][0], k ? placed[k - 1][0] + apart : low);
    for (let k = placed.length - 1, below = high; k >= 0; k--) below = (placed[k][0] = Math.min(placed[k][0], below)) - apart;
    return new Map(placed.map(([y, i]) => [i, y]));
  }

  // ---- The picture

  const drawn = new Map();

  function axes(box, spec, x, y, ranges) {
    const parts = [], { left, right, bottom } = box, narrow = right - left < 420;
    for (const value of ticks(...ranges[1], spec.y, 6)) {
      const at = rounded(y(value));
      parts.push(`<path class="grid" d="M${left} ${at}H${right}"/>`, text(left - 8, at + 4, tick(value, spec.y.unit), "end"));
    }
    for (const value of spec.x.at ?? ticks(...ranges[0], spec.x, narrow ? 4 : 8)) {
      const at = rounded(x(value));
      parts.push(`<path class="grid" d="M${at} ${TOP}V${bottom}"/>`, text(at, bottom + 18, tick(value, spec.x.unit), "middle"));
    }
    parts.push(`<path class="edge" d="M${left} ${TOP}V${bottom}H${right}"/>`, text(right, bottom + 36, spec.x.label, "end", "soft"), text(8, 12, spec.y.label, "start", "soft"));
    return parts;
  }

  function draw(place, spec) {
    const groups = [...(spec.dots ?? []), ...(spec.lines ?? [])], points = groups.flatMap((group) => group.points);
    const width = Math.max(place.clientWidth, 240), height = Math.max(place.clientHeight, 200);
    const named = spec.lines?.length ? Math.min(7.1 * Math.max(...spec.lines.map((line) => line.name.length)) + 14, width * 0.36) : 18;
    const box = { left: 74, right: width - named, bottom: height - BOTTOM };
    if (!points.length) {
      place.innerHTML = "";
      drawn.delete(place);
      return;
    }
    const ranges = [range(points.map(([x]) => x), spec.x), range(points.map(([, y]) => y), spec.y)];
    if (spec.diagonal) ranges[0] = ranges[1] = [Math.min(ranges[0][0], ranges[1][0]), Math.max(ranges[0][1], ranges[1][1])];
    const x = scale(ranges[0], box.left, box.right, spec.x.log), y = scale(ranges[1], box.bottom, TOP, spec.y.log);
    const parts = axes(box, spec, x, y, ranges), r = points.length > 600 ? 2.5 : points.length > 60 ? 3.5 : 4.5;
    if (spec.diagonal) parts.push(`<path class="front" d="M${x(ranges[0][0])} ${y(ranges[0][0])}L${x(ranges[0][1])} ${y(ranges[0][1])}"/>`);
    const ends = [];
    for (const group of groups) {
      const at = group.points.map(([a, b]) => [rounded(x(a)), rounded(y(b))]);
      if (group.name !== undefined && at.length) {
        parts.push(`<path class="curve" stroke="${escape(group.color)}" stroke-dasharray="${group.dash}" d="M${at.map((one) => one.join(" ")).join("L")}"/>`);
        ends.push({ name: group.name, y: at.at(-1)[1] + 4 });
      }
      const style = group.hollow ? `fill="none" stroke-width="1.5" stroke="${escape(group.color)}"` : `fill="${escape(group.color)}" fill-opacity="${points.length > 600 ? 0.6 : 0.9}"`;
      parts.push(`<path ${style} d="${at.map(([a, b]) => mark(group.shape, a, b, r)).join("")}"/>`);
    }
    if (spec.front?.length) {
      parts.push(`<path class="front" d="M${spec.front.map(([a, b]) => `${rounded(x(a))} ${rounded(y(b))}`).join("L")}"/>`);
    }
    if (spec.rings?.length) {
      parts.push(`<path class="ring" d="${spec.rings.map(([a, b]) => MARKS[0](rounded(x(a)), rounded(y(b)), r + 3)).join("")}"/>`);
    }
    if (spec.dashed?.length) {
      parts.push(`<path class="ring dashed" d="${spec.dashed.map(([a, b]) => MARKS[0](rounded(x(a)), rounded(y(b)), r + 3)).join("")}"/>`);
    }
    const room = Math.floor((named - 14) / 7.1);
    labels(ends, TOP + 8, box.bottom).forEach((at, i) => {
      const name = ends[i].name;
      parts.push(text(box.right + 8, at, name.length > room ? `${name.slice(0, Math.max(room - 1, 1))}…` : name, "start", "halo"));
    });
    place.innerHTML = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(spec.said)}">${parts.join("")}<circle class="at" r="7" hidden></circle></svg>`;
    const all = points.map(([a, b, row]) => [x(a), y(b), row]);
    drawn.set(place, { spec, all, at: -1, width });
    if (!place.dataset.live) listen(place);
  }

  // ---- Pointing and walking

  function point(place, index) {
    const state = drawn.get(place), ring = place.querySelector(".at"), reading = document.getElementById(`${place.id}-reading`);
    if (!state || state.at === index) return;
    state.at = index;
    ring.toggleAttribute("hidden", index < 0);
    if (index < 0) return;
    ring.setAttribute("cx", state.all[index][0]);
    ring.setAttribute("cy", state.all[index][1]);
    reading.textContent = state.spec.tell(state.all[index][2]);
  }

  function nearest(place, event) {
    const state = drawn.get(place), box = place.getBoundingClientRect();
    if (!state) return -1;
    const by = state.width / box.width, left = (event.clientX - box.left) * by, top = (event.clientY - box.top) * by;
    let best = -1, least = NEAR * NEAR;
    state.all.forEach(([x, y], i) => { const far = (x - left) ** 2 + (y - top) ** 2; if (far < least) { least = far; best = i; } });
    return best;
  }

  /* The next point to the right or left (axis 0), up or down (axis 1). */
  function step(place, axis, sign) {
    const { all, at } = drawn.get(place), order = all.map((_, i) => i).sort((a, b) => all[a][axis] - all[b][axis] || a - b);
    point(place, order[at < 0 ? 0 : Math.min(Math.max(order.indexOf(at) + sign, 0), order.length - 1)]);
  }

  function listen(place) {
    place.dataset.live = "yes";
    const keys = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [1, -1], ArrowDown: [1, 1] };
    place.addEventListener("pointermove", (event) => point(place, nearest(place, event)));
    place.addEventListener("click", (event) => {
      const index = nearest(place, event);
      if (index >= 0) drawn.get(place).spec.open(drawn.get(place).all[index][2]);
    });
    place.addEventListener("keydown", (event) => {
      const state = drawn.get(place), way = keys[event.key];
      if (!state || event.ctrlKey || event.metaKey || event.altKey) return;
      if (way) step(place, ...way);
      else if (event.key === "Enter" && state.at >= 0) state.spec.open(state.all[state.at][2]);
      else return;
      event.preventDefault();
    });
  }

  const redraw = () => drawn.forEach(({ spec, width }, place) => { if (Math.abs(place.clientWidth - width) > 1) draw(place, spec); });
  let waits = false;
  addEventListener("resize", () => { if (!waits) requestAnimationFrame(() => { waits = false; redraw(); }); waits = true; });

  return { draw, escape, said, swatch };
})();
