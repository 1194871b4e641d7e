"use strict";
/* The figures of some sections as SVG and PNG files: in light colours, with their titles, and with a style of
   their own. A PNG is drawn from the SVG in the browser. */
(() => {
  const { element, button, save } = pvtprofPage, root = document.documentElement, SPACE = "http://www.w3.org/2000/svg";
  const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif', INK = "#1b1f24", SOFT = "#57606a";
  const [EDGE, SHARPER] = [24, 2]; // pixels around all; pixels of a PNG for one of the SVG
  /* What an element takes from the one around it, and the value at the outermost. */
  const INHERITED = { fill: "rgb(0, 0, 0)", "fill-opacity": "1", stroke: "none", "stroke-width": "1px", "stroke-dasharray": "none",
    "stroke-linejoin": "miter", "stroke-linecap": "butt", "paint-order": "normal", "text-anchor": "start", "font-size": "16px",
    "font-weight": "400", "font-family": "", "font-variant-numeric": "normal" };
  const OWN = { opacity: "1", "stroke-opacity": "1" };

  const made = (tag, attributes = {}, ...children) => {
    const node = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  // ---- Text, broken into lines

  const pen = document.createElement("canvas").getContext("2d");

  function widthOf(text, size, weight = 400) {
    pen.font = `${weight} ${size}px ${FONT}`;
    return pen.measureText(text).width;
  }

  function broken(text, size, weight, width) {
    const lines = [""];
    for (const word of text.trim().split(/[ \n]+/)) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (lines.at(-1) && widthOf(longer, size, weight) > width) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }

  /* A text from a place on; and how high it is. */
  function written(text, x, y, { size = 12, weight = 400, fill = INK, width = Infinity, anchor = "start" } = {}) {
    const lines = broken(text, size, weight, width), step = Math.ceil(1.35 * size);
    const nodes = lines.map((line, i) => made("text", { x, y: y + size + i * step, "font-size": size, "font-weight": weight, fill, "text-anchor": anchor }, line));
    return { nodes, height: lines.length * step };
  }

  // ---- A drawing of the page with what its style sheet says written into it

  function styled(drawing) {
    const copy = drawing.cloneNode(true);
    carry(drawing, copy, INHERITED);
    copy.removeAttribute("aria-label");
    return copy;
  }

  function carry(from, to, around) {
    const style = getComputedStyle(from), own = {}, said = [];
    if (style.display === "none") return to.remove();
    for (const name of Object.keys(INHERITED)) {
      own[name] = style.getPropertyValue(name);
      if (own[name] !== around[name]) said.push(`${name}:${own[name]}`);
    }
    for (const [name, usual] of Object.entries(OWN)) if (style.getPropertyValue(name) !== usual) said.push(`${name}:${style.getPropertyValue(name)}`);
    if (to.localName === "rect") for (const name of ["x", "y", "width", "height"]) {
      const value = parseFloat(style.getPropertyValue(name));
      if (Number.isFinite(value)) to.setAttribute(name, value);
    }
    if (style.transform !== "none" && to.localName !== "svg") to.setAttribute("transform", style.transform);
    for (const { name } of [...to.attributes]) if (/^(class|style|role|tabindex|aria-.*|data-.*)$/.test(name)) to.removeAttribute(name);
    if (said.length) to.setAttribute("style", said.join(";"));
    const theirs = [...to.children];
    [...from.children].forEach((child, i) => carry(child, theirs[i], own));
  }

  /* As it is in light colours, whatever the page has. */
  function inLight(f) {
    const before = root.dataset.theme;
    root.dataset.theme = "light";
    try { return f(); } finally {
      if (before) root.dataset.theme = before;
      else delete root.dataset.theme;
    }
  }

  // ---- The figures: each gives its parts and how wide and high they are, below the title

  function picture(section, y) {
    const parts = [], place = section.querySelector(".picture"), shown = [...place.querySelectorAll("[role=tabpanel]")].find((panel) => !panel.hidden);
    let wide = 0;
    for (const pattern of shown.querySelectorAll("pattern")) parts.push(made("defs", {}, styled(pattern)));
    for (const design of shown.querySelectorAll(".design")) {
      const drawing = design.querySelector("svg"), { width, height } = drawing.viewBox.baseVal, name = design.querySelector("b").textContent;
      const head = written(name, EDGE, y, { size: 14, weight: 700 });
      const said = written(design.querySelector("p").textContent.slice(name.length), EDGE + widthOf(name, 14, 700) + 8, y + 1);
      const copy = styled(drawing);
      for (const [key, value] of Object.entries({ x: EDGE, y: y + 20, width, height })) copy.setAttribute(key, value);
      parts.push(...head.nodes, ...said.nodes, copy);
      y += height + 36;
      wide = Math.max(wide, width);
    }
    const legend = written(shown.querySelector("p.soft").textContent, EDGE, y, { fill: SOFT, width: wide });
    return { parts: [...parts, ...legend.nodes], width: wide, bottom: y + legend.height };
  }

  function panels(section, y) {
    const figures = [...section.querySelectorAll(".growing figure:not(.absent)")], across = 420, parts = [];
    let bottom = y;
    figures.forEach((figure, i) => {
      const x = EDGE + i * (across + EDGE), drawing = figure.querySelector("svg"), { width, height } = drawing.viewBox.baseVal;
      const head = written(figure.querySelector("figcaption b").textContent, x, y, { size: 14, weight: 700, width: across });
      const said = written(figure.querySelector("figcaption span").textContent, x, y + head.height, { fill: SOFT, width: across });
      const copy = styled(drawing), high = Math.round(across * height / width);
      for (const [key, value] of Object.entries({ x, y: y + 64, width: across, height: high })) copy.setAttribute(key, value);
      parts.push(...head.nodes, ...said.nodes, copy);
      bottom = Math.max(bottom, y + 64 + high);
    });
    const said = written([...section.querySelectorAll("[data-remarks] p")].map((one) => one.textContent).join(" "), EDGE, bottom + 8, { fill: SOFT, width: figures.length * (across + EDGE) - EDGE });
    return { parts: [...parts, ...said.nodes], width: figures.length * (across + EDGE) - EDGE, bottom: bottom + 8 + said.height };
  }

  /* The table of the answer: a line for each figure, a column for each design, and bars. */
  function table(section, y) {
    const found = section.querySelector(".versus"), rows = [...found.tBodies[0].rows], heads = [...found.tHead.rows[0].cells].slice(1), parts = [];
    const first = Math.max(...rows.map((row) => widthOf(row.cells[0].textContent, 13))) + 24, across = 210, line = 40;
    const left = (i) => EDGE + first + i * across;
    heads.forEach((head, i) => parts.push(...written(head.textContent, left(i), y, { size: 13, weight: 700 }).nodes));
    y += 26;
    for (const row of rows) {
      const [name, ...cells] = row.cells;
      parts.push(made("path", { d: `M${EDGE} ${y}H${left(heads.length)}`, stroke: "#d0d7de" }), ...written(name.textContent, EDGE, y + 6, { size: 13 }).nodes);
      cells.forEach((cell, i) => {
        const amount = cell.querySelector("b").textContent, others = [...cell.querySelectorAll(".fig > span:not(.tip), .fig > em")].map((one) => one.textContent).join("  ");
        const bar = cell.querySelector(":scope > i"), width = parseFloat(bar.style.width) / 100 * (across - 24);
        parts.push(...written(amount, left(i), y + 6, { size: 13, weight: 700 }).nodes,
          ...written(others, left(i) + widthOf(amount, 13, 700) + 8, y + 7, { fill: SOFT }).nodes,
          made("rect", { x: left(i), y: y + 27, width: Math.max(0, width), height: 5, fill: bar.style.getPropertyValue("--hue").trim() || SOFT }));
      });
      y += line;
    }
    return { parts, width: first + heads.length * across, bottom: y };
  }

  const FIGURES = { answer: [table, ".scroll"], inside: [picture, ".picture"], growth: [panels, "[data-remarks]"] };

  /* The file: the finding and the setting above, the figure below. */
  function drawn(section, figure) {
    const title = section.querySelector(".finding").textContent, block = section.closest(".block").querySelector(".place"), bar = document.querySelector(".top h1");
    const setting = `${section.querySelector("h2").textContent}. ${block ? block.textContent : bar.textContent}${bar.dataset.others ?? ""}; pvtprof`;
    const probe = figure(section, 0), width = Math.max(480, Math.ceil(probe.width));
    const head = written(title, EDGE, EDGE, { size: 18, weight: 600, width }), under = written(setting, EDGE, EDGE + head.height + 4, { fill: SOFT, width });
    const { parts, bottom } = figure(section, EDGE + head.height + under.height + 24), size = [width + 2 * EDGE, Math.ceil(bottom + EDGE)];
    const all = made("svg", { xmlns: SPACE, viewBox: `0 0 ${size.join(" ")}`, width: size[0], height: size[1], "font-family": FONT },
      made("title", {}, title), made("rect", { width: size[0], height: size[1], fill: "#ffffff" }), ...head.nodes, ...under.nodes, ...parts);
    return { text: new XMLSerializer().serializeToString(all), size };
  }

  async function pixels({ text, size: [width, height] }) {
    const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), image = Object.assign(new Image(), { src: url });
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: SHARPER * width, height: SHARPER * height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(url);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  for (const [name, [figure, after]] of Object.entries(FIGURES))
    for (const section of document.querySelectorAll(`section[data-section="${name}"]`)) {
      const place = section.querySelector(after), file = `pvtprof-${section.id}`, said = section.querySelector("h2").textContent;
      const make = () => inLight(() => drawn(section, figure));
      place?.after(element("div", { className: "tools saving" }, element("span", { className: "soft", textContent: "save as" }),
        button("SVG", `Save as SVG: ${said}${section.id.slice(name.length)}`, () => save(`${file}.svg`, "image/svg+xml", make().text)),
        button("PNG", `Save as PNG: ${said}${section.id.slice(name.length)}`, async () => save(`${file}.png`, "image/png", await pixels(make())))));
    }
})();
