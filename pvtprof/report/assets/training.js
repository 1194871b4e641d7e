"use strict";
/* Live bytes of a plain training step in the browser, as Python has them (analytic/training.py,
   training_step.py, gradients.py): a forward pass that keeps what backward needs, then its operators
   in reverse. No optimizer, no autocast, no recomputed blocks. Knows nothing of the page. */
const pvtprofTraining = ({ numel, params, exceedsOne, allocations, atenName, releases, ownsRight }) => {
  const isConvolution = (op) => ["i j", "x y", "k l"].includes((op.right ?? "").slice(0, 3));
  const isUnfused = ({ op, sizes }) => Boolean(op.from_map) && sizes.b === 1n && sizes.n > 1n;
  const readsTokensAsMap = (op) => isConvolution(op) && !op.right.startsWith("k l");
  const numberless = (place) => place.replace(/@[0-9]+/g, "");
  const exceeds = (when, sizes) => !when || exceedsOne(when, sizes);

  // ---- Every block by itself: the second one of "block1" is "block1@1"

  const blockOf = ({ name }) => (name.startsWith("block") ? name.split(".")[0] : "");

  function unrolled(terms) {
    const out = [], renamed = new Map();
    for (let start = 0; start < terms.length;) {
      const prefix = blockOf(terms[start].op);
      let end = start;
      while (end < terms.length && blockOf(terms[end].op) === prefix) end++;
      const group = terms.slice(start, end), mine = new Set(prefix ? group.map(({ op }) => op.name) : []);
      for (let number = 0; number < (prefix ? Number(group[0].times) : 1); number++) {
        const nameOf = (name) => (mine.has(name) ? `${name}@${number}` : renamed.get(name) ?? name);
        for (const { op, sizes } of group) {
          const where = prefix ? op.where.replace(prefix, `${prefix}@${number}`) : op.where;
          out.push({ sizes, op: { ...op, name: mine.has(op.name) ? nameOf(op.name) : op.name, of: op.of.map(nameOf), where } });
        }
        if (!prefix) continue;
        const [entry] = group[0].op.of, last = group.at(-1).op.name;
        for (const name of [entry, last]) renamed.set(name, `${last}@${number}`);
      }
      start = end;
    }
    return out;
  }

  /* What an operator's gradient needs: names of results, and whether its statistics. */
  function keeps({ op, sizes }) {
    if (op.fused) return [[...op.of, op.name], true];
    if (op.kind === "layernorm") return [op.of, true];
    if (op.kind === "contract" || op.kind === "gelu" || (op.kind === "pool" && atenName(op, sizes) !== "mean")) return [op.of, false];
    return [["softmax", "relu"].includes(op.kind) ? [op.name] : [], false];
  }

  const made = (term, bytes) => allocations(term, bytes).at(-1);

  /* Bytes kept for backward, without input, parameters and output. */
  function saved(terms, bytes) {
    const all = unrolled(terms), known = new Map(all.map((term) => [term.op.name, term])), kept = new Set();
    let total = 0n;
    for (const term of all) {
      const [names, hasStatistics] = keeps(term);
      for (const name of names) if (known.has(name)) kept.add(name);
      if (hasStatistics) total += made(term, bytes)[2];
    }
    kept.delete(all.at(-1).op.name);
    for (const name of kept) total += numel(known.get(name).op.out, known.get(name).sizes) * bytes;
    return total;
  }

  // ---- One step

  function moments(terms, bytes) {
    const all = unrolled(terms), released = releases(all.map(({ op }) => op)), output = all.at(-1).op.name;
    const given = new Set(["image", ...all.filter(({ op }) => op.kind === "zeros").map(({ op }) => op.name)]);
    const stacks = new Set(all.filter(({ op }) => op.regrads?.some(([aten]) => aten === "stack")).map(({ op }) => op.name));
    const results = new Map(), saves = new Map(), anew = new Set(), pending = new Map(), found = [];
    let live = 0n;
    const alloc = (size) => { live += size; return { bytes: size, holders: 1 }; };
    const tensor = (indices, { sizes }) => alloc(numel(indices, sizes) * bytes);
    const drop = (storage) => { if (--storage.holders === 0) live -= storage.bytes; };
    const now = (where, aten) => { found.push({ bytes: live, at: `${numberless(where)} ${aten}`.trim() }); };
    const gradient = (storage, view = false, asMap = false) => ({ storage, view, asMap });
    const passedOn = (one, changed = {}) => { one.storage.holders++; return { ...one, ...changed }; };

    function forward(term) {
      const { op } = term, [names, keepsStatistics] = keeps(term), parts = [];
      for (const [aten, size, extra] of allocations(term, bytes)) {
        parts.push([alloc(size), alloc(extra)]);
        now(op.where, aten);
      }
      for (const [temporary] of parts.slice(0, -1)) drop(temporary);
      const [result, statistics] = parts.at(-1);
      results.set(op.name, result);
      const kept = names.filter((name) => results.has(name)).map((name) => results.get(name));
      if (keepsStatistics) kept.push(statistics);
      for (const storage of kept) storage.holders++;
      saves.set(op.name, kept);
      drop(statistics);
    }

    /* The gradient of a parameter; a convolution of the token map makes that of its weight channels-last. */
    function parameter(indices, term) {
      tensor(indices, term);
      const { op: { right, of: [source], name }, sizes } = term;
      if (indices !== right) return;
      const isFirst = right.startsWith("k l") && /^(block|norm)/.test(source);
      if (isFirst ? sizes.p === 1n && exceeds("kl", sizes) : right.startsWith("i j") && exceeds("ij b", sizes)) anew.add(name);
    }

    function linear(term) {
      const { op } = term;
      let order = op.bias ? [["mm", op.left], ["mm", op.right], ["sum", op.bias]] : [["mm", op.right], ["mm", op.left]], ofInput = null;
      if (given.has(op.of[0])) order = order.filter(([, indices]) => indices !== op.left);
      for (const [aten, indices] of isUnfused(term) ? order.reverse() : order) {
        if (indices === op.left) ofInput = tensor(indices, term);
        else parameter(indices, term);
        now(op.where, aten);
      }
      return ofInput ? [[op.of[0], gradient(ofInput, !op.left.includes("r"))]] : [];
    }

    function convolution(term) {
      const { op } = term, ofInput = given.has(op.of[0]) ? null : tensor(op.left, term);
      for (const indices of [op.right, op.bias].filter(Boolean)) parameter(indices, term);
      now(op.where, "convolution_backward");
      return ofInput ? [[op.of[0], gradient(ofInput, readsTokensAsMap(op))]] : [];
    }

    /* The gradient of the right operand, then that of the left. */
    const bmm = (term) => [[term.op.of[1], term.op.right], [term.op.of[0], term.op.left]].map(([name, indices]) => {
      const one = [name, gradient(tensor(indices, term), true)];
      now(term.op.where, "bmm");
      return one;
    });

    function fused(term) {
      const [q, kv] = term.op.of, list = [[q, "b h n d"], [kv, "b h m d"], [kv, "b h m d"]].map(([name, indices]) => [name, gradient(tensor(indices, term), true)]);
      now(term.op.where, `${atenName(term.op, term.sizes)}_backward`);
      return list;
    }

    function norm(term) {
      const one = tensor(term.op.left, term);
      alloc(params(term.op, term.sizes) * bytes);
      now(term.op.where, `${atenName(term.op, term.sizes)}_backward`);
      return [[term.op.of[0], gradient(one)]];
    }

    const pointwise = (aten, view = false) => (term) => {
      const one = tensor(term.op.left, term);
      now(term.op.where, aten);
      return [[term.op.of[0], gradient(one, view)]];
    };

    function pool(term, arrived) {
      const { op, sizes } = term, isMean = atenName(op, sizes) === "mean";
      if (isMean && (sizes.b > 1n || sizes.n === 1n)) {
        const strided = tensor(op.out, term);
        now(op.where, "new_zeros");
        drop(arrived.storage);
        arrived.storage = strided;
      }
      return pointwise(isMean ? "div" : "_adaptive_avg_pool2d_backward", true)(term);
    }

    const copy = ({ op, sizes }, arrived) => [[op.of[0], passedOn(arrived, { view: true, asMap: op.name.startsWith("map") && sizes.b > 1n })]];

    /* Of a position embedding the gradients are added over the images. */
    function add(term, arrived) {
      const { op, sizes } = term;
      if (![op.left, op.right].some((indices) => indices === "n e" || indices === "u e")) return op.of.map((name) => [name, passedOn(arrived)]);
      const [tokens, ...embedding] = op.of, list = [[tokens, passedOn(arrived)]];
      let total = null;
      if (sizes.b > 1n) {
        total = gradient(tensor("n e", term));
        now(op.where, "sum");
      } else if (embedding.length) total = passedOn(arrived);
      else if (op.right === "n e") {
        tensor("n e", term);
        now(op.where, "new_empty_strided");
      }
      if (op.right === "u e") {
        if (sizes.b > 1n) {
          drop(arrived.storage);
          arrived.storage = total.storage;
        }
        tensor("u e", term);
        now(op.where, "slice_backward");
      }
      return [...list, ...embedding.map((name) => [name, total])];
    }

    function concat(term, arrived) {
      const one = passedOn(arrived, { view: true });
      if (term.op.right && term.sizes.b > 1n) {
        tensor(term.op.right, term);
        now("", "sum");
      } else if (term.op.right) arrived.storage.holders++;
      return [[term.op.of[0], one]];
    }

    function interpolate(term, arrived) {
      const { op, sizes } = term, network = op.where.split(".").slice(0, -1).join("."), resized = tensor("w e", term);
      now(op.where, "upsample_bilinear2d_backward");
      if (sizes.n === sizes.s) {
        drop(arrived.storage);
        arrived.storage = resized;
        tensor("u e", term);
        now(network, sizes.u === sizes.w ? "new_empty_strided" : "slice_backward");
        return [];
      }
      const grid = tensor("u e", term);
      now(network, "slice_backward");
      drop(resized);
      tensor("u e", term);
      now(network, "slice_backward");
      drop(grid);
      return [];
    }

    const RULES = { linear, convolution, bmm, fused, layernorm: norm, pool, copy, add, concat, interpolate,
      softmax: pointwise("_softmax_backward_data"), gelu: pointwise("gelu_backward"), relu: pointwise("threshold_backward"),
      scale: pointwise("mul"), mean: pointwise("div") };
    const ruleOf = (op) => {
      if (op.fused) return "fused";
      if (op.kind !== "contract") return op.kind;
      if (!ownsRight(op)) return "bmm";
      return isConvolution(op) ? "convolution" : "linear";
    };

    /* The gradient of a result in the layout that the backward needs. */
    function regraded(term, arrived) {
      const { op, sizes } = term, regrads = (op.regrads ?? []).filter(([, , when]) => exceeds(when, sizes));
      if (arrived[0].asMap && ruleOf(op) === "linear") regrads.push(["clone", op.where, ""]);
      for (const [aten, where] of regrads) {
        const one = tensor(op.out, term);
        now(where, aten);
        for (const old of arrived) drop(old.storage);
        arrived = [gradient(one)];
      }
      return arrived[0];
    }

    function accumulate(name, one, where) {
      const waiting = pending.get(name) ?? pending.set(name, []).get(name);
      if (!waiting.length || stacks.has(name)) {
        waiting.push(one);
        return;
      }
      const [old] = waiting;
      if (old.view || old.storage.holders > 1) {
        const total = alloc(old.storage.bytes);
        now(where, "add");
        drop(old.storage);
        pending.set(name, [gradient(total, false, old.asMap)]);
      }
      drop(one.storage);
    }

    function backward(term) {
      const { op } = term;
      if (!pending.has(op.name)) return; // nothing learns from it
      const arrived = pending.get(op.name);
      pending.delete(op.name);
      const one = regraded(term, arrived), list = RULES[ruleOf(op)](term, one);
      for (const storage of saves.get(op.name)) drop(storage);
      drop(one.storage);
      if (anew.has(op.name)) {
        const laid = tensor(op.right, term);
        now(op.where, "new_empty_strided");
        drop(laid);
      }
      for (const [name, each] of list) accumulate(name, each, op.where);
    }

    all.forEach((term, i) => {
      forward(term);
      for (const name of released[i]) if (name !== output) drop(results.get(name));
    });
    pending.set(output, [gradient({ bytes: results.get(output).bytes, holders: 2 })]);
    for (const term of all.reverse()) backward(term);
    return found;
  }

  return { moments, saved };
};
