"use strict";
/* The bar: reads the fields, asks the engine, tells the sections; the URL's hash has the setting.

   Events on document, for the scripts of the sections (which run before this one):
   "pvtprof:work", after each successful recompute, the first too. detail: work (the setting, as the
     engine takes it), all ([{ variant, total, stages }], each a row of the engine), engine, program,
     suffix (of the comparison that is shown), isMeasured (whether it ran in this very setting),
     and what the bar says of the view: variant, count ("MACs" or "FLOPs"), stage, memory (bytes);
     tooLarge: the variants that need more than that, where it is known: they have no time.
   "pvtprof:refused", where the bar holds something unfinished. detail: message. Sections keep their
     last result; .dimmed on body dims what is marked data-computed.
   "pvtprof:operator", by a section where somebody chooses an operator: detail: stage, variant, name.
   "pvtprof:set", by a section that changes the bar: detail: fields by name, such as { img: "512" }.
   Where the bar is not at the setting of the comparison that is shown, .stale stands on its .block:
   what is marked data-measured greys, and what is marked data-measured-at says the setting. */
(() => {
  const { element, copy, rest, shownBlock, steadily } = pvtprofPage;
  const start = JSON.parse(document.getElementById("start").textContent);
  const engine = pvtprofEngine(start.program);
  const form = document.getElementById("setting"), field = (name) => form.elements[name];
  const byId = (id) => document.getElementById(id);

  // ---- Numbers to text

  const digits = pvtprofSpoken.integer;
  const { size, percent, LISTS } = engine;

  // ---- The page's own proof

  function prove() {
    const { options, figures, lines } = start.vectors;
    const textsOf = (line) => Object.fromEntries(options.map((o, i) => [o, line[i]]));
    const failed = lines.map((line) => {
      const said = line.at(-1), [stage, variant] = line.slice(options.length);
      const expected = typeof said === "string" ? { error: said } : Object.fromEntries(figures.map((f, i) => [f, said[i]]));
      return engine.differs({ texts: textsOf(line), stage, variant, expected });
    }).filter(Boolean);
    const calibration = start.calibrations[start.calibration], predict = calibration && pvtprofPredict(engine, calibration);
    for (const [i, seconds] of start.times) {
      const [stage, variant] = lines[i].slice(options.length);
      const wrong = predict.differs(engine.parsed(textsOf(lines[i])), stage, variant, seconds);
      if (wrong) failed.push(wrong);
    }
    const place = byId("proof");
    place.hidden = false;
    place.className = failed.length ? "banner bad" : "proof";
    place.setAttribute("role", failed.length ? "alert" : "status");
    place.textContent = failed.length
      ? `THIS PAGE DOES NOT COMPUTE AS PYTHON DOES: ${failed.length} of ${lines.length} vectors differ. Do not ` +
        `trust the explorer here. First: ${failed[0]}`
      : `This page recomputed ${lines.length} results and error messages ${start.times.length ? `and ${start.times.length} predicted times ` : ""}made by Python, in your browser: all are equal.`;
  }

  // ---- The setting: form, texts as on the command line, URL hash

  const OPTIONS = ["model", "img", "R", "batch", "dtype", "attention", "pool-size", "mode"];
  const SHOWN = ["variant", "count", "memory", "stage"];
  const models = start.program.models, modelOf = (name) => (Object.hasOwn(models, name) ? models[name] : null);
  const listOf = (model, key) => engine.listOf(model, key).join(",");
  const bare = (text) => text.split(/[\s,]+/).filter(Boolean).join(",");

  /* The lists that are not the model's, as --set takes them. */
  function changes() {
    const model = modelOf(field("model").value);
    if (!model) return "";
    return LISTS.filter((key) => bare(field(key).value) !== listOf(model, key))
      .map((key) => `${key}=${field(key).value.trim().replaceAll("&", " ")}`).join("&");
  }

  function texts() {
    const said = Object.fromEntries(OPTIONS.map((name) => [name, field(name).value.trim()]));
    const [height, width] = said.img.split("x");
    return { ...said, img: height === width ? height : said.img, set: changes() };
  }

  function fill(said) {
    for (const name of OPTIONS) choose(field(name), said[name] ?? "");
    const model = modelOf(said.model), given = new Map((said.set || "").split("&").map((one) => [one.split("=")[0], one.split("=").slice(1).join("=")]));
    for (const key of LISTS) field(key).value = given.get(key) ?? (model ? listOf(model, key) : "");
    offerStages();
    for (const name of SHOWN) if (isChoice(field(name), said[name])) field(name).value = said[name];
  }

  const isChoice = (input, text) => text !== undefined && (!input.options || [...input.options].some((option) => option.value === text));

  /* A select of what runs takes a text that is none of its options, for the engine to refuse by name. */
  function choose(input, text) {
    if (!isChoice(input, text)) input.add(element("option", { value: text, textContent: text }));
    input.value = text;
  }

  /* As many stages to choose from as the model has. */
  function offerStages() {
    const model = modelOf(field("model").value), stage = field("stage");
    if (!model || stage.length === model.stages.length) return;
    const chosen = Number(stage.value) <= model.stages.length ? stage.value : "1";
    stage.replaceChildren(...model.stages.map((_, i) => element("option", { value: `${i + 1}`, textContent: `stage ${i + 1}` })));
    stage.value = chosen;
  }

  /* Another model: its own lists, and its own R where the R there is of another number of stages. */
  function offerRatios() {
    const model = modelOf(field("model").value);
    if (!model) return;
    for (const key of LISTS) field(key).value = listOf(model, key);
    if (field("R").value.split(",").length !== model.stages.length) field("R").value = model.sr_ratios.join(",");
  }

  let initial = { ...start.texts, variant: start.variant, count: "MACs", memory: start.memory, stage: "1" };
  const hasSetting = () => location.hash.includes("=");
  const fromHash = () => {
    const said = hasSetting() ? Object.fromEntries(new URLSearchParams(location.hash.slice(1))) : {};
    return { ...initial, ...(said.model && said.model !== initial.model && { set: "" }), ...said };
  };

  /* The address follows when nothing has changed for a moment: browsers slow a page down, and say so in the
     console, that changes it with every letter. */
  let hash = "", later = 0;
  function toHash({ set, ...said }) {
    const shown = Object.fromEntries(SHOWN.map((name) => [name, field(name).value]));
    const run = /-(\d+)$/.exec(shownBlock()?.id ?? "");
    hash = `#${new URLSearchParams({ ...said, ...(set && { set }), ...shown, ...(run && { run: run[1] }) })}`;
    clearTimeout(later);
    later = setTimeout(intoAddress, 150);
  }

  function intoAddress() {
    clearTimeout(later);
    if (hash && hash !== location.hash) history.replaceState(null, "", hash);
    hash = "";
  }

  // ---- Undo

  const past = [];
  let last = null, lastField = "", lastTime = 0;

  /* Remember the setting before a change; letters typed one after the other are one change. */
  function remember(said, name) {
    const now = JSON.stringify(said), isSame = name && name === lastField && performance.now() - lastTime < 1500;
    if (last !== null && now !== last && !isSame) past.push(last);
    [last, lastField, lastTime] = [now, name, performance.now()];
    byId("undo").disabled = !past.length;
    byId("reset").disabled = said.model === initial.model && OPTIONS.every((name) => said[name] === initial[name]) && said.set === initial.set;
  }

  /* Back to the setting before the last change; out of an unfinished one, to the last finished one. */
  function undo() {
    if (!document.body.classList.contains("dimmed") || last === null) last = past.pop();
    lastField = "";
    fill(JSON.parse(last));
    update();
  }

  // ---- What is shown

  const row = (header, ...cells) => element("tr", {}, Object.assign(element("th", { textContent: header }), { scope: "row" }),
    ...cells.map((text) => element("td", { textContent: text, className: /^[-\d]/.test(text) ? "n" : "" })));

  function showTotals(work, rows, chosen, worth) {
    byId("totals").replaceChildren(...rows.map(({ variant, total }) => Object.assign(row(variant,
      digits(worth * total.macs), percent(total.macs, rows[0].total.macs), digits(total.params),
      digits(total.peak.bytes), size(total.peak.bytes), percent(total.peak.bytes, rows[0].total.peak.bytes), digits(engine.saved(work, null, variant)),
      digits(total.read + total.written), total.peak.at), { className: variant === chosen ? "chosen" : "" })));
    const { total } = rows.find(({ variant }) => variant === chosen);
    byId("total").textContent = digits(worth * total.macs);
    byId("total-peak").textContent = size(total.peak.bytes);
    byId("total-params").textContent = digits(total.params);
  }

  function showStages(work, variant, rows, worth) {
    byId("stages").replaceChildren(...rows.map((found, i) => {
      const { grid, sizes, blocks, runsAs } = engine.place(work, i + 1, variant);
      return row(`stage ${i + 1}`, runsAs, grid.join("x"), digits(sizes.n), digits(sizes.m), digits(worth * found.macs),
        digits(BigInt(blocks)), digits(worth * found.macs * BigInt(blocks)), digits(found.params),
        digits(found.peak.bytes), found.peak.at);
    }));
  }

  function showOperators(work, all, worth) {
    byId("operators").replaceChildren(...all.flatMap(({ variant, stages }) => stages.flatMap((found, i) => {
      const blocks = BigInt(engine.place(work, i + 1, variant).blocks);
      return found.ops.map((op) => row(`stage ${i + 1}`, variant, op.name, digits(worth * blocks * op.macs),
        digits(blocks * op.params), digits(blocks * op.read), digits(blocks * op.written)));
    })));
  }

  /* Every formula with the numbers of the chosen stage in place of its letters. */
  function showNumbers(work, stage, all) {
    for (const place of document.querySelectorAll("[data-numbers]")) {
      const variant = place.dataset.numbers, { runsAs, sizes } = engine.place(work, stage, variant);
      if (runsAs !== variant) {
        place.replaceChildren(`Stage ${stage} runs as plain mha here.`);
        continue;
      }
      const found = all.find((one) => one.variant === variant).stages[stage - 1];
      const of = { MACs: found.macs, params: found.params };
      const formulas = [...place.closest("[data-formula]").querySelectorAll("math[data-of]")];
      place.replaceChildren(`Stage ${stage} of the setting above:`, ...formulas.map((math) => withNumbers(math, sizes, of[math.dataset.of])));
    }
  }

  function withNumbers(math, sizes, result) {
    const space = math.namespaceURI, made = math.cloneNode(true);
    const part = (tag, textContent) => Object.assign(document.createElementNS(space, tag), { textContent });
    made.removeAttribute("data-of");
    made.setAttribute("tabindex", "0"); // it scrolls where the window is narrow
    for (const letter of made.querySelectorAll("[data-symbol]"))
      letter.replaceWith(part("mn", digits(sizes[start.symbols[letter.dataset.symbol]])));
    for (const times of made.querySelectorAll(".times")) times.textContent = "\u00d7";
    made.firstElementChild.append(part("mo", "="), part("mn", digits(result)));
    return made;
  }

  /* The tables behind; a table that is closed is filled when it is opened. */
  let shown = null;
  function showTables() {
    if (!shown) return;
    const { work, all, variant, count } = shown, worth = count === "FLOPs" ? 2n : 1n;
    const isOpen = (id) => byId(id).closest("details").open;
    for (const place of document.querySelectorAll("[data-count]")) place.textContent = count;
    byId("chosen").textContent = variant;
    if (isOpen("totals")) showTotals(work, all, variant, worth);
    if (isOpen("stages")) showStages(work, variant, all.find((one) => one.variant === variant).stages, worth);
    if (isOpen("operators")) showOperators(work, all, worth);
  }

  /* Whether the comparison that is shown ran in this setting. */
  function isMeasured(work) {
    const said = shownBlock()?.dataset.texts;
    if (!said) return false;
    if (JSON.parse(said).trained) return false; // with an optimizer, autocast or recomputed blocks
    const { model, height, width, ratios, batch, dtype, attention, pool, mode, changes } = engine.parsed(JSON.parse(said));
    return JSON.stringify([model, height, width, ratios, batch, dtype, attention, pool, mode, changes]) ===
      JSON.stringify([work.model, work.height, work.width, work.ratios, work.batch, work.dtype, work.attention, work.pool, work.mode, work.changes]);
  }

  /* The setting in the title of a page of one run, and on the button that folds the bar. */
  const title = document.querySelector(".top h1"), hasOne = document.querySelectorAll(".block").length === 1;
  function showTitle(work) {
    const said = `${work.model} at ${work.height}x${work.width}`;
    title.dataset.others = others(work);
    byId("fold").textContent = said;
    if (!hasOne) return;
    title.textContent = said;
    title.title = `What attention costs in ${said}`;
    document.title = `pvtprof: ${title.title}`;
  }

  /* What a picture that is saved says beside the model and the image: what is not the model's own, or not usual. */
  function others(work) {
    const own = engine.modelOf({ ...work, changes: [] }), { model, ratios, pool, batch, dtype, attention, mode } = work;
    const usual = modelOf(model) ?? own, words = changes().split("&").filter(Boolean);
    if (ratios.join() !== usual.sr_ratios.join()) words.push(`R ${ratios.join()}`);
    if (pool !== (usual.pool_size ?? 7)) words.push(`pool ${pool}`);
    if (batch !== 1) words.push(`batch ${batch}`);
    if (dtype !== "float32") words.push(dtype);
    if (attention !== "eager") words.push(`${attention} attention`);
    if (mode === "training") words.push("a training step");
    return words.map((word) => `, ${word}`).join("");
  }

  function showAll(work, memory) {
    const variant = field("variant").value, count = field("count").value, stage = Number(field("stage").value);
    const all = start.program.variants.map((name) => ({ variant: name, total: engine.row(work, null, name),
      stages: engine.modelOf(work).stages.map((_, i) => engine.row(work, i + 1, name)) }));
    const detail = { work, all, engine, program: start.program, suffix: shownBlock()?.dataset.suffix ?? "",
      isMeasured: isMeasured(work), variant, count, stage, memory,
      tooLarge: start.memory_is_known ? start.program.variants.filter((name) => engine.needs(work, name) > memory) : [] };
    shown = detail;
    shownBlock()?.classList.toggle("stale", !detail.isMeasured);
    byId("command").textContent = engine.command(work);
    document.body.classList.toggle("training", work.mode === "training");
    for (const place of document.querySelectorAll("[data-mode]")) place.textContent = work.mode === "training" ? "a training step" : "inference";
    showTables();
    showNumbers(work, stage, all);
    showTitle(work);
    document.dispatchEvent(new CustomEvent("pvtprof:work", { detail }));
  }

  const NAMED = [[/memory/, "memory"], [/embed_dims|\bdim\b/, "embed_dims"], [/depths/, "depths"], [/num_heads/, "num_heads"],
    [/mlp_ratios/, "mlp_ratios"], [/--R|\bR\b/, "R"], [/batch/, "batch"], [/pool/, "pool-size"], [/unknown model/, "model"],
    [/dtype/, "dtype"], [/--mode/, "mode"], [/--attention/, "attention"], [/im(age|g)/, "img"]];

  /* The reason stands under its field, over what lies below, so that nothing moves. */
  function refused(error) {
    const said = error ? error.message : "", place = byId("refusal");
    const of = said.replace(/^.*? with (--set [^:]*): /, ""); // not the fields that only stand in the words before
    const culprit = said ? NAMED.find(([pattern]) => pattern.test(of))?.[1] ?? "model" : null;
    for (const input of form.elements) {
      input.removeAttribute?.("aria-invalid");
      input.removeAttribute?.("aria-errormessage");
    }
    if (culprit) {
      field(culprit).setAttribute("aria-invalid", "true");
      field(culprit).setAttribute("aria-errormessage", "refusal");
    }
    place.textContent = said;
    place.hidden = !said;
    document.body.classList.toggle("dimmed", Boolean(said));
    if (!said) return;
    if (!place.offsetParent && byId("fold").offsetParent) byId("fold").click(); // the bar is folded
    const box = form.getBoundingClientRect(), at = field(culprit).getBoundingClientRect();
    const isFolding = byId("fold").offsetParent !== null; // there the fields stand in several lines
    byId("undo").disabled = last === null && !past.length;
    place.style.left = isFolding ? "0" : `${Math.max(0, Math.min(at.left - box.left, box.width - place.offsetWidth))}px`;
    place.style.top = `${at.height && !isFolding ? at.bottom - box.top + 4 : box.height + 4}px`;
    document.dispatchEvent(new CustomEvent("pvtprof:refused", { detail: { message: said } }));
  }

  /* The field says the memory of the run with few digits, and means it to the byte. */
  const memoryOf = (text) => (text.trim() === start.memory ? BigInt(start.memory_bytes) : engine.parsedMemory(text));

  function update(event) {
    if (event?.target === field("model")) offerRatios();
    offerStages();
    const said = texts();
    toHash(said);
    let work, memory;
    try {
      work = engine.parsed(said);
      memory = memoryOf(field("memory").value);
    } catch (error) {
      if (!(error instanceof engine.Refusal)) throw error;
      refused(error);
      return;
    }
    showPreset(said);
    refused(null);
    remember(said, event?.target?.name ?? "");
    steadily(() => showAll(work, memory));
  }

  /* Changes of some fields by name; R=1 is R 1 in every stage. */
  function set(said) {
    rest();
    if (said.model !== undefined) {
      choose(field("model"), said.model);
      offerRatios();
    }
    for (const [name, text] of Object.entries(said)) if (name !== "model" && field(name)) choose(field(name), text);
    update();
  }

  /* A preset keeps its name while the field that it set says what it set. */
  function showPreset(said) {
    const [name, text] = field("preset").value.split("="), now = name === "R" ? said.R.split(",") : [whole(said[name])];
    if (name && now.some((one) => one !== whole(text))) field("preset").value = "";
  }
  const whole = (text) => (/^(\d+)x\1$/.test(text) ? text.split("x")[0] : text);

  function preset() {
    const [name, text] = field("preset").value.split("=");
    if (name) set({ [name]: name === "R" ? field("R").value.split(",").map(() => text).join(",") : text });
  }

  function onInput(event) {
    rest();
    if (event.target === field("preset")) preset();
    else update(event);
  }

  /* Another comparison of the page: its own setting in the fields; none where it has none. */
  function onBlock({ detail: { texts: said } }) {
    form.hidden = !said;
    if (!said) return;
    if (Object.keys(said).some((name) => said[name] !== initial[name])) {
      initial = { ...initial, ...said };
      last = null;
      past.length = 0;
      fill(initial);
    }
    update();
  }

  form.hidden = false;
  byId("explorer").hidden = false;
  for (const [id, action] of [["undo", undo], ["reset", () => { fill({ ...initial, memory: field("memory").value }); update(); }],
    ["link", () => { intoAddress(); copy(byId("link"), location.href); }]]) Object.assign(byId(id), { hidden: false, onclick: action });
  byId("undo").disabled = true;
  const first = shownBlock()?.dataset.texts;
  if (first) initial = { ...initial, ...JSON.parse(first) };
  else if (document.querySelector(".block")) form.hidden = true;
  fill(fromHash());
  form.addEventListener("input", onInput);
  byId("stage-choice").addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("pvtprof:set", (event) => set(event.detail));
  document.addEventListener("pvtprof:block", onBlock);
  for (const table of byId("explorer").querySelectorAll("details")) table.addEventListener("toggle", showTables);
  addEventListener("pagehide", intoAddress);
  addEventListener("hashchange", () => {
    hash = "";
    if (!hasSetting()) return;
    fill(fromHash());
    update();
  });
  setTimeout(prove);
  update();
})();
