"use strict";
/* The explorer: reads the bar, asks the engine, shows what it says; the URL's hash has the setting.

   Events on document, for the scripts of the sections (which run before this one):
   "pvtprof:work", after each successful recompute, the first too. detail: work (the setting, as the
     engine takes it), all ([{ variant, total, stages }], each a row of the engine), engine, program,
     and what the bar says of the view: variant, count ("MACs" or "FLOPs"), stage (1 to the last).
   "pvtprof:refused", where the bar holds something unfinished. detail: message. Sections keep their
     last result; body.dimmed dims what is marked data-computed.
   "pvtprof:operator", by any section where somebody chooses an operator: detail: stage, variant, name. */
(() => {
  const { element, show, chartButtons } = pvtprofPage;
  const start = JSON.parse(document.getElementById("start").textContent);
  const engine = pvtprofEngine(start.program);
  const form = document.getElementById("setting"), field = (name) => form.elements[name];
  const byId = (id) => document.getElementById(id);
  const MOST = 4096; // the largest side at which designs are held against each other

  // ---- Numbers to text

  const digits = (number) => number.toLocaleString("en-US");
  const { size, percent } = engine;

  // ---- The page's own proof

  function prove() {
    const { options, figures, lines } = start.vectors;
    const failed = lines.map((line) => {
      const said = line.at(-1), [stage, variant] = line.slice(options.length);
      const expected = typeof said === "string" ? { error: said } : Object.fromEntries(figures.map((f, i) => [f, said[i]]));
      return engine.differs({ texts: Object.fromEntries(options.map((o, i) => [o, line[i]])), stage, variant, expected });
    }).filter(Boolean);
    const place = byId("proof");
    place.hidden = false;
    place.className = failed.length ? "banner bad" : "soft";
    place.setAttribute("role", failed.length ? "alert" : "status");
    place.textContent = failed.length
      ? `THIS PAGE DOES NOT COMPUTE AS PYTHON DOES: ${failed.length} of ${lines.length} vectors differ. Do not ` +
        `trust the explorer here. First: ${failed[0]}`
      : `This page recomputed ${lines.length} rows and refusals made by Python, in your browser: all are equal.`;
  }

  // ---- The setting: form, texts as on the command line, URL hash

  const OPTIONS = ["model", "R", "batch", "dtype", "attention", "pool-size"];
  const SHOWN = ["variant", "count", "memory", "stage"];

  function texts() {
    if (field("square").checked) field("width").value = field("height").value;
    const [height, width] = [field("height").value.trim(), field("width").value.trim()];
    const said = Object.fromEntries(OPTIONS.map((name) => [name, field(name).value]));
    return { ...said, img: height === width ? height : `${height}x${width}` };
  }

  function fill(said) {
    const parts = (said.img ?? "").split("x"), [height, width] = parts.length === 2 ? parts : [said.img, said.img];
    field("square").checked = height === width;
    [field("height").value, field("width").value] = [height, width];
    for (const name of OPTIONS) choose(field(name), said[name]);
    offerStages();
    for (const name of SHOWN) if (isChoice(field(name), said[name])) field(name).value = said[name];
  }

  const isChoice = (input, text) => !input.options || [...input.options].some((option) => option.value === text);

  /* A select of what runs takes a text that is none of its options, for the engine to refuse by name. */
  function choose(input, text) {
    if (!isChoice(input, text)) input.add(element("option", { value: text, textContent: text }));
    input.value = text;
  }

  const models = start.program.models, modelOf = (name) => (Object.hasOwn(models, name) ? models[name] : null);

  /* As many stages to choose from as the model has. */
  function offerStages() {
    const model = modelOf(field("model").value), stage = field("stage");
    if (!model || stage.length === model.stages.length) return;
    const chosen = Number(stage.value) <= model.stages.length ? stage.value : "1";
    stage.replaceChildren(...model.stages.map((_, i) => element("option", { value: `${i + 1}`, textContent: `stage ${i + 1}` })));
    stage.value = chosen;
  }

  /* Another model: its own R, where the R that stands there is of another number of stages. */
  function offerRatios() {
    const model = modelOf(field("model").value);
    if (model && field("R").value.split(",").length !== model.stages.length) field("R").value = model.sr_ratios.join(",");
  }

  const initial = { ...start.texts, variant: start.variant, count: "MACs", memory: start.memory, stage: "1" };
  const fromHash = () => ({ ...initial, ...(location.hash.includes("=") && Object.fromEntries(new URLSearchParams(location.hash.slice(1)))) });

  function toHash(said) {
    const shown = Object.fromEntries(SHOWN.map((name) => [name, field(name).value]));
    history.replaceState(null, "", `#${new URLSearchParams({ ...said, ...shown })}`);
  }

  // ---- What is shown

  const row = (header, ...cells) => element("tr", {}, Object.assign(element("th", { textContent: header }), { scope: "row" }),
    ...cells.map((text) => element("td", { textContent: text, className: /^[-\d]/.test(text) ? "n" : "" })));

  function showTotals(rows, chosen, worth) {
    byId("totals").replaceChildren(...rows.map(({ variant, total }) => Object.assign(row(variant,
      digits(worth * total.macs), percent(total.macs, rows[0].total.macs), digits(total.params),
      digits(total.peak.bytes), size(total.peak.bytes), percent(total.peak.bytes, rows[0].total.peak.bytes),
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

  const operators = Object.keys(start.colors).filter((name) => !start.program.variants.includes(name));
  function showChart(work, all, count, worth) {
    const bars = all.flatMap(({ variant, stages }) => stages.map((found, i) => ({
      stage: `stage ${i + 1}`, variant, blocks: BigInt(engine.place(work, i + 1, variant).blocks), ops: found.ops })));
    bars.sort((a, b) => a.stage.localeCompare(b.stage));
    const macs = (bar, name) => bar.blocks * (bar.ops.find((op) => op.name === name)?.macs ?? 0n) * worth;
    const data = operators.filter((name) => bars.some((bar) => macs(bar, name))).map((name) => ({
      type: "bar", name, marker: { color: start.colors[name] }, x: [bars.map((b) => b.stage), bars.map((b) => b.variant)],
      y: bars.map((bar) => Number(macs(bar, name))), customdata: bars.map((bar) => digits(macs(bar, name))),
      hovertemplate: `%{x}<br>${name}: %{customdata} ${count}<extra></extra>` }));
    return show(byId("explorer-chart"), { data, layout: { barmode: "stack", yaxis: { exponentformat: "SI",
      title: { text: `${count}, all blocks of the stage` } } } });
  }

  function cheaper(work, variant, other) {
    const { low, from } = engine.cheaperFrom(work, variant, other, MOST), most = digits(MOST);
    if (low === null) return `${variant} against ${other}: no square image of up to ${most} pixels takes this R.`;
    if (from === null) return `${variant} does not need fewer MACs than ${other} at ${most} pixels.`;
    const where = from === low ? `for every square image of ${digits(low)} (the smallest that both take) to ${most} pixels`
      : `from ${digits(from)} pixels on (square images of up to ${most})`;
    return `${variant} needs fewer MACs than ${other} ${where}.`;
  }

  function fits(work, variant, memory) {
    const side = engine.largestImage(work, variant, memory);
    if (!side) return `${variant}, inference: not even its smallest image fits into ${size(memory)}.`;
    return `${variant}, inference: fits into ${size(memory)} up to ${digits(side)} x ${digits(side)} pixels, and not beyond.`;
  }

  function showCrossings(work, memory) {
    const said = [cheaper(work, "sra_conv", "mha"), cheaper(work, "sra_pool", "sra_conv"),
      ...start.program.variants.map((variant) => fits(work, variant, memory))];
    byId("crossings").replaceChildren(...said.map((textContent) => element("li", { textContent })));
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
      place.replaceChildren(`Stage ${stage} of the explorer's setting:`, ...formulas.map((math) => withNumbers(math, sizes, of[math.dataset.of])));
    }
  }

  function withNumbers(math, sizes, result) {
    const space = math.namespaceURI, made = math.cloneNode(true);
    const part = (tag, textContent) => Object.assign(document.createElementNS(space, tag), { textContent });
    made.removeAttribute("data-of");
    for (const letter of made.querySelectorAll("[data-symbol]"))
      letter.replaceWith(part("mn", digits(sizes[start.symbols[letter.dataset.symbol]])));
    for (const times of made.querySelectorAll(".times")) times.textContent = "\u00d7";
    made.firstElementChild.append(part("mo", "="), part("mn", digits(result)));
    return made;
  }

  function showAll(work, memory) {
    const variant = field("variant").value, count = field("count").value, worth = count === "FLOPs" ? 2n : 1n;
    const all = start.program.variants.map((name) => ({
      variant: name, total: engine.row(work, null, name), stages: models[work.model].stages.map((_, i) => engine.row(work, i + 1, name)) }));
    for (const place of document.querySelectorAll("[data-count]")) place.textContent = count;
    byId("chosen").textContent = variant;
    showTotals(all, variant, worth);
    showStages(work, variant, all.find((one) => one.variant === variant).stages, worth);
    showOperators(work, all, worth);
    showCrossings(work, memory);
    showNumbers(work, Number(field("stage").value), all);
    byId("command").textContent = engine.command(work);
    showChart(work, all, count, worth);
    document.dispatchEvent(new CustomEvent("pvtprof:work", { detail: { work, all, engine, program: start.program, variant, count, stage: Number(field("stage").value) } }));
  }

  const NAMED = [[/memory/, "memory"], [/image width/, "width"], [/--R|\bR\b/, "R"], [/batch/, "batch"], [/pool/, "pool-size"], [/model/, "model"], [/im(age|g)/, "height"]];

  function refused(error) {
    const said = error ? error.message : "";
    const culprit = said ? NAMED.find(([pattern]) => pattern.test(said))?.[1] : null;
    for (const input of form.elements) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-errormessage");
    }
    if (culprit) {
      field(culprit).setAttribute("aria-invalid", "true");
      field(culprit).setAttribute("aria-errormessage", "refusal");
    }
    byId("refusal").textContent = said;
    byId("refusal").hidden = !said;
    document.body.classList.toggle("dimmed", Boolean(said));
    if (said) document.dispatchEvent(new CustomEvent("pvtprof:refused", { detail: { message: said } }));
  }

  function update(event) {
    if (event?.target === field("model")) offerRatios();
    offerStages();
    field("width").disabled = field("square").checked;
    const said = texts();
    toHash(said);
    let work, memory;
    try {
      work = engine.parsed(said);
      memory = engine.parsedMemory(field("memory").value);
    } catch (error) {
      if (!(error instanceof engine.Refusal)) throw error;
      refused(error);
      return;
    }
    refused(null);
    showAll(work, memory);
  }

  byId("explorer").hidden = false;
  fill(fromHash());
  chartButtons(byId("explorer-chart"));
  form.addEventListener("input", update);
  byId("stage-choice").addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    fill(fromHash());
    update();
  });
  setTimeout(prove);
  update();
})();
