"use strict";
/* The rows of a store: filtered, drawn, compared, and each with its figures. What is computed here follows the
   filter; the words that Python wrote (report/sweep_page/sweep_*.py) are of the first view, by the same rules. */
const pvtprofSweep = async () => {
  const { element, copy, save, unpacked } = pvtprofPage, { people, duration, several } = pvtprofSpoken, { draw, escape, said, swatch } = pvtprofPlot;
  const data = JSON.parse(await unpacked(document.getElementById("sweep-data").textContent));
  const $ = (id) => document.getElementById(id);
  const N = data.count, ALL = Array.from({ length: N }, (_, i) => i);
  const FEW_VALUES = 12, MOST_LINES = 10, MOST_ROWS = 200, MOST_NAMED = 3, MOST_FRONT = 12;
  const whole = pvtprofSpoken.integer, counted = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
  const NO_MACHINE = { hash: "", name: "", latency_s: [], latency_low_s: [], latency_high_s: [], predicted_s: [], tries: [], failure: { values: [null], codes: [] }, taken: [], samples: [] };
  let on = data.machines[data.start.machine] ?? NO_MACHINE, shown = new Uint8Array(N);

  // ---- Values of a row

  const text = (name, i) => data.texts[name].values[data.texts[name].codes[i]];
  const numbers = Object.fromEntries(Object.entries(data.numbers).map(([name, raw]) => [name, raw.map((value) => (value === null ? NaN : Number(value)))]));
  const or = (value) => value ?? NaN;
  const failure = (i) => on.failure.values[on.failure.codes[i] ?? 0] ?? text("refused", i);
  const predicted = (i) => or(on.predicted_s[i] ?? data.predicted[i]);
  const side = (i) => Math.sqrt(numbers.height[i] * numbers.width[i]);
  const state = (i) => (on.latency_s[i] != null ? "measured" : failure(i) ? "failed" : data.machines.some((one) => one.latency_s[i] != null) ? "measured elsewhere" : "not measured");

  /* What an axis can show; a cost is better where it is less. */
  const MEASURES = {
    latency_s: { name: "time", unit: "seconds", cost: true, of: (i) => or(on.latency_s[i]) },
    per_image: { name: "time per image", unit: "seconds", cost: true, of: (i) => or(on.latency_s[i]) / numbers.batch[i] },
    macs: { name: "MACs", unit: "count", cost: true, of: (i) => numbers.macs[i] },
    params: { name: "params", unit: "count", cost: true, of: (i) => numbers.params[i] },
    moved_bytes: { name: "bytes moved", unit: "bytes", cost: true, of: (i) => numbers.moved_bytes[i] },
    peak_bytes: { name: "peak memory", unit: "bytes", cost: true, of: (i) => numbers.peak_bytes[i] },
    predicted_s: { name: "predicted time", unit: "seconds", cost: true, of: predicted },
    error: { name: "error of the prediction", unit: "share", of: (i) => Math.abs(predicted(i) / or(on.latency_s[i]) - 1) },
    side: { name: "image side", unit: "px", of: side },
    batch: { name: "batch", unit: "plain", of: (i) => numbers.batch[i] },
    threads: { name: "threads", unit: "plain", of: (i) => numbers.threads[i] },
    tries: { name: "tries", unit: "plain", of: (i) => or(on.tries[i]) },
  };
  const has = (name) => ALL.some((i) => Number.isFinite(MEASURES[name].of(i)));
  const value = (name, i) => MEASURES[name].of(i), spoken = (name, i) => (Number.isFinite(value(name, i)) ? said(value(name, i), MEASURES[name].unit) : "-");

  const SETTING = ["model", "changes", "content", "target", "at", "part", "side", "batch", "dtype", "attention", "mode", "task", "threads", "device"];
  const DESIGN = ["name", "design", "sr_ratios", "pool_size"];
  const cell = (name, i) => (name in data.texts ? text(name, i) : data.numbers[name][i]);
  const distinct = (name) => (name in data.texts ? data.texts[name].values.length : new Set(data.numbers[name]).size);
  const varying = SETTING.filter((name) => distinct(name) > 1);
  /* For each row the number of its values in some columns: equal where all of them are. Kept. */
  const kept = new Map();
  function codesOf(columns) {
    const named = columns.join("|");
    if (!kept.has(named)) {
      const places = new Map();
      kept.set(named, ALL.map((i) => {
        const key = columns.map((name) => cell(name, i)).join("|");
        if (!places.has(key)) places.set(key, places.size);
        return places.get(key);
      }));
    }
    return kept.get(named);
  }
  const WORDS = { batch: (one) => `batch ${one}`, threads: (one) => (one === 0 ? "threads by torch" : `${one} thread${one === 1 ? "" : "s"}`), task: (one) => `for ${one}`, content: (one) => `content ${one}` };
  const onSetting = (name, one) => (one === "" || one == null ? `no ${name}` : (WORDS[name] ?? String)(one));
  const IN_A_TITLE = ["model", "target", "at", "side"];
  const place = (i) => varying.filter((name) => !IN_A_TITLE.includes(name) && ![null, ""].includes(cell(name, i))).map((name) => onSetting(name, cell(name, i)));
  const title = (i) => [`${text("name", i)} in ${text("model", i) || "a module"} at ${text("side", i)}`, ...place(i)].join(", ");
  /* The interval of a time, no narrower than two processes differ by; null where there is none. */
  const bounds = (i) => (on.latency_low_s[i] == null ? null : [Math.min(on.latency_low_s[i], on.latency_s[i] * (1 - data.noise)), Math.max(on.latency_high_s[i], on.latency_s[i] * (1 + data.noise))]);
  const isLevel = (a, b) => { const [one, other] = [bounds(a), bounds(b)]; return one !== null && other !== null && one[0] <= other[1] && other[0] <= one[1]; };
  const time = (i) => (on.latency_s[i] == null ? `no time (${failure(i) ?? state(i)})` : `${duration(on.latency_s[i])}${on.latency_low_s[i] == null ? "" : ` (95 %: ${duration(on.latency_low_s[i])} to ${duration(on.latency_high_s[i])})`}`);
  const tell = (i) => `${title(i)}: ${time(i)}, ${spoken("macs", i)} MACs, ${spoken("peak_bytes", i)} peak.`;

  // ---- The filter

  const LABELS = { name: "design", side: "image", sr_ratios: "R", pool_size: "pool size", state: "state", design: "design by stage" };
  /* Figures with the unit in which their limits are written. */
  const LIMITS = [["latency_s", "time (ms)", 1e-3], ["predicted_s", "predicted time (ms)", 1e-3], ["error", "error of the prediction (%)", 0.01], ["macs", "MACs (G)", 1e9], ["params", "params (M)", 1e6],
    ["moved_bytes", "bytes moved (MiB)", 2 ** 20], ["peak_bytes", "peak memory (MiB)", 2 ** 20], ["tries", "tries", 1]];
  const filters = [];
  const group = (label) => element("fieldset", {}, element("legend", { textContent: label }));

  function boxes(name, values, codeOf, only) {
    const made = group(LABELS[name] ?? name), list = element("div", { className: "sw-values" }), inputs = [];
    values.forEach((one, code) => {
      const input = element("input", { type: "checkbox", checked: only === one });
      inputs.push([input, code]);
      list.append(element("label", {}, input, ` ${one === "" ? "none" : one ?? "none"}`));
    });
    made.append(list);
    let chosen = null;
    filters.push({ name, read: () => { const codes = inputs.filter(([input]) => input.checked).map(([, code]) => code); chosen = codes.length && codes.length < values.length ? new Set(codes) : null; },
      is: () => chosen !== null, passes: (i) => chosen.has(codeOf(i)), clear: () => inputs.forEach(([input]) => { input.checked = false; }) });
    return made;
  }

  function limits(name, label, of, unit, only) {
    const made = group(label), [low, high] = ["least", "most"].map((which) => {
      const input = element("input", { type: "number", step: "any", value: only ?? "" });
      input.setAttribute("aria-label", `${label}: ${which}`);
      return input;
    });
    made.append(element("div", { className: "sw-range" }, low, " to ", high));
    let bounds = null;
    const read = () => {
      const [least, most] = [low, high].map((input) => (input.value === "" ? null : Number(input.value) * unit));
      bounds = least === null && most === null ? null : [least ?? -Infinity, most ?? Infinity];
    };
    filters.push({ name, read, is: () => bounds !== null, passes: (i) => { const at = of(i); return at >= bounds[0] && at <= bounds[1]; }, clear: () => { low.value = high.value = ""; } });
    return made;
  }

  function containing(name, of, only) {
    const made = group(LABELS[name] ?? name), input = element("input", { type: "search", placeholder: "contains", value: only ?? "" });
    input.setAttribute("aria-label", `${LABELS[name] ?? name} contains`);
    made.append(input);
    let wanted = "";
    filters.push({ name, read: () => { wanted = input.value.toLowerCase(); }, is: () => wanted !== "", passes: (i) => `${of(i) ?? ""}`.toLowerCase().includes(wanted), clear: () => { input.value = ""; } });
    return made;
  }

  /* The control of a column: boxes for few values, limits for numbers, a text for many words. */
  function control(name, only) {
    if (name in data.texts) {
      const { values, codes } = data.texts[name];
      return values.length <= FEW_VALUES ? boxes(name, values, (i) => codes[i], only) : containing(name, (i) => text(name, i), only);
    }
    const raw = data.numbers[name], values = [...new Set(raw)].sort((a, b) => a - b);
    if (values.length > FEW_VALUES) return limits(name, LABELS[name] ?? name, (i) => numbers[name][i], 1, only);
    const places = new Map(values.map((one, code) => [one, code]));
    return boxes(name, values, (i) => places.get(raw[i]), only);
  }

  const STATES = ["measured", "failed", "measured elsewhere", "not measured"];

  function build() {
    const form = $("filter"), { only } = data.start, made = [], sides = distinct("side") <= FEW_VALUES, isSquare = ALL.every((i) => data.numbers.height[i] === data.numbers.width[i]);
    if (isSquare) LABELS.height = "image side";
    if (data.machines.length > 1) {
      const select = element("select", { id: "machine" }, ...data.machines.map(({ name }, i) => element("option", { value: i, textContent: name, selected: i === data.start.machine })));
      made.push(element("fieldset", {}, element("legend", { textContent: "machine" }), select));
      select.setAttribute("aria-label", "machine");
      select.addEventListener("change", () => { on = data.machines[select.value]; });
    }
    const columns = ["model", ...(sides ? ["side"] : isSquare ? ["height"] : ["height", "width"]), ...DESIGN.filter((name) => name !== "design" || distinct("design") !== distinct("name")), ...SETTING.filter((name) => name !== "model" && name !== "side")];
    const firstSide = sides && only.height !== undefined ? data.texts.side.values.find((_, code) => { const i = data.texts.side.codes.indexOf(code); return numbers.height[i] === only.height && numbers.width[i] === (only.width ?? numbers.width[i]); }) : undefined;
    for (const name of columns) if (distinct(name) > 1) made.push(control(name, name === "side" ? firstSide : only[name]));
    const found = new Set(data.machines.flatMap((_, m) => { on = data.machines[m]; return ALL.map(state); }));
    on = data.machines[data.start.machine] ?? NO_MACHINE;
    const states = STATES.filter((one) => found.has(one));
    if (states.length > 1) made.push(boxes("state", states, (i) => states.indexOf(state(i))));
    const more = element("details", { className: "sw-more" }, element("summary", { textContent: "by figures" }), element("div", {},
      ...LIMITS.filter(([name]) => has(name)).map(([name, label, unit]) => limits(name, label, MEASURES[name].of, unit)),
      ...(states.includes("failed") ? [containing("failure", failure)] : [])));
    const clear = element("button", { type: "button", textContent: "All rows", onclick: () => { filters.forEach((one) => one.clear()); update(); } });
    form.replaceChildren(...made, more, element("div", { className: "sw-actions" }, clear, element("span", { className: "soft", textContent: "No box checked in a group: every value." })));
    form.addEventListener("input", update);
    form.addEventListener("change", (event) => { if (event.target.id === "machine") update(); });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /* The rows that the filter shows, without some of its columns. */
  function passing(without = []) {
    const active = filters.filter((one) => one.is() && !without.includes(one.name)), found = [];
    for (let i = 0; i < N; i++) if (active.every((one) => one.passes(i))) found.push(i);
    return found;
  }

  /* Show or hide a plot; under it stands how to read it, until a row is pointed at. */
  function hinted(id, isThere, ...captions) {
    for (const one of [id, `${id}-reading`, ...captions]) $(one).hidden = !isThere;
    $(`${id}-reading`).textContent = "Point at a row, or walk with the arrow keys; a click or Enter shows all its figures.";
  }

  // ---- Two figures of every row

  const words = data.texts.design.values, shape = (i) => data.texts.design.codes[i], color = (i) => data.colors[text("design", i)];
  const axis = (name, log) => ({ label: MEASURES[name].name, unit: MEASURES[name].unit, log, isAmount: true });

  function grouped(points) {
    const groups = new Map();
    for (const point of points) {
      const code = shape(point[2]);
      if (!groups.has(code)) groups.set(code, { color: color(point[2]), shape: code, points: [] });
      groups.get(code).points.push(point);
    }
    return [...groups.values()];
  }

  function frontOf(points) {
    const found = [];
    for (const point of [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1])) if (!found.length || point[1] < found.at(-1)[1]) found.push(point);
    return found;
  }

  /* Of numbers the least that is not a point's own. */
  function leastOfOthers() {
    let [first, owner, second] = [Infinity, null, Infinity];
    return { add: (number, point) => { if (number < first) [first, owner, second] = [number, point, first]; else if (number < second) second = number; }, but: (point) => (point === owner ? second : first) };
  }

  /* The points for which the noise of the times (axis t) decides whether they are on the front: no other that is no
     more on the other axis is clearly faster, and they are not clearly faster than all of those. */
  function doubtful(points, t) {
    const across = 1 - t, sorted = [...points].sort((a, b) => a[across] - b[across]), lows = leastOfOthers(), highs = leastOfOthers(), found = [];
    const ends = new Map(points.map((point) => { const at = bounds(point[2]), by = point[t] / on.latency_s[point[2]]; return [point, at === null ? [point[t], point[t]] : [at[0] * by, at[1] * by]]; }));
    for (let from = 0, to = 0; from < sorted.length; from = to) {
      for (; to < sorted.length && sorted[to][across] === sorted[from][across]; to++) { lows.add(ends.get(sorted[to])[0], sorted[to]); highs.add(ends.get(sorted[to])[1], sorted[to]); }
      for (const point of sorted.slice(from, to)) if (highs.but(point) >= ends.get(point)[0] && ends.get(point)[1] >= lows.but(point)) found.push(point);
    }
    return found;
  }

  const doubt = (count, total) => (!count ? "" : total === 1 ? "; another is equal within the noise" : `; for ${count} of ${total} the noise of the times decides`);

  /* The points of each setting: of one setting a front is drawn, of more their rings. */
  function bySetting(points) {
    const codes = codesOf(varying.filter((name) => name !== "model")), by = new Map();
    for (const point of points) {
      const code = codes[point[2]];
      if (!by.has(code)) by.set(code, []);
      by.get(code).push(point);
    }
    return [...by.values()].filter((ones) => ones.length > 1);
  }

  const settings = (rows) => { const codes = codesOf(varying.filter((name) => name !== "model")); return new Set(rows.map((i) => codes[i])).size; };
  const beaten = (names, what, noise) => `${names.length > MOST_NAMED ? `${names.length} designs` : several(names)} ${names.length === 1 ? "is" : "are"} beaten by no other in ${what} at once${noise}.`;

  /* The design that is on most of several fronts. */
  function often(fronts, what) {
    const counts = new Map();
    for (const front of fronts) for (const name of new Set(front.map(([, , i]) => text("name", i)))) counts.set(name, (counts.get(name) ?? 0) + 1);
    const [name, count] = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most));
    return `In ${count === fronts.length ? "all" : `${whole(count)} of`} ${whole(fronts.length)} settings ${name} is beaten by no other in ${what} at once.`;
  }

  function scatter(rows) {
    const [x, y, log] = [$("x-of").value, $("y-of").value, $("is-log").checked];
    const points = rows.map((i) => [value(x, i), value(y, i), i]).filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b) && (!log || (a > 0 && b > 0)));
    const isCost = MEASURES[x].cost && MEASURES[y].cost && x !== y, groups = isCost ? bySetting(points) : [], fronts = groups.map(frontOf), front = fronts.length === 1 ? fronts[0] : [];
    const timed = [x, y].findLastIndex((name) => name === "latency_s" || name === "per_image"), maybe = new Set(timed < 0 ? [] : groups.flatMap((ones) => doubtful(ones, timed)));
    const names = [...new Set(front.map(([, , i]) => text("name", i)))], what = `${MEASURES[x].name} and ${MEASURES[y].name}`;
    const finding = !rows.length ? "The filter shows no row." : !points.length ? `No row that the filter shows has both ${what}.`
      : points.length === 1 ? `One row is there: ${text("name", points[0][2])}.` : front.length ? beaten(names, what, doubt(front.filter((one) => maybe.has(one)).length, front.length)) : fronts.length ? often(fronts, what)
      : `${counted(points.length, "row")}: ${MEASURES[y].name} over ${MEASURES[x].name}.`;
    $("scatter-finding").textContent = finding;
    const lacking = rows.length - points.length, places = settings(points.map(([, , i]) => i));
    $("scatter-caption").textContent = [`${counted(points.length, "row")} drawn${lacking ? `; ${whole(lacking)} without one of the two figures` : ""}.`,
      log ? "Both axes are logarithmic: equal steps are equal factors." : "Both axes begin at zero.",
      front.length ? `Ringed and joined: no other row is less in both${timed < 0 ? "" : ", by medians"}.` : fronts.length ? `Ringed: no other row of the same setting is less in both; there are ${whole(places)} settings.`
        : isCost ? "No two rows are of the same setting: there is no front." : "There is no front: an axis is no cost.",
      ...(maybe.size ? [`Dashed rings: the noise of the times decides whether ${maybe.size === 1 ? "this row is" : `these ${whole(maybe.size)} rows are`} on a front.`] : [])].join(" ");
    const used = [...new Set(points.map(([, , i]) => shape(i)))].sort((a, b) => a - b);
    $("legend").innerHTML = used.map((code) => `<span>${swatch(code, data.colors[words[code]])} ${escape(words[code] || "module")}</span>`).join("");
    draw($("scatter-plot"), { dots: grouped(points), front, rings: fronts.flat().filter((one) => !maybe.has(one)), dashed: [...maybe], x: axis(x, log), y: axis(y, log), said: `${finding} ${points.length} rows, ${what}.`, tell, open });
    const first = front.slice(0, MOST_FRONT).map((point) => [point, point[2]]).map(([point, i]) => element("button", { type: "button", textContent: `${text("name", i)}: ${spoken(x, i)}, ${spoken(y, i)}${maybe.has(point) ? " (within the noise)" : ""}`, onclick: () => open(i) }));
    $("front").replaceChildren(...(first.length ? ["On the front:", ...first] : []), ...(front.length > MOST_FRONT ? [`and ${front.length - MOST_FRONT} more`] : []));
    hinted("scatter-plot", points.length);
  }

  // ---- Growth

  const OF_IMAGE = ["side", "height", "width"];

  function growth() {
    const [y, x] = [$("growth-y").value, $("growth-x").value], dims = x === "side" ? OF_IMAGE : ["batch"];
    const rows = passing(dims), columns = varying.filter((name) => !dims.includes(name)), codes = codesOf(["name", ...columns]), lines = new Map();
    for (const i of rows) {
      if (!(value(y, i) > 0 && value(x, i) > 0)) continue;
      if (!lines.has(codes[i])) lines.set(codes[i], []);
      lines.get(codes[i]).push([value(x, i), value(y, i), i]);
    }
    const all = [...lines.values()].filter((points) => points.length > 1).map((points) => points.sort((a, b) => a[0] - b[0] || a[2] - b[2]));
    all.sort((a, b) => b.length - a.length);
    const kept = all.slice(0, MOST_LINES), telling = columns.filter((name) => new Set(kept.map((points) => cell(name, points[0][2]))).size > 1), dashes = new Map();
    const drawn = kept.map((points) => {
      const i = points[0][2], design = text("design", i), before = dashes.get(design) ?? 0;
      dashes.set(design, before + 1);
      return { name: [text("name", i), ...telling.map((name) => onSetting(name, cell(name, i)))].join(", "), color: color(i), shape: shape(i), dash: ["", "7 4", "2 3", "10 3 2 3"][before % 4], points };
    });
    $("growth-finding").textContent = grown(drawn, y, x);
    $("growth-caption").textContent = `${counted(drawn.length, "line")}${all.length > kept.length ? ` of ${all.length}; filter to see others` : ""}. Both axes are logarithmic. It follows the filter but for ${x === "side" ? "the image" : "the batch"}.`;
    const extents = [...new Set(drawn.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
    draw($("growth-plot"), { lines: drawn, x: { ...axis(x, true), at: extents.length <= 9 ? extents : null }, y: axis(y, true), said: grown(drawn, y, x), tell, open });
    hinted("growth-plot", drawn.length, "growth-caption");
  }

  /* By how much the lines grow that have the least and the most x of all. */
  function grown(lines, y, x) {
    const what = MEASURES[y].name, by = x === "side" ? "image" : "batch";
    if (!lines.length) return `No design has its ${what} at two ${by === "image" ? "images" : "batches"}: nothing grows.`;
    const low = Math.min(...lines.map(({ points }) => points[0][0])), high = Math.max(...lines.map(({ points }) => points.at(-1)[0]));
    const there = lines.filter(({ points }) => points[0][0] === low && points.at(-1)[0] === high).map(({ name, points }) => [points.at(-1)[1] / points[0][1], name]).sort(([a], [b]) => a - b);
    const ends = `From ${by === "batch" ? "batch " : ""}${Math.round(low)} to ${Math.round(high)}${by === "image" ? " pixels a side" : ""}`;
    if (!there.length) return `${ends} there is no design with both ends.`;
    const times = (one) => `${people(one[0], 1)} as much ${what} for ${one[1]}`;
    return there.length === 1 ? `${ends}: ${times(there[0])}.` : `${ends}: ${times(there[0])}, and ${times(there.at(-1))}.`;
  }

  // ---- One design against another

  const middle = (values) => { const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1; return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2; };

  /* [row of a, row of b] at the same setting, by image and batch. */
  function pairs(a, b) {
    const found = new Map(), rows = passing([...DESIGN, ...OF_IMAGE, "batch"]), of = new Map();
    const codes = codesOf(varying);
    for (const i of rows) if (text("name", i) === b) of.set(codes[i], i);
    for (const i of rows) {
      const other = text("name", i) === a ? of.get(codes[i]) : undefined;
      if (other === undefined) continue;
      const at = `${text("side", i)}|${numbers.batch[i]}`;
      if (!found.has(at)) found.set(at, []);
      found.get(at).push([i, other]);
    }
    return found;
  }

  function ratio() {
    const [a, b, of] = [$("ratio-a").value, $("ratio-b").value, $("ratio-of").value], cells = new Map(), hues = [a, b].map((name) => data.colors[words[shape(data.texts.name.codes.indexOf(data.texts.name.values.indexOf(name)))]]);
    for (const [at, both] of pairs(a, b)) {
      const known = both.filter(([i, j]) => value(of, i) > 0 && value(of, j) > 0);
      if (known.length) cells.set(at, { by: middle(known.map(([i, j]) => value(of, i) / value(of, j))), level: (of === "latency_s" || of === "per_image") && known.every(([i, j]) => isLevel(i, j)), known });
    }
    const rows = [...cells.values()].map(({ known }) => known[0][0]);
    const across = [...new Map(rows.map((i) => [text("side", i), side(i)]))].sort((one, other) => one[1] - other[1]).map(([name]) => name), down = [...new Set(rows.map((i) => numbers.batch[i]))].sort((one, other) => one - other);
    $("ratio-finding").textContent = compared(a, b, of, [...cells.values()]);
    $("ratio-caption").textContent = cells.size ? `Each cell: ${a}'s ${MEASURES[of].name} as a share of ${b}'s, shaded in the colour of the one that has less. "equal": within the noise. It follows the filter but for design, image and batch.${[...cells.values()].some(({ known }) => known.length > 1) ? " A cell with several pairs shows their middle." : ""}` : "";
    $("heat").innerHTML = cells.size ? `<thead><tr><th scope="col">batch</th>${across.map((name) => `<th scope="col" class="n">${escape(name)}</th>`).join("")}</tr></thead><tbody>${down.map((batch) => `<tr><th scope="row">${batch}</th>${across.map((name) => heat(cells.get(`${name}|${batch}`), hues, name, batch)).join("")}</tr>`).join("")}</tbody>` : "";
    $("heat").parentElement.hidden = !cells.size;
  }

  function heat(found, hues, name, batch) {
    if (!found) return "<td></td>";
    const { by, level, known } = found, much = level ? 0 : Math.round(12 + 33 * Math.min(Math.abs(Math.log2(by)) / 2, 1)), hue = by < 1 ? hues[0] : hues[1];
    const words = level ? "equal" : people(by, 1);
    const more = known.length > 1 ? `, middle of ${known.length}` : "";
    return `<td style="background:color-mix(in srgb, ${escape(hue)} ${much}%, var(--page))"><button type="button" data-row="${known[0][0]}" data-other="${known[0][1]}" aria-label="image ${escape(name)}, batch ${batch}: ${words}${more}" title="${people(by, 1)}${more}">${words}</button></td>`;
  }

  function compared(a, b, of, cells) {
    const what = MEASURES[of].name;
    if (a === b) return "Choose two different designs.";
    if (!cells.length) return `${a} and ${b} have no ${what} at the same setting.`;
    const level = cells.filter(({ level }) => level).length, ratios = cells.map(({ by }) => by), [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((by) => people(by, 1));
    const tail = level ? level === cells.length ? "; equal within the noise everywhere" : `; equal within the noise at ${level} of ${cells.length}` : "";
    return `${a} needs ${low === high ? low : `${low} to ${high}`} of ${b}'s ${what} at ${counted(cells.length, "image and batch").replace("batchs", "batches").replace("image and", cells.length === 1 ? "image and" : "images and")}${tail}.`;
  }

  // ---- Predicted and measured

  function prediction(rows) {
    const points = rows.map((i) => [predicted(i), or(on.latency_s[i]), i]).filter(([a, b]) => a > 0 && b > 0), off = points.map(([a, b]) => Math.abs(a / b - 1)).sort((a, b) => a - b);
    hinted("predicted-plot", points.length, "predicted-caption");
    if (!points.length) return;
    const late = off[Math.floor(0.9 * (off.length - 1))], finding = off.length === 1 ? `One time has a prediction, which is off by ${people(off[0], 1)}.`
      : `Predictions are off by ${people(middle(off), 1)} in the middle of ${whole(off.length)} measured times, and by at most ${off.length < 10 ? people(off.at(-1), 1) : `${people(late, 1)} in nine of ten`}.`;
    $("predicted-finding").textContent = finding;
    const furthest = points.reduce((worst, one) => (Math.abs(Math.log(one[0] / one[1])) > Math.abs(Math.log(worst[0] / worst[1])) ? one : worst));
    $("predicted-caption").textContent = `Of the rows that the filter shows. Dashed: as predicted. Furthest off: ${title(furthest[2])}, measured ${duration(furthest[1])}, predicted ${duration(furthest[0])}. Both axes are logarithmic.`;
    draw($("predicted-plot"), { dots: grouped(points).map((one) => ({ ...one, hollow: true })), x: axis("predicted_s", true), y: axis("latency_s", true), diagonal: true, said: finding, tell: (i) => `${title(i)}: predicted ${duration(predicted(i))}, measured ${time(i)}.`, open });
  }

  // ---- Rows, and the figures of one

  /* A cell of the frame, as it stands in the store; null where there is none. */
  function stored(name, i) {
    if (name === "machine") return on.tries[i] ? on.hash : null;
    if (name === "failure") return failure(i) ?? null;
    if (name === "predicted_s") return on.predicted_s[i] ?? data.predicted[i];
    return name in on ? (on[name][i] ?? null) : cell(name, i);
  }

  const five = (one) => (typeof one === "number" && !Number.isInteger(one) ? Number(one.toPrecision(5)) : one);
  const table = (rows) => {
    const lines = rows.slice(0, MOST_ROWS).map((i) => `<tr><td><button type="button" data-row="${i}" aria-label="Figures of ${escape(title(i))}">figures</button></td>${data.order.map((name) => `<td${name in data.texts || name === "failure" || name === "machine" ? "" : ' class="n"'}>${escape(five(stored(name, i)) ?? "-")}</td>`).join("")}</tr>`);
    return `<thead><tr><th scope="col">row</th>${data.order.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead><tbody>${lines.join("")}</tbody>`;
  };
  const quoted = (one) => (one === null ? "" : /[",\n\r]/.test(`${one}`) ? `"${`${one}`.replaceAll('"', '""')}"` : `${one}`);
  const csv = (rows) => `${[data.order, ...rows.map((i) => data.order.map((name) => stored(name, i)))].map((line) => line.map(quoted).join(",")).join("\n")}\n`;

  function listed(rows) {
    $("table-count").textContent = rows.length > MOST_ROWS ? `the first ${MOST_ROWS} of ${whole(rows.length)}` : whole(rows.length);
    if ($("table-of-rows").open) $("lines").innerHTML = table(rows);
  }

  /* The samples as ticks on a line, the interval below. */
  function strip(samples, i) {
    const low = Math.min(...samples), high = Math.max(...samples), at = (us) => Math.round(20 + 660 * (high > low ? (us - low) / (high - low) : 0.5));
    const bounds = on.latency_low_s[i] == null ? "" : `<path class="grid" stroke-width="6" d="M${at(1e6 * on.latency_low_s[i])} 40H${at(1e6 * on.latency_high_s[i])}"/>`;
    return `<svg class="sw-strip" viewBox="0 0 700 70" role="img" aria-label="Samples from ${duration(low / 1e6)} to ${duration(high / 1e6)}">${bounds}<path d="${samples.map((us) => `M${at(us)} 12V30`).join("")}"/><path d="M${at(1e6 * on.latency_s[i])} 8V44" stroke-width="3"/><text x="20" y="62">${duration(low / 1e6)}</text><text x="680" y="62" text-anchor="end">${duration(high / 1e6)}</text></svg>`;
  }

  function open(i, other) {
    const samples = on.samples[i] ?? [], code = text("command", i), made = [];
    $("figures-title").textContent = title(i);
    const of = (name) => { const one = stored(name, i); return `<dt>${name}</dt><dd>${escape(one ?? "-")}${name in MEASURES && ["seconds", "bytes", "count"].includes(MEASURES[name].unit) && one !== null ? ` <span class="soft">${escape(spoken(name, i))}</span>` : ""}</dd>`; };
    if (data.machines.length > 1) made.push(`<p class="soft">On ${escape(on.name)}.</p>`);
    if (samples.length) made.push(`<p>${counted(on.taken[i], "sample")} of the time${on.taken[i] > samples.length ? `, ${samples.length} of them here` : ""}; the thick line is the median, the bar below its 95 % interval.</p>${strip(samples, i)}
<details><summary>The samples in microseconds, five digits</summary><p>${samples.join(", ")}</p></details>`);
    else made.push(`<p>${escape(time(i))}.</p>`);
    made.push(`<h3>Measure it again</h3><p><code>${escape(code)}</code></p><h3>All columns</h3><dl>${data.order.map(of).join("")}</dl>`);
    $("figures-of").innerHTML = made.join("");
    const button = element("button", { type: "button", textContent: "copy", onclick: () => copy(button, code) });
    button.setAttribute("aria-label", "Copy the command");
    $("figures-of").querySelector("h3 + p").append(" ", button);
    if (other !== undefined) $("figures-of").prepend(element("p", {}, element("button", { type: "button", textContent: `figures of ${text("name", other)}`, onclick: () => open(other, i) })));
    if (!$("figures").open) $("figures").showModal();
    $("figures").scrollTop = 0;
  }

  // ---- All together

  const SECTIONS = [["scatter", () => scatter(shown)], ["growth", growth], ["ratio", ratio], ["predicted", () => prediction(shown)], ["rows", () => listed(shown)]];
  let waiting = [], timer = null;
  /* The table takes longest to lay out: it always comes last. */
  const isSeen = (id) => { const { top, bottom } = $(id).getBoundingClientRect(); return id !== "rows" && bottom > 0 && top < innerHeight; };

  /* Draw what is in sight at once, and the rest as soon as the browser has nothing else to do. */
  function update() {
    for (const one of filters) one.read();
    shown = passing();
    $("shown").textContent = `${whole(shown.length)} of ${counted(N, "row")}`;
    const seen = SECTIONS.filter(([id]) => isSeen(id));
    for (const [, drawing] of seen) drawing();
    waiting = SECTIONS.filter((one) => !seen.includes(one));
    document.documentElement.dataset.sweep = "drawing";
    rest();
  }

  function rest() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const next = waiting.shift();
      if (!next) document.documentElement.dataset.sweep = "ready";
      else { next[1](); rest(); }
    }, 30);
  }

  function options(id, values, chosen) {
    $(id).replaceChildren(...values.map(([name, words]) => element("option", { value: name, textContent: words, selected: name === chosen })));
    if (values.length && !values.some(([name]) => name === chosen)) $(id).selectedIndex = 0;
  }

  function choices() {
    const there = Object.keys(MEASURES).filter(has).map((name) => [name, MEASURES[name].name]), costs = there.filter(([name]) => MEASURES[name].cost);
    const first = has("latency_s") ? "latency_s" : "peak_bytes";
    options("x-of", there, "macs");
    options("y-of", there, first);
    options("growth-y", costs, has("latency_s") ? "latency_s" : "macs");
    options("growth-x", [["side", "image side"], ["batch", "batch"]], distinct("side") > 1 || distinct("batch") < 2 ? "side" : "batch");
    options("ratio-of", costs, first);
    const names = data.texts.name.values.map((name) => [name, name]), [a, b] = data.start.pair;
    options("ratio-a", names, a);
    options("ratio-b", names, b);
    for (const id of ["x-of", "y-of", "is-log"]) $(id).addEventListener("change", () => scatter(shown));
    for (const id of ["growth-y", "growth-x"]) $(id).addEventListener("change", growth);
    for (const id of ["ratio-a", "ratio-b", "ratio-of"]) $(id).addEventListener("change", ratio);
  }

  function start() {
    if (!N) return;
    build();
    choices();
    for (const one of document.querySelectorAll("main .needs-js, .sw-shown")) one.hidden = false;
    for (const one of document.querySelectorAll(".sw-static")) one.hidden = true;
    for (const id of ["heat", "lines"]) $(id).addEventListener("click", ({ target }) => { const made = target.closest("[data-row]"); if (made) open(Number(made.dataset.row), made.dataset.other && Number(made.dataset.other)); });
    $("table-of-rows").addEventListener("toggle", () => listed(shown));
    $("download").onclick = () => save("pvtprof-sweep.csv", "text/csv", csv(shown));
    $("close-figures").onclick = () => $("figures").close();
    if ($("only-failed")) $("only-failed").onclick = () => {
      filters.forEach((one) => one.clear());
      const box = [...document.querySelectorAll("#filter label")].find((label) => label.textContent.trim() === "failed");
      if (box) box.querySelector("input").checked = true;
      $("table-of-rows").open = true;
      update();
      $("table-of-rows").scrollIntoView();
    };
    update();
    addEventListener("beforeprint", () => { for (const [, drawing] of waiting.splice(0)) drawing(); });
    performance.mark("pvtprof sweep");
  }

  start();
};
pvtprofSweep();
