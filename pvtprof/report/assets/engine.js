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

  // ---- A network with lists of its own: --set KEY=LIST on top of a model

  const MOST_DIVISORS = 16; // as designs/spec.py names
  const FIELDS = { embed_dims: "dim", depths: "depth", num_heads: "num_heads", mlp_ratios: "mlp_ratio" };
  const listOf = (model, key) => model.stages.map((stage) => stage[FIELDS[key]]);
  const modelOf = (work) => work.network ?? program.models[work.model];
  const nameOf = (work) => work.named ?? work.model;

  /* As Python writes a text in a message. */
  function quoted(text) {
    const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
    return mark + text.replaceAll("\\", "\\\\").replaceAll(mark, `\\${mark}`) + mark;
  }

  /* The words of a list as Python reads them: whole numbers, true, false, other texts. */
  function valuesOf(change) {
    const [key, ...rest] = change.split("="), text = rest.join("=").trim();
    if (!text) refuse(`--set ${quoted(change)} is not KEY=VALUE; use such as depths=3,4,18,3`);
    return [key, text.split(/[\s,;[\]()]+/).filter(Boolean).map((word) => {
      if (/^(true|false)$/i.test(word)) return word.toLowerCase() === "true";
      const plain = word.replace(/^["']+|["']+$/g, "");
      return /^-?[0-9]{1,18}$/.test(plain) ? whole(plain) : plain;
    })];
  }

  /* A whole number of a list, refused in Python's words. */
  function listed(what, value, most) {
    if (typeof value !== "boolean" && typeof value !== "string" && value >= 1 && value <= most) return Number(value);
    const said = { string: () => quoted(value.slice(0, 60)), boolean: () => String(value) }[typeof value];
    return refuse(`${what} is ${said ? said() : value}; use a whole number from 1 to ${most}`);
  }

  const counted = (count) => `${count} value${count === 1 ? "" : "s"}`;

  /* What the changes, such as "depths=3,4,18,3", make of a model: its stages and its name. */
  function changed(model, changes) {
    const base = program.models[model], settings = new Map(changes.map(valuesOf));
    let stages;
    try {
      stages = stagesOf(base, settings);
    } catch (error) {
      if (error instanceof Refusal) refuse(`${model} with ${changes.map((one) => `--set ${one}`).join(" ")}: ${error.message}`);
      throw error;
    }
    const said = [...settings].map(([key, values]) => `${key}=${values}`);
    const isSame = [...settings].every(([key, values]) => values.join() === listOf(base, key).join());
    return { network: { ...base, stages, changes: said }, named: isSame ? model : shortened(model, said) };
  }

  function stagesOf(base, settings) {
    const lists = Object.keys(FIELDS).map((key) => [key, settings.get(key) ?? listOf(base, key)]);
    const [[first, { length }]] = lists;
    for (const [key, values] of [...lists, ["sr_ratios", base.sr_ratios]])
      if (values.length !== length) refuse(`${first} has ${counted(length)} and ${key} has ${values.length}; give one per stage`);
    const numbers = lists.map(([key, values]) =>
      [FIELDS[key], values.map((value, i) => listed(`${key} of stage ${i + 1}`, value, program.lists[key]))]);
    return base.stages.map((stage, i) => {
      const made = { ...stage, ...Object.fromEntries(numbers.map(([field, values]) => [field, values[i]])) };
      const { dim, num_heads: heads } = made;
      if (dim % heads) {
        const divisors = Array.from({ length: Math.min(dim, 2 ** 16) }, (_, d) => d + 1).filter((d) => dim % d === 0);
        const nearest = divisors.sort((a, b) => Math.abs(a - heads) - Math.abs(b - heads)).slice(0, MOST_DIVISORS).sort((a, b) => a - b);
        refuse(`stage ${i + 1}: dim ${dim} is not divisible by num_heads ${heads}; use one of ${nearest.join(", ")}`);
      }
      return made;
    });
  }

  /* What Python calls such a network; a long name ends with the CRC-32 of all of it. */
  function shortened(base, said) {
    const name = [base, ...said].join("+");
    if (name.length <= 100) return name;
    let crc = -1;
    for (const byte of new TextEncoder().encode(name)) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xEDB88320 : crc >>> 1;
    }
    return `${base.slice(0, 60)}+${said.length}-settings-${((crc ^ -1) >>> 0).toString(16).padStart(8, "0")}`;
  }

  /* What runs, from texts as the command line takes them; `set`: changes of the network, by "&". */
  function parsed(texts) {
    const [height, width] = parsedImage(texts.img);
    const work = {
      model: texts.model, changes: (texts.set || "").split("&").filter(Boolean), height, width, ratios: parsedRatios(texts.R),
      batch: parsedInteger("--batch", texts.batch, 1),
      dtype: oneOf("--dtype", texts.dtype, Object.keys(program.dtypes)),
      attention: oneOf("--attention", texts.attention, program.attentions),
      pool: parsedInteger("--pool-size", texts["pool-size"], 7),
      mode: oneOf("--mode", texts.mode ?? program.modes[0], program.modes),
    };
    return checked(work);
  }

  function checked(work) {
    positive("image height", work.height, program.max_side);
    positive("image width", work.width, program.max_side);
    if (!Object.hasOwn(program.models, work.model))
      refuse(`unknown model '${work.model}'; use one of ${Object.keys(program.models).join(", ")}, ` +
        "or the path of a design file (.toml)");
    if (work.changes?.length) Object.assign(work, changed(work.model, work.changes));
    const { version, stages } = modelOf(work), last = stages.length;
    if (work.ratios.length !== last) {
      const such = [8, 4, 2, 1, ...Array(Math.max(0, last - 4)).fill(1)].slice(-last);
      refuse(`R has ${work.ratios.length} values; use ${last}, one per stage, such as ${such}`);
    }
    work.ratios.forEach((ratio, i) => positive(`R of stage ${i + 1}`, ratio));
    positive("batch", work.batch, program.max_batch);
    positive("pool size", work.pool, program.max_side);
    if (version === 1 && work.ratios[last - 1] !== 1)
      refuse(`stage ${last} of ${nameOf(work)} has a class token, so it cannot reduce its keys ` +
        `(sra_conv with R ${work.ratios[last - 1]} was asked for); use R 1 in stage ${last}, as the paper does`);
    for (const variant of program.variants) stageSizes(work, variant);
    return work;
  }

  // ---- Geometry: from image size to the size of every index

  const convOut = (extent, [kernel, stride, padding]) => Math.floor((extent + 2 * padding - kernel) / stride) + 1;

  const hasClassToken = (model, stage) => model.version === 1 && stage === model.stages.length - 1;

  function tokenGrids(work, height = work.height, width = work.width) {
    const model = modelOf(work), grids = [];
    let grid = [height, width];
    for (let stage = 0; stage < model.stages.length; stage++) {
      grid = grid.map((extent) => convOut(extent, model.patches[stage]));
      if (Math.min(...grid) < 1)
        refuse(`image ${height}x${width} is too small for the ${program.counts[model.stages.length]} of ${nameOf(work)}: ` +
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
    const rule = program.keys[variant], has = hasClassToken(modelOf(work), stage);
    const isPlain = rule === "convolved" ? work.ratios[stage] === 1 : rule === "pooled" && has;
    return isPlain ? program.variants[0] : variant;
  }

  function stageSizes(work, variant) {
    const model = modelOf(work), grids = tokenGrids(work);
    const stored = model.version === 1 ? tokenGrids(work, ...model.built) : grids;
    const before = [[work.height, work.width], ...grids];
    return model.stages.map((stage, i) => {
      const [height, width] = grids[i], as = runsAs(work, variant, i), ratio = work.ratios[i];
      const rule = program.keys[as];
      if (rule === "convolved" && ratio > Math.min(height, width))
        refuse(`stage ${i + 1}: R ${ratio} is larger than the ${height}x${width} token grid; ` +
          `use R ${Math.min(height, width) > 1 ? `1 to ${Math.min(height, width)}` : "1"}, or a larger image`);
      const extra = hasClassToken(model, i) ? 1 : 0, kernel = rule === "convolved" ? ratio : 1;
      return {
        b: work.batch, n: height * width + extra, m: keysOf(rule, grids[i], ratio, extra, work.pool), a: height, c: stage.dim, e: stage.dim, h: stage.num_heads,
        d: stage.dim / stage.num_heads, i: kernel, j: kernel, t: 2,
        s: height * width, w: stored[i][0] * stored[i][1], u: stored[i][0] * stored[i][1] + extra, f: stage.dim * stage.mlp_ratio,
        x: 3, y: 3, p: before[i][0] * before[i][1], g: i ? model.stages[i - 1].dim : model.channels,
        k: model.patches[i][0], l: model.patches[i][0], z: model.classes,
      };
    });
  }

  function keysOf(rule, [height, width], ratio, extra, pool) {
    if (rule === "pooled") return pool ** 2;
    return rule === "convolved" ? Math.floor(height / ratio) * Math.floor(width / ratio) : height * width + extra;
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

  const cost = (op, sizes) => ({ macs: macs(op, sizes), params: params(op, sizes), reads: reads(op, sizes), writes: writes(op, sizes) });

  // ---- Operator lists at their place in a network

  const inside = (op, prefix, x) => ({
    ...op, name: `${prefix}.${op.name}`, where: op.where ? `${prefix}.${op.where}` : prefix,
    of: (op.of || []).map((name) => (name === "x" ? x : `${prefix}.${name}`)),
    ...(op.regrads && { regrads: op.regrads.map(([aten, where, when]) => [aten, where ? `${prefix}.${where}` : prefix, when]) }),
  });

  function attentionOps(work, variant, stage, prefix, x) {
    const { qkv_bias: biased } = modelOf(work).stages[stage];
    const ops = (biased ? program.attention : program.unbiased)[runsAs(work, variant, stage)][work.attention];
    return ops.map((op) => inside(op, prefix, x));
  }

  function family(work) {
    const model = modelOf(work);
    if (model.version === 2) return model.family;
    const [here, built] = [tokenGrids(work)[0], tokenGrids(work, ...model.built)[0]];
    return here.join() === built.join() ? model.family : `${model.family} resized`;
  }

  function modelOps(work, variant) {
    const stages = modelOf(work).stages;
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

  /* Every operator of a row: of one attention module (stage 0 to 3), or of the whole model (null). Many
     sections ask for those of the same work. */
  const placed = new WeakMap();
  function terms(work, stage, variant) {
    const known = placed.get(work) ?? placed.set(work, new Map()).get(work), key = `${stage} ${variant}`;
    return known.get(key) ?? known.set(key, placedTerms(work, stage, variant)).get(key);
  }
  function placedTerms(work, stage, variant) {
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

  const isAllocating = ({ op }) => !(op.fused && isScores(op.out));

  /* Live bytes, above input and parameters, at every operator of a forward pass that allocates. */
  function moments(all, bytes) {
    const allocating = all.filter(isAllocating);
    const released = releases(allocating.map(({ op }) => op));
    const alive = new Map(), found = [];
    let held = 0n;
    allocating.forEach((term, i) => {
      let now = held;
      for (const [aten, taken, extra] of allocations(term, bytes)) {
        now += taken + extra;
        found.push({ bytes: now, at: `${term.op.where} ${aten}`.trim() });
        alive.set(term.op.name, taken);
      }
      held += alive.get(term.op.name);
      for (const name of released[i]) {
        held -= alive.get(name);
        alive.delete(name);
      }
    });
    return found;
  }

  /* The tensors at the first moment with the most live bytes: the operator, the shape without sides of 1, the bytes. */
  function alive(all, bytes) {
    const allocating = all.filter(isAllocating), released = releases(allocating.map(({ op }) => op));
    const living = new Map();
    let most = -1n, found = [];
    allocating.forEach((term, i) => {
      const { op: { name, out }, sizes } = term, shape = letters(out).map((one) => sizes[one]).filter((one) => one > 1n), now = [...living.values()];
      for (const [, taken, extra] of allocations(term, bytes)) {
        living.set(name, { name, shape, bytes: taken, kind: "" });
        now.push(living.get(name), ...(extra ? [{ name, shape: [], bytes: extra, kind: "beside" }] : []));
        const held = sum(now.map((one) => one.bytes));
        if (held > most) [most, found] = [held, now.filter((one) => one.bytes)];
      }
      for (const gone of released[i]) living.delete(gone);
    });
    return found;
  }

  const training = memo(() => pvtprofTraining({ numel, params, exceedsOne, allocations, atenName, releases, ownsRight }));
  const lived = new WeakMap(); // by the list of a row's operators
  function momentsOf(work, all) {
    const found = () => (work.mode === "training" ? training().moments(all.filter(isAllocating), dtypeBytes(work)) : moments(all, dtypeBytes(work)));
    return lived.get(all) ?? lived.set(all, found()).get(all);
  }

  /* The first moment with the most live bytes: of a forward pass, or of a training step. */
  const peak = (work, all) =>
    momentsOf(work, all).reduce((most, now) => (now.bytes > most.bytes ? now : most), { bytes: -1n, at: "" });

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
      ops, macs: total("macs"), params: total("params"), peak: peak(work, all),
      read: bytes * total("read"), written: bytes * total("written"),
    };
  }

  /* Live bytes of the whole model, operator by operator; in inference repeated blocks once. */
  const timeline = (work, variant) => momentsOf(work, terms(work, null, variant));

  /* Bytes that a training forward pass keeps for backward: of a row as above, in either mode. */
  const saved = (work, stage, variant) =>
    training().saved(terms(work, stage === null ? null : stage - 1, variant).filter(isAllocating), dtypeBytes(work));

  const atPeak = (work, variant) => alive(terms(work, null, variant), dtypeBytes(work));

  /* What surrounds a stage's row: grid, tokens, keys, blocks, and the design that really runs. */
  function place(work, stage, variant) {
    const sizes = stageSizes(work, variant)[stage - 1];
    return {
      grid: tokenGrids(work)[stage - 1], sizes, blocks: modelOf(work).stages[stage - 1].depth,
      runsAs: runsAs(work, variant, stage - 1),
    };
  }

  /* Bytes of parameters, images and peak of the whole model. */
  function needs(work, variant, all = terms(work, null, variant)) {
    const bytes = dtypeBytes(work);
    const learned = sum(all.map(({ op, sizes, times }) => times * params(op, sizes)));
    const image = BigInt(work.batch * modelOf(work).channels) * BigInt(work.height * work.width);
    return peak(work, all).bytes + bytes * (learned + image);
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

  /* MACs of the whole model for square images of one image a batch, as a function of the side;
     `low` is a side that it takes. In plain numbers where all is below 2^53, and so exact; else BigInt. */
  function macsBySide(work, variant, low) {
    const one = { ...work, batch: 1 }, model = modelOf(work), reference = stageSizes(squared(one, low), variant);
    const forms = model.stages.map(() => new Map());
    for (const { op, stage, times } of modelOps(one, variant))
      if (op.kind === "contract") {
        const all = multiplied(op), key = all.filter((i) => "nmsp".includes(i)).join("");
        const fixed = product(all.filter((i) => !"nmsp".includes(i)), reference[stage], times);
        forms[stage].set(key, (forms[stage].get(key) || 0) + fixed);
      }
    const rules = model.stages.map((_, i) => program.keys[runsAs(work, variant, i)]);
    const extras = model.stages.map((_, i) => (hasClassToken(model, i) ? 1 : 0));
    const listed = forms.map((form) => [...form].map(([key, factor]) => [[...key], factor]));
    return (side) => {
      const grids = tokenGrids(one, side, side), counted = grids.map((grid, i) => {
        const s = grid[0] * grid[1], p = i ? grids[i - 1][0] * grids[i - 1][1] : side * side;
        return { n: s + extras[i], m: keysOf(rules[i], grid, work.ratios[i], extras[i], work.pool), s, p };
      });
      let total = 0;
      listed.forEach((form, i) => { for (const [indices, factor] of form) total += product(indices, counted[i], factor); });
      if (total < Number.MAX_SAFE_INTEGER) return total;
      return sum(listed.flatMap((form, i) => form.map(([indices, factor]) => product(indices, exact(counted[i]), BigInt(factor)))));
    };
  }

  /* From which side on `variant` needs fewer MACs than `other`, for all square images up to `most`
     that both take: {low, from}, the smallest of those (null: there is none) and the answer (null:
     not even at `most`). MACs change only where the first patch embedding, with its stride, has a
     token more. */
  function cheaperFrom(work, variant, other, most) {
    const low = Math.max(smallest(work, variant), smallest(work, other));
    if (low > most) return { low: null, from: null };
    const [mine, theirs] = [macsBySide(work, variant, low), macsBySide(work, other, low)];
    const [kernel, stride, padding] = modelOf(work).patches[0];
    const first = (side) => side - ((side + 2 * padding - kernel) % stride);
    let from = null;
    for (let side = most; side >= low; side = first(side) - 1) {
      if (!(mine(side) < theirs(side))) break;
      from = Math.max(low, first(side));
    }
    return { low, from };
  }

  // ---- Numbers to text, as pvtprof.units has them

  const { decimal, places, size } = pvtprofSpoken;

  /* A share with one decimal; two below 1 %. */
  const percent = (part, all) => {
    if (!all) return "-";
    return `${decimal(100n * part, all, part && 100n * part < all ? 2 : 1).replaceAll(",", "")} %`;
  };

  /* In percent below 2, else as a multiple with three digits. */
  const ratio = (part, all) => (!all || Number(part) / Number(all) < 1.995 ? percent(part, all)
    : `${decimal(part, all, places(part, all))}x`);

  /* The command line that gives the same. */
  function command(work) {
    const { height, width } = work, { named, pool_size: pool, changes = [] } = modelOf(work);
    const words = ["pvtprof compare", ...(named ? [named] : []), ...changes.map((one) => `--set ${one}`)];
    words.push(`--img ${height === width ? height : `${height}x${width}`}`, `--R ${work.ratios.join(",")}`);
    if (work.batch !== 1) words.push(`--batch ${work.batch}`);
    if (work.dtype !== "float32") words.push(`--dtype ${work.dtype}`);
    if (work.attention !== "eager") words.push(`--attention ${work.attention}`);
    if (work.mode !== "inference") words.push(`--mode ${work.mode}`);
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
        peak: `${top.bytes}`, at: top.at, saved: `${saved(work, vector.stage, vector.variant)}` };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      found = { error: error.message };
    }
    const names = Object.keys({ ...found, ...vector.expected });
    return names.filter((name) => found[name] !== vector.expected[name])
      .map((name) => `${name}: ${found[name]}, Python: ${vector.expected[name]}`).join("; ");
  }

  const bytes = (work) => program.dtypes[work.dtype];

  return {
    Refusal, parsed, parsedMemory, modelOf, listOf, LISTS: Object.keys(FIELDS), row, timeline, saved, atPeak, place, largestImage, cheaperFrom, size, percent, command, differs,
    variants: program.variants, terms, allocations, macs, needs, squared, fitsGrid, bytes, cost, ratio,
  };
};
