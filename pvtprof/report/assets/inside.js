"use strict";
/* What happens inside, drawn: the same as report/sections/picture.py, picture_rows.py and inside.py write, character
   for character. Everything comes from operator lists that the engine evaluates; no variant is known here. */
const pvtprofInside = (() => {
  const [TILE, SCORE, BAR, GAP, ABOVE, BELOW, MOST_HEADS] = [46, 110, 48, 14, 14, 48, 64];
  const MODULE = "module", ITSELF = "(itself)";
  const [UPPER, LOWER, MIDDLE, BOTTOM] = [0, 1, 2, 3];
  const GATES = ["copy", "scale", "gelu", "relu", "relu_", "functional_relu_"];
  const WORDS = { layernorm: "layer norm", pool: "average pooling", gelu: "GELU", copy: "copy into another order",
    scale: "division by the root of the head dim" };

  // ---- Numbers and text

  const { max, min, sqrt, floor } = Math, { integer: digits, people, compact, compactSeconds, several } = pvtprofSpoken;
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&#x27;");
  const letters = (indices) => [...new Set(indices.split(" ").filter(Boolean))];
  const has = (indices, letter) => indices.includes(letter);
  const sum = (values, none) => values.reduce((total, value) => total + value, none);
  const most = (values, none) => values.reduce((a, b) => (b > a ? b : a), none);

  function px(value) {
    const tenths = floor(Math.abs(value) * 10 + 0.5), text = tenths % 10 ? `${floor(tenths / 10)}.${tenths % 10}` : `${tenths / 10}`;
    return value < 0 && tenths ? `-${text}` : text;
  }

  const textWidth = (text, size) => size * (0.66 * text.length - 0.3 * text.replace(/[^,. ]/g, "").length);

  const amount = (cost, measure) => (measure === 2 ? compactSeconds(cost) : compact(cost, measure ? 1024n : 1000n));

  // ---- Steps: operators with sizes and costs

  function step(engine, { op, sizes }, bytesEach, times) {
    const { left, right = "", out, kind, bias = "" } = op, name = op.name.replace(/^attn\./, "");
    const { macs, params, reads, writes } = engine.cost(op, sizes), moved = bytesEach * (reads + writes);
    const seconds = times?.[name] ?? null, n = (i) => Number(sizes[i]);
    const made = { name, kind, left: left ?? "", right, out, n, of: op.of.map((one) => one.replace(/^attn\./, "")),
      costs: [macs, moved, seconds], fused: Boolean(op.fused) };
    made.isMatrix = has(out, "n") && has(out, "m");
    made.isOfKeys = has(out, "m") && !has(out, "n");
    made.reduces = made.isOfKeys && has(made.left, "n") && (kind === "pool" || (right.startsWith("i j") && n("i") > 1));
    const multiplied = letters(`${right} ${out}`);
    const said = kind === "contract" ? `MACs = ${multiplied.join("·")} = ${multiplied.map((i) => digits(sizes[i])).join("·")} = ${digits(macs)}` : "0 MACs";
    const operands = right ? `${made.left} × ${right}` : made.left;
    made.text = [`${word(made)}, ${operands} → ${out}`, said, `${digits(params)} params`,
      `${digits(reads)} elements read, ${digits(writes)} written (${digits(moved)} bytes)`,
      ...(seconds === null ? [] : [`${compactSeconds(seconds)} ${times[""]}`])].join("; ");
    return made;
  }

  function word({ kind, right, n }) {
    if (kind !== "contract") return WORDS[kind] ?? kind;
    if (["i j", "x y", "k l"].includes(right.slice(0, 3))) return `convolution ${n(right[0])}×${n(right[2])}`;
    return has(right, "b") ? "product of two results" : "linear layer";
  }

  /* A submodule of a user's own module, after the one that is called before it. */
  function part({ name, calls, macs, params, read, written }, before) {
    const moved = read + written, often = calls > 1 ? `; called ${digits(calls)} times` : "", e = written > 1n ? Number(written) : 1;
    return { name, kind: MODULE, left: "", right: "", out: "e", n: () => e, of: before ? [before.name] : [], costs: [macs, moved, null],
      text: `${digits(macs)} MACs; ${digits(params)} params${often}; ${digits(moved)} bytes moved, ${digits(written)} of them written` };
  }

  const labelOf = ({ name, kind }) => (kind === MODULE ? name.slice(name.lastIndexOf(".") + 1) : name);
  const countsOf = ({ out }) => ["n", "s", "m"].find((i) => has(out, i)) ?? "";
  const copiesOf = ({ out, n }) => (has(out, "t") ? n("t") : 1);
  const each = (step, without) => letters(step.out).filter((i) => i !== "b" && !has(without, i)).reduce((t, i) => t * step.n(i), 1);

  function keysOf({ grid: [height, width], grid, steps }, { n }) {
    if (!steps.some((step) => step.kind === "pool")) {
      if (n("m") === n("n")) return grid;
      const window = [floor(height / n("i")), floor(width / n("j"))];
      if (window[0] * window[1] === n("m")) return window;
    }
    const side = floor(sqrt(n("m")));
    return side * side === n("m") ? [side, side] : [n("m"), 1];
  }

  const gridOf = (design, step) => ({ "": () => [1, 1], m: () => keysOf(design, step) }[countsOf(step)] ?? (() => design.grid))();

  function dimsOf(design, step) {
    if (step.kind === MODULE) {
      const path = step.name.slice(0, Math.max(0, step.name.lastIndexOf(".")));
      return path.length < 20 ? path : `...${path.slice(-17)}`;
    }
    if (step.isMatrix) return ["h", "n", "m"].map(step.n).slice(step.n("h") > 1 ? 0 : 1).map(digits).join("×");
    const grid = gridOf(design, step), counts = countsOf(step);
    let shape = counts ? [step.n(counts)] : [];
    if (counts && grid[0] * grid[1] === shape[0] && grid[1] > 1) shape = [...grid];
    return [...shape, ...(has(step.out, "t") ? [copiesOf(step)] : []), each(step, `${counts}t`)].map(digits).join("×");
  }

  // ---- Shapes

  function scaleOf(designs, mesh) {
    const steps = designs.flatMap((design) => design.steps);
    const area = TILE * TILE / most(steps.filter((s) => !s.isMatrix).map((s) => each(s, "t")), 1);
    const longest = most(steps.filter((s) => s.isMatrix).map((s) => max(arranged(s)[0] * s.n("m"), arranged(s)[1] * s.n("n"))), 1);
    return { mesh, area, side: min(sqrt(area), SCORE / longest) };
  }

  function arranged({ n }) {
    const across = min(n("h"), max(1, floor(sqrt(n("h") * n("n") / n("m")) + 0.5)));
    return [across, Math.ceil(n("h") / across)];
  }

  const rect = (kind, x, y, width, height, more = "") =>
    `<rect class="${kind}"${x ? ` x="${px(x)}"` : ""}${y ? ` y="${px(y)}"` : ""} width="${px(width)}" height="${px(height)}"${more}/>`;

  function sides(grid, area) {
    const aspect = min(5, max(0.2, grid[1] / grid[0])), width = sqrt(area * aspect);
    return [max(3, width), max(3, width / aspect)];
  }

  const repeated = (count, drawn) => Array.from({ length: count }, (_, k) => drawn(k)).join("");

  function map(design, step, scale) {
    const grid = gridOf(design, step), count = copiesOf(step), counts = countsOf(step);
    const [width, height] = sides(grid, each(step, "t") * scale.area);
    const drawn = repeated(count, (k) => rect("t", k * (width + 3), 0, width, height));
    if (counts && step.n(counts) === grid[0] * grid[1] + 1)
      return { width: count * (width + 3) + 4, height, drawn: drawn + rect("t", count * (width + 3), 0, 4, 4) };
    return { width: count * (width + 3) - 3, height, drawn };
  }

  function matrix(step, scale) {
    let [across, down] = arranged(step), heads = step.n("h"), [width, height] = ["m", "n"].map((i) => max(1.5, step.n(i) * scale.side));
    if (heads > MOST_HEADS) [width, height, across, down, heads] = [across * width, down * height, 1, 1, 1];
    const drawn = repeated(heads, (k) => rect("m", k % across * (width + 1.5), floor(k / across) * (height + 1.5), width, height));
    return { width: across * (width + 1.5) - 1.5, height: down * (height + 1.5) - 1.5, drawn };
  }

  function reduction(design, step, scale) {
    const made = map(design, step, scale), [rows, columns] = design.grid, keys = keysOf(design, step);
    const area = letters(step.left).reduce((t, i) => (i === "b" ? t : t * step.n(i)), 1);
    const [width, height] = sides(design.grid, area * scale.area), pooled = step.kind === "pool";
    const window = pooled ? [rows / keys[0], columns / keys[1]] : [step.n("i"), step.n("j")];
    const high = height * window[0] / rows, wide = width * window[1] / columns;
    let lines = "", slides = "";
    if (min(high, wide) >= 1.3) {
      slides = ` style="--n:${keys[1] - 1}"`;
      lines = `<path class="w" d="${repeated(keys[0], (k) => `M0 ${px((k + 1) * high)}H${px(width)}`)}` +
        `${repeated(keys[1], (k) => `M${px((k + 1) * wide)} 0V${px(height)}`)}"/>`;
    }
    const drawn = rect("o", 0, 0, width, height) + lines + rect("f", 0, 0, max(3, wide), max(3, high), slides) +
      `<g transform="translate(${px(width + 8)} ${px(max(0, height - made.height) / 2)})">${made.drawn}</g>`;
    return { width: width + 8 + made.width, height: max(height, made.height), drawn,
      above: pooled ? `to ${keys[0]}×${keys[1]}` : `${window[0]}×${window[1]} window` };
  }

  function shapeOf(design, step, scale) {
    if (step.reduces) return reduction(design, step, scale);
    const made = step.isMatrix ? matrix(step, scale) : map(design, step, scale);
    if (!GATES.includes(step.kind)) return made;
    const height = max(14, made.height);
    return { width: 9, height, drawn: rect("k", 0, 0, 9, height) };
  }

  // ---- Rows of boxes in shared columns

  const sourcesOf = (steps) => steps.map((step, i) => (step.fused && steps[i - 1]?.fused
    ? [steps[i - 1].name, ...(step.right ? step.of.slice(-1) : [])] : step.of));

  function columnsOf(steps) {
    const found = new Map(), sources = sourcesOf(steps);
    for (let i = steps.length - 1; i >= 0; i--) {
      const column = found.get(steps[i].name) ?? 0;
      found.set(steps[i].name, column);
      for (const name of sources[i]) found.set(name, max(found.get(name) ?? 0, column + 1));
    }
    return found;
  }

  const readBy = ({ steps: [first] }) => ({ name: "x", kind: "", left: "", right: "", out: first.left, n: first.n, of: [] });

  function boxes(design, scale, columns) {
    const { steps } = design, column = columnsOf(steps), sources = sourcesOf(steps), meet = steps.findIndex((s) => s.isMatrix);
    const lane = (step, k) => (meet >= 0 && step.isOfKeys ? (column.get(step.name) > column.get(steps[meet].name) ? LOWER : BOTTOM)
      : k < meet ? UPPER : MIDDLE);
    const box = (step, at, lane, of) => {
      const shape = shapeOf(design, step, scale), dims = dimsOf(design, step);
      return { step, column: at, lane, shape, dims, of, width: max(BAR, shape.width, textWidth(labelOf(step), 12),
        textWidth(dims, 10.5), textWidth(shape.above ?? "", 10.5)) };
    };
    if (!steps[0].left) {
      const shift = columns - 1 - Math.max(...column.values());
      return steps.map((step, k) => box(step, column.get(step.name) + shift, lane(step, k), sources[k]));
    }
    return [box(readBy(design), columns, MIDDLE, []),
      ...steps.map((step, k) => box(step, column.get(step.name), lane(step, k), sources[k]))];
  }

  function frameOf(rows) {
    const every = rows.flat(), width = {}, left = {};
    for (const box of every) width[box.column] = max(width[box.column] ?? 0, box.width);
    let wide = 0;
    for (const column of Object.keys(width).map(Number).sort((a, b) => b - a)) {
      left[column] = wide + GAP / 2;
      wide += width[column] + GAP;
    }
    const high = [0, 1, 2, 3].map((lane) => most(every.filter((box) => box.lane === lane).map((box) => box.shape.height), 0));
    const [upper, lower] = high.map((h) => (h ? h + ABOVE + BELOW : 0));
    const total = max(upper + lower, high[MIDDLE] + ABOVE + BELOW);
    const y = [ABOVE + high[UPPER] / 2, total - BELOW - high[LOWER] / 2, (total - BELOW + ABOVE) / 2, total + 8 + high[BOTTOM] / 2];
    const rail = high[BOTTOM] ? y[BOTTOM] : total + 4;
    const middle = ({ column }) => left[column] + width[column] / 2;
    return { left, width, y, rail, wide, high: rail + high[BOTTOM] / 2 + (high[BOTTOM] ? BELOW : 8), middle };
  }

  function mark(step, { measure, largest, kind }) {
    const cost = step.costs[measure];
    if (cost === null) return '<text class="c">-</text>';
    const bar = cost ? `<rect class="b ${kind}" width="${px(max(0.5, BAR * (Number(cost) / largest)))}"/>` : "";
    return `${bar}<text class="c">${amount(cost, measure)}</text>`;
  }

  function drawnBox(box, shared, bars) {
    const { shape, step } = box, high = shape.height, wide = max(shape.width, box.width) + 6, isInput = !step.kind;
    const how = isInput ? 'class="x"' : `class="o${step.fused ? " v" : ""}" data-op="${escaped(step.name)}"`;
    const above = shape.above ? `<text class="a" y="${px(-high - 4)}">${shape.above}</text>` : "";
    const dims = GATES.includes(step.kind) ? "" : `<text class="d">${escaped(box.dims)}</text>`;
    return `<g ${how} transform="translate(${px(shared.middle(box))} ${px(shared.y[box.lane] + high / 2)})">` +
      `<rect class="h" x="${px(-wide / 2)}" y="${px(-high - ABOVE)}" width="${px(wide)}" height="${px(high + ABOVE + BELOW)}"/>` +
      `<g transform="translate(${px(-shape.width / 2)} ${px(-high)})">${shape.drawn}</g>` +
      `${above}<text>${escaped(labelOf(step))}</text>${dims}${isInput ? "" : mark(step, bars)}</g>`;
  }

  function kernel(its, { left, width, y }) {
    const inside = its.filter((box) => box.step.fused);
    if (!inside.length) return "";
    const start = left[inside[0].column] - 5, last = inside.at(-1).column;
    const high = most(inside.map((box) => box.shape.height), 0) + ABOVE + BELOW + 8;
    return `<rect class="u" x="${px(start)}" y="${px(y[MIDDLE] + (BELOW - ABOVE - high) / 2)}" ` +
      `width="${px(left[last] + width[last] + 5 - start)}" height="${px(high)}"/>`;
  }

  function edge(box, its, shared, name) {
    const source = its.find(({ step }) => step.name === name);
    const x1 = shared.middle(source) + source.shape.width / 2 + 2, y1 = shared.y[source.lane];
    const x2 = shared.middle(box) - box.shape.width / 2 - 3, y2 = shared.y[box.lane];
    const between = its.filter((one) => box.column < one.column && one.column < source.column).map((one) => one.lane);
    const after = shared.left[source.column] + shared.width[source.column] + GAP / 2, before = shared.left[box.column] - GAP / 2;
    const free = (...lanes) => !between.some((lane) => lanes.includes(lane));
    const way = free(box.lane, MIDDLE) ? (y1 === y2 ? `H${px(x2)}` : `H${px(after)}V${px(y2)}H${px(x2)}`)
      : free(source.lane, MIDDLE) ? `H${px(before)}V${px(y2)}H${px(x2)}`
        : `H${px(after)}V${px(shared.rail)}H${px(before)}V${px(y2)}H${px(x2)}`;
    return `M${px(x1)} ${px(y1)}${way}m-4-3 4 3-4 3`;
  }

  function row(design, its, shared, bars) {
    const lines = its.flatMap((box) => box.of.map((name) => edge(box, its, shared, name))).join("");
    const tracks = its.filter(({ step }) => step.kind).map((box) => `M${px(shared.middle(box) - BAR / 2)} ` +
      `${px(shared.y[box.lane] + box.shape.height / 2 + 30.5)}h${px(BAR)}`).join("");
    const [wide, high] = [px(shared.wide), px(shared.high)];
    return `<svg viewBox="0 0 ${wide} ${high}" width="${wide}" height="${high}" role="group" ` +
      `aria-label="Operators of ${escaped(design.name)}"><path class="e" d="${lines}"/><path class="r" d="${tracks}"/>` +
      `${kernel(its, shared)}${its.map((box) => drawnBox(box, shared, bars)).join("")}</svg>`;
  }

  // ---- Panels

  const total = (design, measure) => sum(design.steps.map((step) => step.costs[measure]), 0n);

  function saidOf(steps, runsAs, kind) {
    const seconds = steps.map((step) => step.costs[2]).filter((cost) => cost !== null), { n } = steps[0];
    const texts = [`${digits(n("n"))} tokens, ${digits(n("m"))} keys`, `${compact(total({ steps }, 0))} MACs`,
      `${compact(total({ steps }, 1), 1024n)} moved`, ...(seconds.length ? [`${compactSeconds(sum(seconds, 0))} ${kind}`] : [])];
    return `${texts.join(", ")}${runsAs}`;
  }

  const VERBS = ["needs", "moves", "takes"], MEASURES = ["MACs", "bytes", "time"], TIMES_APART = 5;

  const place = (stage) => `In one attention module of stage ${stage}`;

  function title(engine, where, designs, measure = 0) {
    const byKeys = new Map();
    for (const { name, steps: [first] } of designs) byKeys.set(first.n("m"), [...(byKeys.get(first.n("m")) ?? []), name]);
    const [[keys, names], ...others] = byKeys, tokens = digits(designs[0].steps[0].n("n"));
    const who = others.length || designs.length === 1 ? several(names) : "every design";
    let text = `${where}, ${who} ${names.length > 1 && others.length ? "compare" : "compares"} ${tokens} tokens with ${digits(keys)} keys`;
    for (const [more, theirs] of others) text += `, ${several(theirs)} with ${digits(more)}`;
    return `${text}${measure === 2 ? timesOf(designs) : amountsOf(engine, designs, measure)}.`;
  }

  function amountsOf(engine, designs, measure) {
    const amounts = designs.map((design) => total(design, measure)), [first, ...rest] = designs, name = MEASURES[measure];
    if (rest.length && amounts.every((one) => one === amounts[0])) return `, for the same ${name}`;
    return rest.map((design, k) => {
      const isSame = amounts[k + 1] === amounts[0], share = isSame ? "as many" : engine.ratio(amounts[k + 1], amounts[0]);
      const of = isSame ? ` ${name} as ${first.name}` : `${share.endsWith("%") ? " of" : ""} ${first.name}'s ${name}`;
      return k ? `, ${design.name} ${share}` : `: ${design.name} ${VERBS[measure]} ${share}${of}`;
    }).join("");
  }

  /* The time of all operators; null where it is not known of one (fused ones have one time). */
  function secondsOf({ steps }) {
    const known = steps.map((step) => step.costs[2]).filter((cost) => cost !== null);
    return known.length && steps.every((step) => step.fused || step.costs[2] !== null) ? sum(known, 0) : null;
  }

  function timesOf(designs) {
    const times = designs.map(secondsOf), unknown = designs.filter((_, k) => !times[k]).map(({ name }) => name);
    if (unknown.length === designs.length) return "; no time is known of this setting";
    const lacks = unknown.length ? `; no time is known of ${several(unknown)}` : "", first = designs[0].name;
    if (!times[0]) return lacks;
    let text = "";
    designs.forEach((design, k) => {
      if (!k || !times[k]) return;
      let share = people(times[k], times[0]), of = `${share.endsWith("%") ? " of" : ""} ${first}'s time`;
      if (100 * Math.abs(times[k] - times[0]) < TIMES_APART * times[0]) [share, of] = ["about as long", ` as ${first}`];
      text += text ? `, ${design.name} ${share}` : `: ${design.name} takes ${share}${of}`;
    });
    return text + lacks;
  }

  function mesh(designs, scale) {
    if (!designs[0].steps[0].left) return "";
    const first = readBy(designs[0]), [rows, columns] = gridOf(designs[0], first), drawn = sides([rows, columns], each(first, "t") * scale.area);
    let [wide, high] = [drawn[0] / columns, drawn[1] / rows];
    while (min(wide, high) < 2) [wide, high] = [2 * wide, 2 * high];
    return `<svg width="0" height="0" aria-hidden="true"><pattern id="${scale.mesh}" patternUnits="userSpaceOnUse" ` +
      `width="${px(wide)}" height="${px(high)}"><path d="M${px(wide)} 0H0V${px(high)}"/></pattern></svg>`;
  }

  function legend(designs, scale, measure) {
    const bar = `the bar below it is its ${["MACs", "bytes moved", "time"][measure]}`;
    if (!designs[0].steps[0].left) return `The area of a box is what the submodule writes, all to one scale; ${bar}.`;
    const smaller = scale.area / (scale.side * scale.side), steps = designs.flatMap((design) => design.steps), batch = steps[0].n("b");
    const scores = smaller < 1.05 ? "all to one scale"
      : `maps to one scale, score matrices to one ${smaller >= 10 ? digits(floor(smaller + 0.5)) : px(smaller)} times smaller`;
    const thin = steps.some((step) => step.isMatrix && step.n("m") * scale.side < 1.5) ? " What is thinner than a line is drawn as a line." : "";
    const images = batch > 1 ? ` The picture is of one of ${digits(batch)} images; the costs are of all.` : "";
    const gates = steps.some((step) => GATES.includes(step.kind)) ? " Narrow boxes repeat what they read, in other values or another order." : "";
    const fused = steps.some((step) => step.fused) ? " One kernel runs what the dashed frame holds; dashed boxes are never stored." : "";
    const none = steps.every((step) => step.costs[measure] === null) ? " No time is known of this setting." : "";
    return `The area of a box is its result: ${scores}; ${bar}.${thin}${images}${gates}${fused}${none}`;
  }

  function panel(id, designs, measure = 0, kind = "line") {
    const scale = scaleOf(designs, id), columns = 1 + most(designs.flatMap(({ steps }) => {
      const found = columnsOf(steps);
      return steps.map((step) => found.get(step.name));
    }), 0);
    const largest = most(designs.flatMap(({ steps }) => steps.map((step) => Number(step.costs[measure] ?? 0))), 0);
    const rows = designs.map((design) => boxes(design, scale, columns)), shared = frameOf(rows);
    const pictures = designs.map((design, k) => `<div class="design" data-design="${escaped(design.name)}" style="--d:${design.color}">` +
      `<p><b>${escaped(design.name)}</b> ${escaped(design.said)}</p>${row(design, rows[k], shared, { measure, largest, kind })}</div>`).join("");
    return `${mesh(designs, scale)}<div class="rows" style="--mesh:url(#${scale.mesh})" tabindex="0" role="region" aria-label="The operators, drawn">${pictures}</div>` +
      `<p class="soft">${legend(designs, scale, measure)}</p>`;
  }

  const lists = (designs) => designs.map((design) => `<h3>${escaped(design.name)}</h3><ol data-design="${escaped(design.name)}">` +
    `${design.steps.map((step) => `<li data-op="${escaped(step.name)}"><b>${escaped(step.name)}</b>: ${escaped(step.text)}</li>`).join("")}</ol>`).join("");

  /* A design of a stage (from 1), as the engine has it. times: the seconds of its operators, with their kind as "". */
  function drawn(engine, work, stage, { name, color, variants }, times) {
    const variant = variants[stage - 1] ?? variants[0], { grid, runsAs } = engine.place(work, stage, variant);
    const steps = engine.terms(work, stage - 1, variant).map((term) => step(engine, term, BigInt(engine.bytes(work)), times));
    return { name, color, grid, steps, said: saidOf(steps, runsAs === name ? "" : ` (runs as ${runsAs})`, times?.[""] ?? "") };
  }

  /* A module of the user's own, of the costs of its submodules. */
  function drawnModule({ name, color }, parts) {
    const steps = [];
    for (const one of parts) steps.push(part(one, steps.at(-1)));
    const said = `${digits(steps.length)} submodule${steps.length === 1 ? "" : "s"}, ${compact(total({ steps }, 0))} MACs, ${compact(total({ steps }, 1), 1024n)} moved`;
    return { name, color, grid: [1, 1], steps, said };
  }

  function titleOfModules(designs, measure = 0) {
    const said = designs.map((design) => {
      const top = design.steps.reduce((a, b) => (b.costs[measure] > a.costs[measure] ? b : a)), name = top.name === ITSELF ? "code outside of any submodule" : top.name;
      return `in ${design.name}, ${name} has ${people(top.costs[measure], total(design, measure))} of the ${measure ? "bytes moved" : "MACs"}`;
    }).join("; ");
    return `${said[0].toUpperCase()}${said.slice(1)}.`;
  }

  return { place, title, titleOfModules, panel, lists, drawn, drawnModule };
})();

/* On the page: a tab for each stage, a switch for the bars, and a line that says what is pointed at or chosen. */
if (typeof document !== "undefined") for (const place of document.querySelectorAll("[data-picture]")) (() => {
  const { element } = pvtprofPage, finding = place.closest("section").querySelector(".finding"), panels = [...place.querySelectorAll("[role=tabpanel]")];
  const given = place.querySelector("script"), data = given && JSON.parse(given.textContent), which = place.querySelector(".which");
  const tabs = place.querySelector("[role=tablist]"), bars = [...place.querySelectorAll("input")];
  const calibration = data?.calibration && JSON.parse(document.getElementById("start").textContent).calibrations[data.calibration];
  let at = 0, now = null, chosen = null, predict = null, shown = [], later = 0, forms = null;

  const setRoles = (root) => { for (const box of root.querySelectorAll("[data-op].o")) box.setAttribute("role", "button"); };
  const boxes = () => [...panels[data ? 0 : at].querySelectorAll(".o[data-op]")];
  const designOf = (box) => box.closest("[data-design]").dataset.design;
  const isChosen = (box) => chosen && (!chosen.stage || at === chosen.stage - 1) && (!chosen.variant || designOf(box) === chosen.variant) &&
    box.dataset.op === chosen.name;

  // ---- Drawing

  /* The seconds of a design's operators at a setting: as the run has them, or predicted; null where nothing is known. */
  function timesOf(design, isOfRun) {
    const { work } = now, ofRun = data.times[design.name]?.[at + 1];
    if (isOfRun && ofRun) return ofRun;
    if (now.tooLarge?.includes(design.name)) return null; // it needs more memory than there is
    const found = predict?.operators(work, at + 1, design.variants[at] ?? design.variants[0]);
    return found ? { ...found, "": "predicted" } : null;
  }

  /* What stands in the open tab of a network: its designs drawn, its finding, and how bars are marked. */
  function ofNetwork() {
    const { work, engine } = now, { stages } = engine.modelOf(work), measure = bars.findIndex((input) => input.checked);
    at = Math.min(at, stages.length - 1);
    showTabs(stages.map((_, i) => `stage ${i + 1}`));
    const isOfRun = engine.command(work) === engine.command(engine.parsed(data.texts));
    const fitting = data.designs.filter(({ variants }) => variants.length === stages.length || new Set(variants).size === 1);
    const times = fitting.map((design) => timesOf(design, isOfRun));
    const drawn = fitting.map((design, k) => pvtprofInside.drawn(engine, work, at + 1, design, times[k]));
    const kind = measure < 2 ? "line" : times.some((one) => one?.[""] === "measured") ? "solid" : "outline";
    return { drawn, kind, measure, title: pvtprofInside.title(engine, pvtprofInside.place(at + 1), drawn, measure) };
  }

  /* Of modules of the user's own, at the sizes of the bar, or (of: their own) at those of the run; null where one is not proven. */
  function ofModules(of = null) {
    forms ??= pvtprofForms(JSON.parse(document.getElementById("forms").textContent).forms);
    const measure = bars.findIndex((input) => input.checked), fields = document.getElementById("sizes").elements;
    const pointOf = ({ point }, { sizes }) => Object.fromEntries(sizes.map((name) => [name, forms.parsed(name, of ? point[name] : fields[name].value)]));
    try {
      const drawn = data.modules.map((one) => {
        const form = forms.forms.find(({ name }) => name === one.name);
        return pvtprofInside.drawnModule(one, forms.parts(form, pointOf(one, form)));
      });
      return { drawn, kind: "line", measure, title: pvtprofInside.titleOfModules(drawn, measure) };
    } catch (error) {
      if (error instanceof forms.Refusal) return null;
      throw error;
    }
  }

  function draw() {
    const found = data.modules ? ofModules() : ofNetwork();
    place.classList.toggle("refused", !found);
    if (!found) return;
    const { drawn, kind, measure } = found;
    const made = element("template", { innerHTML: pvtprofInside.panel(data.mesh, drawn, measure, kind) });
    setRoles(made.content);
    const focused = place.contains(document.activeElement) && document.activeElement.dataset.op, of = focused && designOf(document.activeElement);
    finding.textContent = found.title;
    shown = drawn;
    if (list.open) fill();
    const [panel] = panels, theirs = [...made.content.childNodes];
    if (panel.childNodes.length === theirs.length) theirs.forEach((node, i) => become(panel.childNodes[i], node));
    else panel.replaceChildren(...theirs);
    mark();
    if (focused && document.activeElement === document.body) boxes().find((box) => designOf(box) === of && box.dataset.op === focused)?.focus();
  }

  const list = data && element("details", { ontoggle: () => fill() }, element("summary", { textContent: "The same as a list" }), element("div"));
  const fill = () => { list.lastChild.innerHTML = pvtprofInside.lists(shown); };

  /* Change what differs, so that bars move and nothing loses the focus. */
  function become(node, wanted) {
    if (node.nodeName !== wanted.nodeName || node.childNodes.length !== wanted.childNodes.length) return node.replaceWith(wanted);
    if (node.nodeType === Node.TEXT_NODE) return void (node.data === wanted.data || (node.data = wanted.data));
    for (const { name } of [...node.attributes]) if (!wanted.hasAttribute(name) && !["tabindex", "aria-pressed"].includes(name)) node.removeAttribute(name);
    for (const { name, value } of wanted.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    const theirs = [...wanted.childNodes];
    [...node.childNodes].forEach((child, i) => become(child, theirs[i]));
  }

  /* Whether the picture that Python drew is the one that this browser draws. */
  function prove() {
    const { engine } = now, work = data.modules ? null : engine.parsed(data.texts);
    const drawn = data.modules ? ofModules("run").drawn
      : data.designs.map((design) => pvtprofInside.drawn(engine, work, 1, design, data.times[design.name]?.[1]));
    const made = element("template", { innerHTML: pvtprofInside.panel(data.mesh, drawn) });
    const title = data.modules ? pvtprofInside.titleOfModules(drawn) : pvtprofInside.title(engine, pvtprofInside.place(1), drawn);
    if (title === finding.textContent && made.content.querySelector(".rows").outerHTML === panels[0].querySelector(".rows").outerHTML) return;
    place.before(Object.assign(element("p", { className: "banner bad", textContent: "THIS PICTURE IS NOT THE ONE THAT PYTHON DRAWS. Do not trust it." }), { role: "alert" }));
  }

  // ---- Tabs

  function showTabs(names) {
    if (tabs.children.length !== names.length) tabs.replaceChildren(...names.map((textContent, i) => {
      const tab = element("button", { type: "button", role: "tab", textContent, id: `${panels[0].id}-tab-${i}`, onclick: () => open(i) });
      tab.setAttribute("aria-controls", panels[data ? 0 : i].id);
      return tab;
    }));
    [...tabs.children].forEach((tab, i) => Object.assign(tab, { tabIndex: i === at ? 0 : -1, ariaSelected: String(i === at) }));
    panels.forEach((panel, i) => {
      panel.hidden = !data && i !== at;
      panel.setAttribute("aria-labelledby", tabs.children[data ? at : i].id);
    });
  }

  function open(index) {
    at = index;
    if (data) return now && draw();
    showTabs(panels.map((panel) => panel.dataset.name));
    finding.textContent = panels[at].dataset.title;
    mark();
  }

  const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  tabs.onkeydown = (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const last = tabs.children.length - 1, next = at + STEPS[event.key];
    open(Number.isFinite(next) ? (next + last + 1) % (last + 1) : next < 0 ? 0 : last);
    tabs.children[at].focus();
  };

  // ---- Boxes

  function mark() {
    const all = boxes(), first = all.find(isChosen) ?? all[0];
    for (const box of all) {
      box.setAttribute("aria-pressed", String(Boolean(isChosen(box))));
      box.setAttribute("tabindex", box === first ? "0" : "-1");
    }
    say(all.find(isChosen));
  }

  /* What the list has on a box. */
  function textOf(box) {
    const of = designOf(box), { op } = box.dataset;
    if (data) return shown.find(({ name }) => name === of).steps.find(({ name }) => name === op).text;
    return [...panels[at].querySelectorAll("li")].find((li) => li.dataset.op === op && designOf(li) === of).textContent.slice(op.length + 2);
  }

  function say(box) {
    which.replaceChildren(...(box ? [element("b", { textContent: `${designOf(box)}, ${box.dataset.op}` }), `: ${textOf(box)}`] : []));
  }

  const boxAt = (event) => event.target.closest?.(".o[data-op]");
  const pointed = () => (place.contains(document.activeElement) && document.activeElement.closest(".o[data-op]")) || boxes().find(isChosen);
  const choose = (box) => document.dispatchEvent(new CustomEvent("pvtprof:operator",
    { detail: { stage: at + 1, variant: designOf(box), name: box.dataset.op } }));

  function move(box, key) {
    const own = boxes().filter((one) => designOf(one) === designOf(box)), names = [...new Set(boxes().map(designOf))];
    if (key in STEPS) return own[Math.max(0, Math.min(own.length - 1, own.indexOf(box) + STEPS[key]))];
    const other = names[names.indexOf(designOf(box)) + (key === "ArrowDown" ? 1 : -1)], theirs = boxes().filter((one) => designOf(one) === other);
    return theirs.find((one) => one.dataset.op === box.dataset.op) ?? theirs[Math.min(own.indexOf(box), theirs.length - 1)];
  }

  place.addEventListener("pointerover", (event) => say(boxAt(event) ?? pointed()));
  place.addEventListener("pointerleave", () => say(pointed()));
  place.addEventListener("focusin", (event) => boxAt(event) && say(boxAt(event)));
  place.addEventListener("click", (event) => boxAt(event) && choose(boxAt(event)));
  place.addEventListener("keydown", (event) => {
    const box = boxAt(event);
    if (!box || !/^(Arrow.*|Home|End|Enter| )$/.test(event.key)) return;
    event.preventDefault();
    if (event.key === "Enter" || event.key === " ") return choose(box);
    const next = move(box, event.key);
    if (!next) return;
    boxes().forEach((one) => one.setAttribute("tabindex", one === next ? "0" : "-1"));
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  // ---- The rest of the page

  document.addEventListener("pvtprof:operator", ({ detail }) => {
    chosen = detail;
    if (chosen.stage && chosen.stage <= tabs.children.length && chosen.stage - 1 !== at) open(chosen.stage - 1);
    else mark();
  });
  /* After what the other sections do; a comparison that is not shown is drawn when it is. */
  function drawSoon() {
    clearTimeout(later);
    later = setTimeout(() => {
      if (!now || place.closest("[hidden]")) return;
      if (!list.isConnected) {
        prove();
        if (calibration) predict = pvtprofPredict(now.engine, calibration);
        place.insertBefore(list, which);
      }
      pvtprofPage.steadily(draw);
    });
  }

  if (data?.modules) {
    showTabs(["submodules"]);
    now = {};
    document.getElementById("sizes").addEventListener("input", drawSoon);
    drawSoon(); // when all scripts have run: the form has its fields then
  } else if (data) {
    document.addEventListener("pvtprof:work", ({ detail }) => { now = detail; drawSoon(); });
  }
  document.addEventListener("pvtprof:block", () => data && drawSoon());
  for (const found of place.querySelectorAll("[data-found]")) found.remove(); // the section's finding says it
  place.querySelector(".views").hidden = which.hidden = false;
  place.querySelector("fieldset").hidden = !data;
  bars.forEach((input) => { input.onchange = () => now && draw(); });
  if (data) return;
  setRoles(place);
  open(0);
})();
