"use strict";
/* Latency predicted in the browser as Python predicts it (predict/kernels.py, calibration.py): every
   operator of the engine's list is a kernel of a family, with features of its sizes; a calibration
   has seconds for each. null where it has not seen a kernel. Knows nothing of the page. */
const pvtprofPredict = (engine, calibration) => {
  const { families, limits, scale, call_s: call, dtype } = calibration;
  const memo = (f) => { const known = new Map(); return (key) => known.get(key) ?? known.set(key, f(key)).get(key); };
  const letters = memo((text) => [...new Set(text.split(" ").filter(Boolean))]);
  const product = (indices, sizes) => {
    let total = 1;
    for (const i of indices) total *= sizes[i];
    return total;
  };
  const numel = (text, sizes) => (text ? product(letters(text), sizes) : 0);
  const last = (text) => letters(text).at(-1);
  const beyond = (bytes) => limits.caches.map((cache) => Math.max(0, bytes - cache));
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);

  /* The sum, rounded once, as Python's math.fsum has it. */
  function fsum(values) {
    const parts = [];
    for (let x of values) {
      let kept = 0;
      for (let y of parts) {
        if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
        const high = x + y, low = y - (high - x);
        if (low) parts[kept++] = low;
        x = high;
      }
      parts.length = kept;
      parts.push(x);
    }
    let total = parts.pop() ?? 0, low = 0;
    while (parts.length) {
      const x = total, y = parts.pop();
      total = x + y;
      low = y - (total - x);
      if (low) break;
    }
    if (low && parts.length && low < 0 === parts.at(-1) < 0) {
      const twice = 2 * low, x = total + twice;
      if (twice === x - total) total = x;
    }
    return total;
  }

  // ---- Features: what a kernel's time depends on; the first is 1 in every call

  const elements = (count, size) => [1, count * size, ...beyond(count * size)];

  function multiplied(batch, rows, inner, columns, size) {
    const padded = rows * inner * Math.ceil(columns / limits.pad) * limits.pad;
    const operands = [rows * columns, rows * inner, inner * columns];
    const bytes = batch * (operands[0] + operands[1] + operands[2]) * size;
    return [1, ...[padded, ...operands].map((n) => batch * n), ...beyond(bytes)];
  }

  function fused(sizes, size) {
    const scores = numel("b h n m", sizes);
    const rests = limits.vectors.map((vector) => numel("b h n", sizes) * (sizes.m % Math.floor(vector / size)));
    return [1, scores * sizes.d, scores, ...rests, numel("b h n d", sizes), numel("b h m d", sizes)];
  }

  function convolved(op, sizes, size) {
    const operands = [op.left, op.right, op.out].map((text) => numel(text, sizes));
    const taps = product(letters(op.right).slice(0, 2), sizes), channels = sizes[last(op.out)];
    const rows = sizes.b * Math.floor(sizes.a / (op.right[0] === "i" ? sizes.i : 1)), weight = operands[1] * size;
    const again = rows * Math.max(0, weight - Math.max(1, channels / limits.channels) * limits.caches[0]);
    const macs = product(letters(`${op.right} ${op.out}`), sizes);
    return [1, macs, Math.floor(operands[2] / channels) * taps, ...operands, ...beyond(weight), again];
  }

  function pooled(op, sizes, size) {
    const side = Math.round(Math.sqrt(sizes.m)), height = sizes.a, results = numel(op.out, sizes);
    const windows = [height, Math.floor(sizes.n / height)].reduce((t, s) => t * (s + side - gcd(s, side)), 1);
    return [1, sizes.b * sizes.c * windows, results, ...beyond((numel(op.left, sizes) + results) * size)];
  }

  const rows = (op, sizes, size) => {
    const count = numel(op.out, sizes);
    return [1, count / sizes[last(op.out)], ...elements(count, size).slice(1)];
  };

  function softmax(op, sizes, size) {
    const [one, count, ...spilled] = rows(op, sizes, size), row = sizes[last(op.out)] * size;
    const rests = limits.vectors.map((vector) => (row % vector ? count : 0));
    return [one, count, ...rests, ...limits.vectors.map((vector) => (row < vector ? count * row : 0)), ...spilled];
  }

  // ---- Families

  const nameOf = memo((name) => name.split(".").at(-1).replace(/[0-9]+$/, ""));

  function convolution(op, sizes, path, size) {
    const kernel = sizes[op.right[0]], kind = op.right.slice(0, 3), [most, few] = limits.small;
    if (dtype === "float32" && kind !== "x y" && sizes.b === 1 && kernel > 1 && kernel <= most && numel(op.left, sizes) <= few)
      return "conv_small";
    if (kind === "x y") return `conv_depthwise${path}`;
    if (kind === "i j") return `${sizes.i === 1 ? "conv_1x1" : "conv_reduce"}${path}`;
    return `${limits.patches[sizes.k] ?? "conv_patch"}${path}`;
  }

  /* [family, features] of a kernel. */
  function seen(op, aten, sizes, size) {
    const path = sizes.b === 1 ? "@1" : "@n", name = nameOf(op.name);
    if (aten === "addmm" || aten === "mm") {
      const inner = sizes[last(op.left)];
      return [op.from_map ? `gemm_of_map${path}` : "gemm",
        multiplied(1, numel(op.left, sizes) / inner, inner, numel(op.right, sizes) / inner, size)];
    }
    if (aten === "bmm") {
      const [, , above, inner] = op.left.split(" ");
      return [`bmm_${name}`, multiplied(sizes.b * sizes.h, sizes[above], sizes[inner], sizes[op.out.split(" ")[3]], size)];
    }
    if (op.fused) return ["sdpa", fused(sizes, size)];
    if (aten === "convolution") return [convolution(op, sizes, path, size), convolved(op, sizes, size)];
    if (aten === "_softmax") return ["softmax", softmax(op, sizes, size)];
    if (aten === "native_layer_norm")
      return [op.left === "b s e" || op.left === "b m e" ? `${aten}_of_map${path}` : aten, rows(op, sizes, size)];
    if (aten === "_adaptive_avg_pool2d") return [aten + path, pooled(op, sizes, size)];
    const split = ["pool", "gelu", "relu", "copy"].includes(op.kind) ? path : "";
    const family = ["clone", "add", "cat"].includes(aten) ? `${aten}_${name}` : aten;
    return [family + split, elements(numel(op.left, sizes) + numel(op.out, sizes), size)];
  }

  const plain = (sizes) => Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, Number(size)]));

  /* [operator, seconds by itself, how often] of every kernel that runs; null where one is unknown. Kept
     by the list of operators, which several sections ask for. */
  const seenBefore = new WeakMap();
  function kernels(terms, size) {
    if (!seenBefore.has(terms)) seenBefore.set(terms, kernelsOf(terms, size));
    return seenBefore.get(terms);
  }
  function kernelsOf(terms, size) {
    const sizesOf = new Map(), found = [];
    for (const term of terms) {
      const { op, times } = term;
      if (op.fused && op.out === "b h n m") continue;
      if (!sizesOf.has(term.sizes)) sizesOf.set(term.sizes, plain(term.sizes));
      for (const [aten] of engine.allocations(term, BigInt(size))) {
        const [family, features] = seen(op, aten, sizesOf.get(term.sizes), size);
        if (!Object.hasOwn(families, family)) return null;
        found.push([op, scale * fsum(families[family].map((each, i) => each * features[i])), Number(times)]);
      }
    }
    return found;
  }

  function total(found) {
    let busy = 0, calls = 0;
    for (const [, seconds, times] of found) {
      busy += times * seconds;
      calls += times;
    }
    return calibration.overlaps ? Math.max(busy, calls * call) : busy + calls * call;
  }

  const around = (what, seconds) => {
    const [low, high] = calibration.quality[what];
    return { seconds, low: low * seconds, high: high * seconds };
  };

  const sized = (work) => engine.bytes(work);

  /* {seconds, low, high} of one attention module of a stage (1 to 4), or of the whole model (null). */
  function prediction(work, stage, variant, terms = null) {
    if (work.dtype !== dtype || work.mode === "training") return null;
    const found = kernels(terms ?? engine.terms(work, stage === null ? null : stage - 1, variant), sized(work));
    return found && around(stage === null ? "model" : "attention", total(found));
  }

  /* Seconds of each operator of a row by its name, all its runs together; null as above. */
  function operators(work, stage, variant) {
    if (work.dtype !== dtype || work.mode === "training") return null;
    const found = kernels(engine.terms(work, stage === null ? null : stage - 1, variant), sized(work));
    if (!found) return null;
    const by = {};
    for (const [op, seconds, times] of found) {
      const name = op.name.replace(/^attn\./, "");
      by[name] = (by[name] ?? 0) + times * (seconds + call);
    }
    return by;
  }

  /* How seconds made by Python are not what this predicts; "" where they are. */
  function differs(work, stage, variant, seconds) {
    const here = prediction(work, stage, variant)?.seconds;
    return Math.abs(here - seconds) <= 1e-12 * seconds ? "" : `predicted: ${here} s, Python: ${seconds} s`;
  }

  return { prediction, operators, differs, fsum, doubtful: calibration.doubtful };
};
