"use strict";
/* Charts in the page's colours, tables that sort and filter, downloads. Knows nothing of formulas. */
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
    const ofRun = table.closest("#explorer") ? [] : originals(name);
    table.closest(".scroll").before(element("div", { className: "tools" }, filter,
      button("CSV", `Save as CSV: ${name}`, () => save(file, "text/csv", csv(table))), ...ofRun));
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

  /* A button for each run that the page is of. */
  function originals(name) {
    const places = [...document.querySelectorAll("[data-original]")];
    return places.map((place) => button(places.length > 1 ? place.dataset.original : "JSON",
      `Save the whole run as JSON (${place.dataset.original}), beside: ${name}`,
      async () => save(`pvtprof-${place.dataset.original}`, "application/json", await unpacked(place.textContent))));
  }

  async function copy(made, said) {
    const label = made.getAttribute("aria-label");
    try { await navigator.clipboard.writeText(said); made.textContent = "copied"; } catch { made.textContent = "cannot copy"; }
    made.setAttribute("aria-label", made.textContent);
    setTimeout(() => { made.textContent = "copy"; made.setAttribute("aria-label", label); }, 1500);
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

  function choose(links) {
    const chosen = links.find((link) => link.hash === location.hash) || links[0];
    for (const link of links) {
      const isChosen = link.hash === chosen.hash;
      document.getElementById(link.hash.slice(1)).hidden = !isChosen;
      if (isChosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    return draw();
  }

  function start() {
    const links = [...document.querySelectorAll("a[data-comparison]")];
    const drawn = links.length ? choose(links) : draw();
    drawn.then(() => performance.mark("pvtprof charts"));
    if (links.length) addEventListener("hashchange", () => choose(links));
    for (const table of document.querySelectorAll("table[aria-label]")) {
      sortable(table);
      tableTools(table);
    }
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

  return { element, show, start, chartButtons };
})();
pvtprofPage.start();
