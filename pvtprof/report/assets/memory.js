"use strict";
/* What holds the memory: the rules of report/sections/live.py in the browser; the picture follows the explorer. */
const pvtprofLive = (() => {
  const { integer, size, several } = pvtprofSpoken, { owners, each, regular } = pvtprofWhere;
  const WIDTH = 1000, HEIGHT = 100, ROOM = 1.05;

  function named(at, rules) {
    for (const [pattern, words] of rules) {
      const found = regular(pattern).exec(at);
      if (found) return words.replace("$1", () => found[1]);
    }
    return "";
  }
  const highest = (moments) => moments.reduce((most, now) => (now.bytes > most.bytes ? now : most));

  /* Where the section of the peak has run before. */
  function wayBack(moments, rules) {
    let left = moments.indexOf(highest(moments)), isBack = false, last = "";
    const seen = new Set([""]);
    for (const [name, , count] of sectionsOf(moments, rules)) {
      if (name !== last) isBack = seen.has(name);
      if (left < count) return isBack ? ", on the way back" : "";
      [left, last] = [left - count, name];
      seen.add(name);
    }
    return "";
  }

  function finding(timelines, { places, sections }) {
    const found = new Map();
    for (const [design, moments] of timelines) {
      const top = highest(moments), place = (named(top.at, places) || top.at || "its input") + wayBack(moments, sections);
      found.set(place, [...(found.get(place) ?? []), [design, top.bytes]]);
    }
    return `${[...found].map(([place, list], i) => {
      const names = owners(list.map(([design]) => design)), sizes = each(list.map(([, bytes]) => size(bytes)), list.map(([, bytes]) => Number(bytes)));
      const [what, verb] = list.length > 1 ? ["peaks", "are"] : ["peak", "is"];
      return `${names} ${i ? `of ${sizes}` : `${what} of ${sizes} ${verb}`} at ${place}`;
    }).join("; ")}.`;
  }

  /* The largest tensors of the peaks, as live.held_by has them; tensors: [[design, list]]. */
  function heldBy(tensors, rules) {
    const alike = new Map();
    for (const [design, its] of tensors) {
      const text = holders(its, rules);
      alike.set(text, [...(alike.get(text) ?? []), design]);
    }
    return [...alike].map(([text, names]) => `${several(names)}, ${text}`);
  }

  function holders(tensors, rules) {
    const all = tensors.reduce((total, { bytes }) => total + bytes, 0n), sum = (some) => some.reduce((total, { bytes }) => total + bytes, 0n);
    const ordered = [...tensors].sort((a, b) => (b.bytes > a.bytes ? 1 : b.bytes < a.bytes ? -1 : 0));
    const large = ordered.slice(0, rules.named).filter(({ bytes }) => BigInt(rules.part) * bytes >= all), rest = ordered.slice(large.length);
    const words = large.map((one) => `${tensor(one, rules)} (${size(one.bytes)})`);
    if (rest.length) words.push(`${rest.length} smaller tensor${rest.length > 1 ? "s" : ""} (${size(sum(rest))})`);
    return `${size(all)}: ${several(words)}.`;
  }

  function tensor({ name, shape, kind }, { tensors }) {
    const words = named(name, tensors) || `the result of ${name}`;
    return kind ? `what is computed beside ${words}` : `${words} ${shape.map(integer).join("x")}`.trimEnd();
  }

  const known = new WeakMap(); // the sections of each list of moments
  function sectionsOf(moments, rules) {
    if (known.has(moments)) return known.get(moments);
    const found = [];
    for (const { at } of moments) {
      const last = found.at(-1), name = named(at, rules) || (last ? last[0] : "start"), isAttention = at.includes(".attn");
      if (last && name === last[0] && isAttention === last[1]) last[2]++;
      else found.push([name, isAttention, 1]);
    }
    known.set(moments, found);
    return found;
  }
  const alike = (a, b) => a.length === b.length && a.every(([name, is], i) => name === b[i][0] && is === b[i][1]);

  function layoutOf(timelines, chosen, rules) {
    const every = [...timelines.values()].map((moments) => sectionsOf(moments, rules)), own = sectionsOf(timelines.get(chosen), rules);
    const isAlike = every.every((one) => alike(one, own));
    const counts = own.map(([, , n], i) => (isAlike ? Math.max(...every.map((one) => one[i][2])) : n)), all = counts.reduce((a, b) => a + b, 0);
    let left = 0;
    return own.map(([name, is], i) => [name, is, left / all, (left += counts[i]) / all]);
  }

  function spansOf(moments, layout, rules) {
    const mine = sectionsOf(moments, rules), isAlike = alike(mine, layout);
    const sections = isAlike ? layout.map(([, , a, b]) => [a, b]) : [[0, 1]], counts = isAlike ? mine.map(([, , n]) => n) : [moments.length];
    return sections.flatMap(([left, right], s) => {
      const step = (right - left) / counts[s];
      return Array.from({ length: counts[s] }, (_, i) => [left + i * step, left + (i + 1) * step]);
    });
  }

  const coordinate = (value) => {
    const tenths = value >= 0 ? Math.trunc(10 * value + 0.5) : -Math.trunc(0.5 - 10 * value);
    return `${Math.abs(tenths) < 1e6 ? tenths / 10 : Math.floor(tenths / 10)}`;
  };
  const percent = (share) => `${Math.trunc(10000 * share + 0.5) / 100}`;

  function pathOf(moments, spans, most, isClosed) {
    let path = `M0 ${HEIGHT}`, last = "";
    moments.forEach(({ bytes }, i) => {
      const height = coordinate(HEIGHT * (1 - Number(bytes) / most));
      if (height !== last) path += `${last ? `H${coordinate(WIDTH * spans[i][0])}` : ""}V${height}`;
      last = height;
    });
    return `${path}H${WIDTH}${isClosed ? `V${HEIGHT}Z` : ""}`;
  }

  function sectionNames(layout, blocks) {
    const seen = new Set(), merged = [];
    for (const [name, , left, right] of layout) {
      if (merged.length && merged.at(-1)[0] === name) merged.at(-1)[2] = right;
      else merged.push([name, left, right]);
    }
    return merged.map(([name, left, right]) => {
      const count = blocks[Number(name.split("stage ")[1]) - 1] ?? 1, back = seen.has(name) ? " back" : "";
      seen.add(name);
      return [`${name}${back}${count > 1 ? ` x${count}` : ""}`, percent(left), percent(right - left)];
    });
  }

  function ticksOf(peak, most) {
    let step = 1n;
    while (4n * step <= peak) step *= 2n;
    return [0n, 1n, 2n, 3n].filter((i) => i * step <= peak)
      .map((i) => [size(i * step).replace(/\.0+ /, " "), percent(Number(i * step) / most)]);
  }

  /* As live.picture has it; `timelines` maps a design to [{ at, bytes }]. */
  function picture(timelines, chosen, blocks, { sections }) {
    const layout = layoutOf(timelines, chosen, sections), own = timelines.get(chosen), top = highest(own);
    const most = Number(top.bytes > 1n ? top.bytes : 1n) * ROOM, designs = [...timelines];
    const spans = new Map(designs.map(([name, moments]) => [name, spansOf(moments, layout, sections)]));
    const [left, right] = spans.get(chosen)[own.indexOf(top)];
    const cut = designs.filter(([, moments]) => Number(highest(moments).bytes) > most)
      .map(([name, moments]) => `${name} goes on to ${size(highest(moments).bytes)}`);
    return {
      fill: pathOf(own, spans.get(chosen), most, true),
      others: designs.filter(([name]) => name !== chosen).map(([name, moments]) => [name, pathOf(moments, spans.get(name), most, false)]),
      sections: sectionNames(layout, blocks), ticks: ticksOf(top.bytes, most),
      peak: [percent((left + right) / 2), percent(Number(top.bytes) / most)],
      said: `${chosen}: ${size(top.bytes)} at ${top.at}${wayBack(own, sections)}`, beyond: cut.length ? `${several(cut)}, beyond the top.` : "",
      spoken: `Live bytes of ${chosen}, step by step: the peak is ${size(top.bytes)} at ${top.at}. Peaks of all: ` +
        `${designs.map(([name, moments]) => `${name} ${size(highest(moments).bytes)}`).join(", ")}.`,
      spans: spans.get(chosen),
    };
  }

  return { finding, heldBy, picture, highest };
})();

if (typeof document !== "undefined") for (const place of document.querySelectorAll("[data-memory]")) {
  const source = place.querySelector("script"), { finding, heldBy, picture, highest } = pvtprofLive, { integer, size, unbroken } = pvtprofSpoken;
  if (!source) continue;
  const data = JSON.parse(source.textContent), part = (name) => place.querySelector(name);
  const [plot, said, walk, form] = [part(".w-plot"), part(".w-said"), part(".w-walk input"), part(".w-switches")], choice = form.elements.design;
  const hues = JSON.parse(plot.dataset.hues), svg = plot.firstElementChild;
  let blocks = data.blocks, now = null, operator = null;
  const moment = ([i, bytes]) => ({ at: data.names[i], bytes: BigInt(bytes) });
  let timelines = data.names && new Map(Object.entries(data.designs).map(([name, list]) => [name, list.map(moment)])); // else the explorer says them

  const label = (className, style, text) => {
    const made = Object.assign(document.createElement("span"), { className, textContent: text });
    Object.assign(made.style, style);
    return made;
  };
  const path = (className, d) => {
    const made = document.createElementNS(svg.namespaceURI, "path");
    made.setAttribute("class", className);
    made.setAttribute("d", d);
    return made;
  };

  function draw() {
    if (!timelines) return;
    [form.hidden, part(".w-walk").hidden] = [timelines.size < 2, false];
    const chosen = choice.value, moments = timelines.get(chosen);
    now = picture(timelines, chosen, blocks, data);
    part(".finding").textContent = finding(timelines, data);
    [part(".w-top").textContent, part(".w-beyond").textContent] = [now.said, now.beyond];
    plot.setAttribute("aria-label", now.spoken);
    const held = path("w-held", now.fill);
    held.style.setProperty("--hue", hues[chosen]);
    svg.replaceChildren(...now.others.map(([, d]) => path("w-other", d)), held);
    plot.querySelectorAll(".w-tick, .w-part").forEach((old) => old.remove());
    plot.append(...now.ticks.map(([text, bottom]) => label("w-tick", { bottom: `${bottom}%` }, text)),
      ...now.sections.map(([name, left, width]) => label("w-part", { left: `${left}%`, width: `${width}%` }, name)));
    Object.assign(part(".w-summit").style, { left: `${now.peak[0]}%`, bottom: `${now.peak[1]}%` });
    part(".w-names").replaceChildren(...now.others.flatMap(([name]) => [label("w-dash", {}, ""), `${name} `]));
    for (const option of choice.options) option.textContent = `${option.value}: ${size(highest(timelines.get(option.value)).bytes)}`;
    walk.max = moments.length - 1;
    point(moments.indexOf(highest(moments)), false);
    mark();
  }

  function point(at, isShown = true) {
    const { at: name, bytes } = timelines.get(choice.value)[at], [left] = now.spans[at];
    walk.value = at;
    said.textContent = `${isShown ? "" : "Peak: "}operator ${at + 1} of ${now.spans.length}, ${name}: ${size(bytes)} live (${integer(bytes)} bytes)`;
    walk.setAttribute("aria-valuetext", said.textContent);
    part(".w-cursor").hidden = !isShown;
    part(".w-cursor").style.left = `${100 * left}%`;
  }

  /* Where the operator runs that somebody chose. */
  function mark() {
    const band = part(".w-operator"), prefix = operator && `block${operator.stage}.attn.${operator.name} `, is = ({ at }) => at.startsWith(prefix) || at.startsWith(`backbone.${prefix}`);
    const spans = prefix ? now.spans.filter((_, i) => is(timelines.get(choice.value)[i])) : [];
    band.hidden = !spans.length;
    if (spans.length) Object.assign(band.style, { left: `${100 * spans[0][0]}%`, width: `${100 * (spans.at(-1)[1] - spans[0][0])}%` });
  }

  const under = (event) => {
    if (!timelines) return;
    const { left, width } = plot.getBoundingClientRect(), x = (event.clientX - left) / width;
    const at = now.spans.findIndex(([a, b]) => x >= a && x < b);
    if (at >= 0) point(at);
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  choice.addEventListener("input", draw);
  walk.addEventListener("input", () => point(Number(walk.value)));
  plot.addEventListener("pointermove", under);
  plot.addEventListener("pointerdown", under);
  document.addEventListener("pvtprof:operator", (event) => {
    operator = event.detail;
    if (timelines?.has(operator.variant)) choice.value = operator.variant;
    draw();
  });
  if ("follows" in place.dataset) document.addEventListener("pvtprof:work", ({ detail: { work, engine, suffix } }) => {
    if (suffix !== (place.closest("[data-suffix]")?.dataset.suffix ?? "")) return;
    timelines = new Map(data.designs.map((name) => [name, engine.timeline(work, name)]));
    blocks = engine.modelOf(work).stages.map(({ depth }) => (work.mode === "training" ? 1 : depth)); // there every block is drawn
    place.querySelector(".finding ~ .soft").textContent = data.texts[work.mode];
    const list = part(".w-alive"), isListed = work.mode !== "training"; // a step's tensors are not known one by one
    list.hidden = !isListed;
    if (isListed) list.lastElementChild.replaceChildren(...heldBy(data.designs.map((name) => [name, engine.atPeak(work, name)]), data)
      .map((text) => Object.assign(document.createElement("li"), { textContent: unbroken(text) })));
    draw();
  });
  draw();
}
