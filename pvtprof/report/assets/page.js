"use strict";
/* Charts in the page's colours, tables that sort and filter, downloads, the way around. Knows nothing of formulas.

   Event on document: "pvtprof:block", where another comparison of the page is shown; detail: suffix, texts. */
const pvtprofPage = (() => {
  const root = document.documentElement;
  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const button = (textContent, label, onclick) => {
    const made = element("button", { type: "button", textContent, onclick });
    made.setAttribute("aria-label", label);
    return made;
  };

  // ---- Charts

  const charts = new Map();
  const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false };
  const probe = document.body.appendChild(element("span", { hidden: true }));

  /* What a CSS variable comes to; plotly.js does not read variables. */
  function color(name) {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  }

  function themed(layout) {
    const [ink, line, page] = [color("ink"), color("line"), color("page")];
    const axis = (given) => ({ ...given, gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true });
    return {
      ...layout, paper_bgcolor: page, plot_bgcolor: page, margin: { t: 16, r: 16, b: 40, l: 48 },
      font: { color: ink, family: getComputedStyle(document.body).fontFamily },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" }, hoverlabel: { namelength: -1 },
      xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis),
    };
  }

  function show(place, chart) {
    charts.set(place, chart);
    return Plotly.react(place, chart.data, themed(chart.layout), CONFIG);
  }

  const redraw = () => charts.forEach((chart, place) => show(place, chart));

  function chartButtons(place) {
    const saved = (format) => () => Plotly.downloadImage(place, {
      format, filename: `pvtprof-${place.id}`, width: place.clientWidth, height: place.clientHeight });
    const name = place.getAttribute("aria-label");
    place.after(element("div", { className: "tools" },
      button("SVG", `Save as SVG: ${name}`, saved("svg")), button("PNG", `Save as PNG: ${name}`, saved("png")),
      button("Reset zoom", `Reset zoom: ${name}`, () => show(place, charts.get(place)))));
  }

  // ---- Themes

  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

  function toggle() {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("pvtprof-theme", root.dataset.theme); } catch { /* only for this visit */ }
    redraw();
  }

  let before;
  function toPaper() {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    charts.forEach((chart, place) => Plotly.react(place, chart.data, { ...themed(chart.layout), width: 640 }, CONFIG));
  }
  function fromPaper() {
    if (before) root.dataset.theme = before;
    else delete root.dataset.theme;
    redraw();
  }

  // ---- Tables

  const text = (cell) => cell.textContent.trim();
  /* Without the commas of grouped digits, which columns of numbers alone have. */
  const plain = (cell) => (cell.className === "n" ? text(cell).replaceAll(",", "") : text(cell));

  /* What a cell sorts by: whole numbers exactly, others by their number, then text; "-" comes last. */
  function key(cell) {
    if (cell.className !== "n") return text(cell) ? [1, text(cell)] : [2, ""];
    if (/^-?\d+$/.test(plain(cell))) return [0, BigInt(plain(cell))];
    const number = parseFloat(plain(cell));
    return Number.isNaN(number) ? [2, ""] : [0, number];
  }

  const compared = ([a, x], [b, y]) => a - b || (x < y ? -1 : x > y ? 1 : 0);

  function sortable(table) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, i) => {
      head.append(element("button", { type: "button", onclick: () => {
        const down = head.ariaSort === "ascending", sign = down ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.ariaSort = down ? "descending" : "ascending";
        const rows = [...body.rows].map((row) => [key(row.cells[i]), row]);
        rows.sort(([a], [b]) => (a[0] === 2 || b[0] === 2 ? a[0] - b[0] : sign * compared(a, b)));
        body.append(...rows.map(([, row]) => row));
      } }, ...head.childNodes));
    });
  }

  /* The rows that the filter shows. */
  function csv(table) {
    const quoted = (said) => (/[",\n]/.test(said) ? `"${said.replaceAll('"', '""')}"` : said);
    const shown = [table.tHead.rows[0], ...table.tBodies[0].rows].filter((row) => !row.hidden);
    const lines = shown.map((row) => [...row.cells].map((cell) => quoted(plain(cell))).join(","));
    return `${lines.join("\n")}\n`;
  }

  function tableTools(table) {
    const name = table.getAttribute("aria-label");
    const filter = element("input", { type: "search", placeholder: "filter rows" });
    filter.setAttribute("aria-label", `Filter: ${name}`);
    filter.oninput = () => [...table.tBodies[0].rows].forEach((row) => {
      row.hidden = !row.textContent.toLowerCase().includes(filter.value.toLowerCase());
    });
    const file = `pvtprof-${name.replace(/[^a-z]+/gi, "-").toLowerCase()}.csv`;
    table.closest(".scroll").before(element("div", { className: "tools" }, filter,
      button("CSV", `Save as CSV: ${name}`, () => save(file, "text/csv", csv(table)))));
  }

  // ---- Files

  function save(name, type, said) {
    const link = element("a", { href: URL.createObjectURL(new Blob([said], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  /* The text that a run's file has, byte for byte. */
  function unpacked(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  /* A button for each file that the page carries. */
  function originals(place) {
    for (const { dataset: { original }, textContent } of document.querySelectorAll("[data-original]")) {
      const [kind, type] = original.endsWith(".csv") ? ["CSV", "text/csv"] : ["JSON", "application/json"];
      place.append(button(kind === original.split(".").pop().toUpperCase() && original.startsWith("run.") ? kind : original,
        `Save the whole run as ${kind} (${original})`, async () => save(`pvtprof-${original}`, type, await unpacked(textContent))));
    }
  }

  async function copy(made, said) {
    const label = made.getAttribute("aria-label"), before = [...made.childNodes], told = (text) => made.classList.contains("icon") || made.replaceChildren(text);
    let done = "copied";
    try { await navigator.clipboard.writeText(said); } catch { done = "cannot copy"; }
    told(done);
    made.setAttribute("aria-label", done);
    made.classList.add("done");
    setTimeout(() => { made.replaceChildren(...before); made.setAttribute("aria-label", label); made.classList.remove("done"); }, 1500);
  }

  // ---- While somebody types

  const idle = window.requestIdleCallback ?? setTimeout;
  let change = 0, waking = 0;

  /* For a moment after a change, what is out of sight has its new numbers, but is not laid out; it keeps its height. */
  function rest() {
    const mine = ++change;
    for (const part of parts) part.classList.toggle("seen", isSeen(part)); // laid out at once, so that it can keep its place
    root.classList.add("resting");
    clearTimeout(waking);
    waking = setTimeout(() => idle(() => mine === change && steadily(() => root.classList.remove("resting"))), 400);
  }

  // ---- Several comparisons on one page: one is shown at a time

  /* Draw the charts that can be seen and were not drawn before. */
  function draw() {
    const places = [...document.querySelectorAll("[data-chart]")]
      .filter((place) => !charts.has(place) && !place.closest("[hidden]"));
    const drawn = places.map((place) => show(place, JSON.parse(document.getElementById(place.dataset.chart).textContent)));
    places.forEach(chartButtons);
    return Promise.all(drawn);
  }

  const blocks = [...document.querySelectorAll(".block")];
  const multiples = [...document.querySelectorAll("[data-multiples]")]; // of all comparisons, in the one that is shown
  const shownBlock = () => blocks.find((block) => !block.hidden);

  /* Show one comparison; which: its anchor, or "" for the first. */
  function choose(which) {
    const chosen = blocks.find((block) => block.id === which) ?? blocks[0], picker = document.getElementById("picker");
    for (const block of blocks) block.hidden = block !== chosen;
    for (const link of document.querySelectorAll("a[data-comparison]"))
      if (link.hash === `#${chosen.id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    if (picker) picker.value = chosen.id;
    for (const frames of multiples) chosen.querySelector(`[data-section="${frames.dataset.multiples}"] h2`)?.after(frames);
    listContents();
    const { suffix, texts } = chosen.dataset;
    document.dispatchEvent(new CustomEvent("pvtprof:block", { detail: { suffix, texts: texts ? JSON.parse(texts) : null } }));
    return draw();
  }

  /* The comparison that the address names: by its anchor, or within a setting. */
  function named() {
    const said = location.hash.slice(1);
    return said.includes("=") ? `comparison-${new URLSearchParams(said).get("run")}` : said;
  }

  // ---- What is in sight stays at its place

  function isSeen(one) {
    const { top, bottom } = one.getBoundingClientRect();
    return bottom > document.querySelector(".top").getBoundingClientRect().bottom && top < innerHeight;
  }

  /* What a reader looks at: what has the focus; or else the section that begins in the upper part of the window;
     or else the first part of the page below the bar. */
  function inSight() {
    const line = document.querySelector(".top").getBoundingClientRect().bottom, focused = document.activeElement;
    if (focused?.closest("main") && isSeen(focused)) return focused;
    const begun = parts.find((part) => { const { top } = part.getBoundingClientRect(); return top >= line && top < 0.6 * innerHeight; });
    if (begun) return begun;
    let found = parts.find(isSeen), inner = found;
    for (let depth = 0; inner && depth < 3 && inner.getBoundingClientRect().top < line; depth++) {
      inner = [...inner.children].find((one) => one.getBoundingClientRect().height && isSeen(one));
      found = inner ?? found;
    }
    return found;
  }

  /* Make a change; what above it grows or shrinks moves nothing that is in sight. */
  function steadily(change) {
    const seen = inSight(), before = seen?.getBoundingClientRect().top;
    const result = change();
    const by = seen?.isConnected ? seen.getBoundingClientRect().top - before : 0;
    if (Math.abs(by) >= 1) scrollBy({ top: by, behavior: "instant" });
    return result;
  }

  // ---- The way around: list of contents, select, keys

  const contents = document.querySelector(".contents"), goto = document.getElementById("goto");
  let parts = [], current = null;

  function listContents() {
    parts = [...document.querySelectorAll("section[data-section]")].filter((part) => !part.closest("[hidden]"));
    if (!contents) return;
    const names = new Map([...contents.querySelectorAll("a")].map((link) => [link.dataset.goto, link]));
    for (const [name, link] of names) {
      const part = parts.find((one) => one.dataset.section === name);
      link.parentElement.hidden = !part;
      if (part) link.hash = part.id;
    }
    goto.replaceChildren(...parts.map((part) => element("option", { value: part.id, textContent: names.get(part.dataset.section).textContent })));
    markCurrent();
  }

  /* The section that the top of the window, under the bar, lies in. */
  function markCurrent() {
    const line = document.querySelector(".top").getBoundingClientRect().bottom + innerHeight / 4;
    const atEnd = scrollY > 0 && innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const part = atEnd ? parts.at(-1) : parts.findLast((one) => one.getBoundingClientRect().top <= line) ?? parts[0];
    if (!part || part === current) return;
    current = part;
    goto.value = part.id;
    for (const link of contents.querySelectorAll("a"))
      if (link.dataset.goto === part.dataset.section) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
  }

  function go(part, focus = true) {
    part.scrollIntoView();
    const head = part.querySelector("h2");
    head.tabIndex = -1;
    if (focus) head.focus({ preventScroll: true });
  }

  function onKey(event) {
    const step = { j: 1, k: -1 }[event.key];
    const isTyping = event.target.closest("input, select, textarea, [contenteditable]");
    if (!step || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = parts[parts.indexOf(current) + step];
    if (next) go(next);
    event.preventDefault();
  }

  function startContents() {
    listContents();
    if (!contents) return;
    contents.addEventListener("click", (event) => {
      const part = event.target.closest("a") && document.getElementById(event.target.closest("a").hash.slice(1));
      if (!part) return;
      event.preventDefault(); // the address keeps the setting
      go(part);
    });
    goto.closest("label").hidden = false;
    goto.addEventListener("change", () => go(document.getElementById(goto.value), false));
    document.addEventListener("keydown", onKey);
    let waits = false;
    addEventListener("scroll", () => {
      if (!waits) requestAnimationFrame(() => { waits = false; markCurrent(); });
      waits = true;
    }, { passive: true });
    const top = document.querySelector(".top");
    new ResizeObserver(() => root.style.setProperty("--bar", `${top.offsetHeight}px`)).observe(top);
  }

  function startFold() {
    const fold = document.getElementById("fold");
    if (!fold) return;
    fold.hidden = false;
    const set = (open) => { fold.setAttribute("aria-expanded", open); document.querySelector(".top").classList.toggle("open", open); };
    fold.onclick = () => set(fold.getAttribute("aria-expanded") !== "true");
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") { set(false); closePanels(); } });
    document.addEventListener("click", (event) => { if (!event.target.closest(".top details")) closePanels(); });
  }

  const closePanels = () => document.querySelectorAll(".top details[open]").forEach((panel) => { panel.open = false; });

  function startPicker() {
    const picker = document.getElementById("picker");
    if (!picker) return;
    picker.closest("label").hidden = false;
    picker.addEventListener("change", () => { location.hash = `#${picker.value}`; });
    addEventListener("hashchange", () => { if (named() !== shownBlock().id && blocks.some((block) => block.id === named())) choose(named()); });
  }

  /* One quantity of the frames by image size at a time. */
  function startMultiples() {
    for (const select of document.querySelectorAll("select[data-multiple]")) {
      select.parentElement.hidden = false;
      select.addEventListener("change", () => {
        for (const one of select.closest("[data-multiples]").querySelectorAll("div[data-multiple]")) one.hidden = one.dataset.multiple !== select.value;
      });
    }
  }

  function start() {
    startMultiples();
    startContents();
    startFold();
    startPicker();
    const drawn = blocks.length > 1 ? choose(named()) : draw();
    drawn.then(() => performance.mark("pvtprof charts"));
    for (const table of document.querySelectorAll("table[aria-label]:not(.plain)")) {
      sortable(table);
      tableTools(table);
    }
    const downloads = document.getElementById("downloads");
    if (downloads) originals(downloads);
    for (const made of document.querySelectorAll("button[data-copy]")) {
      made.hidden = false;
      made.onclick = () => copy(made, made.dataset.copy || document.getElementById(made.dataset.from).textContent);
    }
    const theme = document.getElementById("theme");
    theme.hidden = false;
    theme.onclick = toggle;
    system.addEventListener("change", redraw);
    addEventListener("beforeprint", toPaper);
    addEventListener("afterprint", fromPaper);
  }

  return { element, button, show, start, chartButtons, copy, save, unpacked, rest, shownBlock, steadily };
})();
pvtprofPage.start();
