"use strict";
/* The closed forms in the browser: the operator lists that Python has, read in whole numbers of any
   size (BigInt). No formula is written here, only how to read one; vectors made by Python, checked
   at every opening of the page and in CI, hold the two readers together. Knows nothing of the page. */
const pvtprofEngine = (program) => {
  class Refusal extends Error {}
  const refuse = (text) => { throw new Refusal(text); };

  // ---- Text to numbers, refused in the words of the command line

  const matched = (text, pattern, refusal) => pattern.exec(text) || refuse(refusal);

  /* A whole number, as it is written: beyond what plain numbers hold, a BigInt. */
  const whole = (text) => (text.trim().length > 15 ? BigInt(text) : Number(text));

  function parsedImage(text) {
    const found = matched(text, /^([0-9]{1,18})(?:x([0-9]{1,18}))?$/,
      `Invalid value for '--img': '${text}' is not an image size; use pixels such as 224 or 800x1333`);
    return [found[1], found[2] || found[1]].map(whole);
  }

  function parsedRatios(text) {
    const among = (part) => (part === text ? "" : `'${text}': `);
    return text.split(",").map((part) => Number(matched(part, /^\s*-?[0-9]{1,9}\s*$/,
      `Invalid value for '--R': ${among(part)}'${part}' is not a whole number; use one per stage, such as 8,4,2,1`)[0]));
  }

  const parsedInteger = (option, text, usual) => whole(matched(text, /^\s*[-+]?[0-9]{1,4000}\s*$/,
    `Invalid value for '${option}': '${text}' is not a whole number; give one, such as ${usual}`)[0]);

  function parsedMemory(text) {
    const refusal = `Invalid value for '--memory': '${text}' is not an amount of memory; ` +
      "use a number above 0 and a unit in one word, such as 24GiB; " +
      "units are KiB, MiB, GiB, TiB, KB, MB, GB and TB";
    const found = matched(text.trim(), /^([0-9]{1,15})(?:\.([0-9]{1,9}))? *(?:([kKMGTPE])(i)?)?B$/, refusal);
    const [, whole, decimals = "", prefix = "", binary] = found;
    const unit = BigInt(binary ? 1024 : 1000) ** BigInt(prefix ? " KMGTPE".indexOf(prefix.toUpperCase()) : 0);
    const bytes = BigInt(whole + decimals) * unit / 10n ** BigInt(decimals.length);
    return bytes > 0n ? bytes : refuse(refusal);
  }

  function oneOf(option, value, allowed) {
    const names = allowed.map((name) => `'${name}'`).join(", ");
    if (!allowed.includes(value)) refuse(`Invalid value for '${option}': '${value}' is not one of ${names}.`);
    return value;
  }

  function positive(what, value, most) {
    const limit = most ? `from 1 to ${most}` : "of 1 or more";
    if (value < 1 || (most && value > most)) refuse(`${what} is ${value}; use a whole number ${limit}`);
    return value;
  }

  /* What runs, from texts as the command line takes them. */
  function parsed(texts) {
    const [height, width] = parsedImage(texts.img);
    const work = {
      model: texts.model, height, width, ratios: parsedRatios(texts.R),
      batch: parsedInteger("--batch", texts.batch, 1),
      dtype: oneOf("--dtype", texts.dtype, Object.keys(program.dtypes)),
      attention: oneOf("--attention", texts.attention, program.attentions),
      pool: parsedInteger("--pool-size", texts["pool-size"], 7),
    };
    return checked(work);
  }

  function checked(work) {
    positive("image height", work.height, program.max_side);
    positive("image width", work.width, program.max_side);
    if (!Object.hasOwn(program.models, work.model))
      refuse(`unknown model '${work.model}'; use one of ${Object.keys(program.models).join(", ")}, ` +
        "or the path of a design file (.toml)");
    const { version, stages } = program.models[work.model], last = stages.length;
    if (work.ratios.length !== last) {
      const such = [...Array(Math.max(0, last - 4)).fill(1), 8, 4, 2, 1].slice(-last);
      refuse(`R has ${work.ratios.length} values; use ${last}, one per stage, such as ${such}`);
    }
    work.ratios.forEach((ratio, i) => positive(`R of stage ${i + 1}`, ratio));
    positive("batch", work.batch, program.max_batch);
    positive("pool size", work.pool, program.max_side);
    if (version === 1 && work.ratios[last - 1] !== 1)
      refuse(`stage ${last} of ${work.model} has a class token, so it cannot reduce its keys ` +
        `(sra_conv with R ${work.ratios[last - 1]} was asked for); use R 1 in stage ${last}, as the paper does`);
    for (const variant of program.variants) stageSizes(work, variant);
    return work;
  }

  // ---- Geometry: from image size to the size of every index

  const convOut = (extent, [kernel, stride, padding]) => Math.floor((extent + 2 * padding - kernel) / stride) + 1;

  const hasClassToken = (model, stage) => model.version === 1 && stage === model.stages.length - 1;

  function tokenGrids(work, height = work.height, width = work.width) {
    const model = program.models[work.model], grids = [];
    let grid = [height, width];
    for (let stage = 0; stage < model.stages.length; stage++) {
      grid = grid.map((extent) => convOut(extent, model.patches[stage]));
      if (Math.min(...grid) < 1)
        refuse(`image ${height}x${width} is too small for the ${program.counts[model.stages.length]} of ${work.model}: ` +
          `nothing is left in stage ${stage + 1}; use at least ${smallestSide(model)} pixels a side`);
      grids.push(grid);
    }
    return grids;
  }

  function smallestSide(model) {
    let side = 1;
    for (const [kernel, stride, padding] of [...model.patches].reverse()) {
      side = Math.max(1, (side - 1) * stride + kernel - 2 * padding);
    }
    return side;
  }

  /* The design that really runs in a stage (counted from 0). */
  function runsAs(work, variant, stage) {
    const rule = program.keys[variant], has = hasClassToken(program.models[work.model], stage);
    const isPlain = rule === "convolved" ? work.ratios[stage] === 1 : rule === "pooled" && has;
    return isPlain ? program.variants[0] : variant;
  }

  function stageSizes(work, variant) {
    const model = program.models[work.model], grids = tokenGrids(work);
    const stored = model.version === 1 ? tokenGrids(work, ...model.built) : grids;
    const before = [[work.height, work.width], ...grids];
    return model.stages.map((stage, i) => {
      const [height, width] = grids[i], as = runsAs(work, variant, i), ratio = work.ratios[i];
      const rule = program.keys[as];
      if (rule === "convolved" && ratio > Math.min(height, width))
        refuse(`stage ${i + 1}: R ${ratio} is larger than the ${height}x${width} token grid; ` +
          `use R ${Math.min(height, width) > 1 ? `1 to ${Math.min(height, width)}` : "1"}, or a larger image`);
      const extra = hasClassToken(model, i) ? 1 : 0, tokens = height * width + extra;
      const kernel = rule === "convolved" ? ratio : 1;
      const reduced = (extent) => convOut(extent, [ratio, ratio, 0]);
      const keys = { tokens, convolved: reduced(height) * reduced(width), pooled: work.pool ** 2 }[rule];
      return {
        b: work.batch, n: tokens, m: keys, c: stage.dim, e: stage.dim, h: stage.num_heads,
        d: stage.dim / stage.num_heads, i: kernel, j: kernel, t: 2,
        s: height * width, u: stored[i][0] * stored[i][1] + extra, f: stage.dim * stage.mlp_ratio,
        x: 3, y: 3, p: before[i][0] * before[i][1], g: i ? model.stages[i - 1].dim : model.channels,
        k: model.patches[i][0], l: model.patches[i][0], z: model.classes,
      };
    });
  }

  const exact = (sizes) => Object.fromEntries(Object.entries(sizes).map(([i, size]) => [i, BigInt(size)]));

  // ---- Reading an operator

  const memo = (f) => { const known = new Map(); return (key) => known.get(key) ?? known.set(key, f(key)).get(key); };
  const letters = memo((indices) => [...new Set(indices.split(" ").filter(Boolean))]);
  const product = (indices, sizes, one) => indices.reduce((total, i) => total * sizes[i], one);
  const numel = (indices, sizes) => (indices ? product(letters(indices), sizes, 1n) : 0n);
  const ownsRight = (op) => Boolean(op.right) && !op.right.includes("b");
  const isScores = (indices) => indices === "b h n m";
  const multiplied = (op) => letters(`${op.right} ${op.out}`);
  const exceedsOne = (groups, sizes) =>
    groups.split(" ").every((group) => product([...group], sizes, 1n) > 1n);

  const macs = (op, sizes) => (op.kind === "contract" ? product(multiplied(op), sizes, 1n) : 0n);
  const params = (op, sizes) => (ownsRight(op) ? numel(op.right, sizes) : 0n) + numel(op.bias, sizes);
  const reads = (op, sizes) => (op.fused && isScores(op.left) ? 0n : numel(op.left, sizes)) +
    numel(op.right, sizes) + numel(op.bias, sizes);
  const writes = (op, sizes) => (op.fused && isScores(op.out) ? 0n : numel(op.out, sizes));

  // ---- Operator lists at their place in a network

  const inside = (op, prefix, x) => ({
    ...op, name: `${prefix}.${op.name}`, where: op.where ? `${prefix}.${op.where}` : prefix,
    of: (op.of || []).map((name) => (name === "x" ? x : `${prefix}.${name}`)),
  });

  function attentionOps(work, variant, stage, prefix, x) {
    const { qkv_bias: biased } = program.models[work.model].stages[stage];
    const ops = (biased ? program.attention : program.unbiased)[runsAs(work, variant, stage)][work.attention];
    return ops.map((op) => inside(op, prefix, x));
  }

  function family(work) {
    const model = program.models[work.model];
    if (model.version === 2) return model.family;
    const [here, built] = [tokenGrids(work)[0], tokenGrids(work, ...model.built)[0]];
    return here.join() === built.join() ? model.family : `${model.family} resized`;
  }

  function modelOps(work, variant) {
    const stages = program.models[work.model].stages;
    return program.layouts[family(work)].flatMap((ops, stage) => ops
      .flatMap((op) => (op.attention ? attentionOps(work, variant, stage, op.attention, op.x) : [op]))
      .map((op) => ({ op, stage, times: op.name.startsWith("block") ? stages[stage].depth : 1 })));
  }

  /* The operators that run at their sizes; who reads a copy that does not, reads its source. */
  function running(placed, sizes) {
    const spared = new Map(), kept = [];
    for (const { op, stage, times } of placed) {
      const of = (op.of || []).map((name) => spared.get(name) ?? name);
      if (op.when && !exceedsOne(op.when, sizes[stage])) spared.set(op.name, of[0]);
      else kept.push({ op: { ...op, of }, sizes: sizes[stage], times: BigInt(times), stage });
    }
    return kept;
  }

  /* Every operator of a row: of one attention module (stage 0 to 3), or of the whole model (null). */
  function terms(work, stage, variant) {
    const sizes = stageSizes(work, variant).map(exact);
    if (stage === null) return running(modelOps(work, variant), sizes);
    return running(attentionOps(work, variant, stage, "attn", "x").map((op) => ({ op, stage, times: 1 })), sizes);
  }

  // ---- Live bytes: what each operator allocates, and when it is let go

  function releases(ops) {
    const scopes = ops.map((op) => (op.where ? op.where.split(".") : []));
    const ends = new Map(), made = new Map(ops.map((op, i) => [op.name, i]));
    scopes.forEach((scope, i) => {
      for (let k = 0; k <= scope.length; k++) ends.set(scope.slice(0, k).join("."), i);
    });
    const callEnd = (mine, theirs, reader) => {
      let shared = 0;
      while (shared < Math.min(mine.length, theirs.length) && mine[shared] === theirs[shared]) shared++;
      return shared === theirs.length ? reader : ends.get(theirs.slice(0, shared + 1).join("."));
    };
    const last = ops.map((_, i) => i);
    ops.forEach((op, i) => op.of.forEach((name) => {
      const source = made.get(name);
      if (source !== undefined) last[source] = Math.max(last[source], callEnd(scopes[source], scopes[i], i));
    }));
    ops.forEach((op, i) => {
      if (op.bound) last[i] = Math.max(last[i], ends.get(scopes[i].slice(0, -1).join(".")));
    });
    const released = ops.map(() => []);
    last.forEach((end, i) => released[end].push(ops[i].name));
    return released;
  }

  function atenName(op, sizes) {
    if (op.fused) return "_scaled_dot_product_flash_attention_for_cpu";
    if (op.kind === "pool") return sizes.m === 1n ? "mean" : "_adaptive_avg_pool2d";
    if (op.kind !== "contract") return program.aten[op.kind];
    if (!ownsRight(op)) return "bmm";
    return ["i j", "x y", "k l"].includes(op.right.slice(0, 3)) ? "convolution" : op.bias ? "addmm" : "mm";
  }

  /* [torch's operator, bytes of the result, bytes beside it] for each allocation. */
  function allocations({ op, sizes }, bytes) {
    const taken = numel(op.out, sizes) * bytes;
    if (op.from_map && sizes.b === 1n && sizes.n > 1n) return [["mm", taken, 0n], ["add", taken, 0n]];
    let extra = 0n;
    if (op.kind === "layernorm") extra = 2n * numel(op.out, sizes) / sizes.e * bytes;
    else if (op.fused) extra = numel("b h n", sizes) * (bytes > 4n ? bytes : 4n);
    return [[atenName(op, sizes), taken, extra]];
  }

  /* The first moment of a forward pass with the most live bytes, above input and parameters. */
  function peak(all, bytes) {
    const allocating = all.filter(({ op }) => !(op.fused && isScores(op.out)));
    const released = releases(allocating.map(({ op }) => op));
    const alive = new Map();
    let held = 0n, most = { bytes: -1n, at: "" };
    allocating.forEach((term, i) => {
      let now = held;
      for (const [aten, taken, extra] of allocations(term, bytes)) {
        now += taken + extra;
        if (now > most.bytes) most = { bytes: now, at: `${term.op.where} ${aten}`.trim() };
        alive.set(term.op.name, taken);
      }
      held += alive.get(term.op.name);
      for (const name of released[i]) {
        held -= alive.get(name);
        alive.delete(name);
      }
    });
    return most;
  }

  // ---- Answers

  const dtypeBytes = (work) => BigInt(program.dtypes[work.dtype]);
  const sum = (values) => values.reduce((total, value) => total + value, 0n);

  /* One row, as a run has it: an attention module of a stage (1 to 4), or the whole model (null). */
  function row(work, stage, variant) {
    const all = terms(work, stage === null ? null : stage - 1, variant), bytes = dtypeBytes(work);
    const ops = all.map(({ op, sizes, times, stage: at }) => ({
      name: op.name.replace(/^attn\./, ""), stage: at + 1, macs: times * macs(op, sizes),
      params: times * params(op, sizes), read: times * reads(op, sizes), written: times * writes(op, sizes),
    }));
    const total = (what) => sum(ops.map((op) => op[what]));
    return {
      ops, macs: total("macs"), params: total("params"), peak: peak(all, bytes),
      read: bytes * total("read"), written: bytes * total("written"),
    };
  }

  /* What surrounds a stage's row: grid, tokens, keys, blocks, and the design that really runs. */
  function place(work, stage, variant) {
    const sizes = stageSizes(work, variant)[stage - 1];
    return {
      grid: tokenGrids(work)[stage - 1], sizes, blocks: program.models[work.model].stages[stage - 1].depth,
      runsAs: runsAs(work, variant, stage - 1),
    };
  }

  /* Bytes of parameters, images and peak of the whole model. */
  function needs(work, variant) {
    const all = terms(work, null, variant), bytes = dtypeBytes(work);
    const learned = sum(all.map(({ op, sizes, times }) => times * params(op, sizes)));
    const image = BigInt(work.batch * program.models[work.model].channels) * BigInt(work.height * work.width);
    return peak(all, bytes).bytes + bytes * (learned + image);
  }

  const squared = (work, side) => ({ ...work, height: side, width: side });
  const fitsGrid = (work, variant) => {
    try { return Boolean(stageSizes(work, variant)); } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  };

  function largest(holds, low, high) {
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      if (holds(middle)) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }

  const smallest = (work, variant) =>
    largest((side) => !fitsGrid(squared(work, side), variant), 1, program.max_side) + 1;

  /* The largest square image that fits into so many bytes; 0 where none does. */
  function largestImage(work, variant, memory) {
    const low = smallest(work, variant);
    const side = largest((s) => needs(squared(work, s), variant) <= memory, low, program.max_side);
    return side < low ? 0 : side;
  }

  /* MACs of the whole model for square images of one image a batch, as a function of the side.
     In plain numbers where all is below 2^53, and so exact; else in BigInt. */
  function macsBySide(work, variant) {
    const one = { ...work, batch: 1 }, factors = new Map();
    for (const { op, stage, times } of modelOps(one, variant))
      if (op.kind === "contract") {
        const key = `${stage} ${multiplied(op).join(" ")}`;
        factors.set(key, (factors.get(key) || 0) + times);
      }
    const form = [...factors].map(([key, factor]) => [Number(key[0]), letters(key.slice(2)), factor]);
    return (side) => {
      const sizes = stageSizes(squared(one, side), variant);
      const total = form.reduce((t, [stage, indices, factor]) => t + product(indices, sizes[stage], factor), 0);
      if (total < Number.MAX_SAFE_INTEGER) return total;
      const big = sizes.map(exact);
      return sum(form.map(([stage, indices, factor]) => product(indices, big[stage], BigInt(factor))));
    };
  }

  /* From which side on `variant` needs fewer MACs than `other`, for all square images up to `most`
     that both take: {low, from}, the smallest of those (null: there is none) and the answer (null:
     not even at `most`). MACs change only where the first patch embedding, with its stride, has a
     token more. */
  function cheaperFrom(work, variant, other, most) {
    const low = Math.max(smallest(work, variant), smallest(work, other));
    if (low > most) return { low: null, from: null };
    const [mine, theirs] = [macsBySide(work, variant), macsBySide(work, other)];
    const [kernel, stride, padding] = program.models[work.model].patches[0];
    const first = (side) => side - ((side + 2 * padding - kernel) % stride);
    let from = null;
    for (let side = most; side >= low; side = first(side) - 1) {
      if (!(mine(side) < theirs(side))) break;
      from = Math.max(low, first(side));
    }
    return { low, from };
  }

  // ---- Numbers to text, as pvtprof.units has them

  /* numerator / denominator with some decimals, rounded half to even, grouped. */
  function decimal(numerator, denominator, decimals) {
    const scaled = numerator * 10n ** BigInt(decimals), twice = 2n * (scaled % denominator);
    let value = scaled / denominator;
    if (twice > denominator || (twice === denominator && value % 2n)) value += 1n;
    const text = `${value}`.padStart(decimals + 1, "0");
    const [front, back] = [text.slice(0, text.length - decimals), text.slice(text.length - decimals)];
    return BigInt(front).toLocaleString("en-US") + (back && `.${back}`);
  }

  function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = 0;
    while (bytes >= 1024n ** BigInt(unit + 1) && unit < units.length - 1) unit++;
    if (!unit) return `${bytes} B`;
    const one = 1024n ** BigInt(unit);
    return `${decimal(bytes, one, Math.max(0, 3 - `${bytes / one}`.length))} ${units[unit]}`;
  }

  /* A share with one decimal; two below 1 %. */
  const percent = (part, all) => {
    if (!all) return "-";
    return `${decimal(100n * part, all, part && 100n * part < all ? 2 : 1).replaceAll(",", "")} %`;
  };

  /* The command line that gives the same. */
  function command(work) {
    const { height, width } = work, { named, pool_size: pool } = program.models[work.model];
    const words = ["pvtprof compare", ...(named ? [named] : [])];
    words.push(`--img ${height === width ? height : `${height}x${width}`}`, `--R ${work.ratios.join(",")}`);
    if (work.batch !== 1) words.push(`--batch ${work.batch}`);
    if (work.dtype !== "float32") words.push(`--dtype ${work.dtype}`);
    if (work.attention !== "eager") words.push(`--attention ${work.attention}`);
    if (work.pool !== pool) words.push(`--pool-size ${work.pool}`);
    return [...words, "--analytic"].join(" ");
  }

  /* Whether a vector made by Python comes out the same: {texts, stage, variant, ...} and either
     `error` or all figures, as texts of whole numbers. Returns "" or what differs. */
  function differs(vector) {
    let found;
    try {
      const work = parsed(vector.texts);
      const { macs: m, params: p, read, written, peak: top } = row(work, vector.stage, vector.variant);
      found = { command: command(work), macs: `${m}`, params: `${p}`, read: `${read}`, written: `${written}`,
        peak: `${top.bytes}`, at: top.at };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      found = { error: error.message };
    }
    const names = Object.keys({ ...found, ...vector.expected });
    return names.filter((name) => found[name] !== vector.expected[name])
      .map((name) => `${name}: ${found[name]}, Python: ${vector.expected[name]}`).join("; ");
  }

  return { Refusal, parsed, parsedMemory, row, place, largestImage, cheaperFrom, size, percent, command, differs };
};
