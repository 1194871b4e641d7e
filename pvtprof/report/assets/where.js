"use strict";
/* Where it goes: the rules of report/where.py in the browser, and the frames that follow the explorer. */
const pvtprofWhere = (() => {
  const WORDS = { macs: "MACs", moved: "bytes moved", params: "params" };
  const FEW = 3;

  const { people, short, size, several } = pvtprofSpoken;
  const unbroken = (text) => text.replaceAll(" %", "\u00a0%"); // no line ends between a number and its sign

  const owners = (names) => (names.length > FEW ? `${names.length} designs'` : several(names.map((name) => `${name}'s`)));
  function each(words, values) {
    if (new Set(words).size === 1) return words[0];
    if (words.length <= FEW) return several(words);
    const order = words.map((_, i) => i).sort((a, b) => values[a] - values[b]);
    return `${words[order[0]]} to ${words[order.at(-1)]}`;
  }

  function shares(parts, what) {
    const [[first, part, whole], ...others] = parts, head = `${people(part, whole)} of ${first}'s ${what}`;
    if (parts.length <= FEW) return several([head, ...others.map(([name, p, w]) => `${people(p, w)} of ${name}'s`)]);
    const sorted = [...others].sort((a, b) => { const d = a[1] * b[2] - b[1] * a[2]; return d < 0n ? -1 : d > 0n ? 1 : 0; });
    const ends = [sorted[0], sorted.at(-1)].map(([, p, w]) => people(p, w));
    return `${head}, ${[...new Set(ends)].join(" to ")} of the others'`;
  }

  // ---- Frames: [name, [[design, [[segment, macs, moved, params]]]]], as Python packs them

  const INDEX = { macs: 1, moved: 2, params: 3 };
  const unpacked = (frames) => frames.map(([name, bars]) => [name, bars.map(([design, segments]) =>
    [design, segments.map(([segment, ...values]) => [segment, ...values.map(BigInt)])])]);

  const memo = (f) => { const known = new Map(); return (key) => known.get(key) ?? known.set(key, f(key)).get(key); };
  const regular = memo((pattern) => new RegExp(pattern));

  function groupOf(name, groups) {
    for (const [pattern, group] of groups) {
      const found = regular(pattern).exec(name);
      if (found) return group || found[1];
    }
    return name;
  }

  function segments(ops, times, size, named, groups) {
    const found = new Map();
    for (const op of ops) {
      const name = named(op.name), values = [op.macs, size * (op.read + op.written), op.params].map((n) => times * n);
      const before = found.get(name);
      if (before) values.forEach((value, i) => { before[i + 1] += value; });
      else found.set(name, [name, ...values]);
    }
    const outside = groups.map(([, group]) => group), place = ([name]) => Math.max(0, outside.indexOf(name));
    return [...found.values()].sort((a, b) => place(a) - place(b));
  }

  /* The frames of what the explorer computed: of the designs that the run has. */
  function framesOf({ work, all, engine, program }, designs, groups) {
    const shown = all.filter(({ variant }) => designs.includes(variant)), bytes = BigInt(program.dtypes[work.dtype]);
    const stages = shown[0].stages.map((_, i) => [`stage ${i + 1}`, shown.map(({ variant, stages }) =>
      [variant, segments(stages[i].ops, BigInt(engine.place(work, i + 1, variant).blocks), bytes, (name) => name, groups)])]);
    return [...stages, ["whole network", shown.map(({ variant, total }) =>
      [variant, segments(total.ops, 1n, bytes, memo((name) => groupOf(name, groups)), groups)])]];
  }

  const sum = (list, index) => list.reduce((total, segment) => total + segment[index], 0n);
  const width = (value, most) => (Number((20000n * value + most) / (2n * most)) / 100).toFixed(2);

  function drawnBar([design, list], quantity, [total, first, most], scale) {
    const values = list.map((segment) => [segment[0], segment[INDEX[quantity]]]).filter(([, value]) => value);
    const amount = quantity === "moved" ? size(total) : short(total);
    return {
      design, label: scale === "share" ? people(total, first) : amount,
      spoken: `${design}: ${amount} ${WORDS[quantity]}, ${people(total, first)} of the first design's: ` +
        values.map(([name, value]) => `${name} ${people(value, total)}`).join(", "),
      pieces: values.map(([name, value]) => [name, value.toLocaleString("en-US"), width(value, most)]),
    };
  }

  function frameTitle(frame, frames, quantity) {
    const index = INDEX[quantity], isLast = frame === frames.at(-1), name = frame[0][0].toUpperCase() + frame[0].slice(1);
    if (isLast && frames.length === 1) return name;
    const whole = new Map(frames.at(-1)[1].map(([design, list]) => [design, sum(list, index)]));
    const parts = new Map([...whole.keys()].map((design) => [design, 0n]));
    for (const [, bars] of isLast ? frames.slice(0, -1) : [frame])
      for (const [design, list] of bars) parts.set(design, parts.get(design) + sum(list, index));
    const found = [...parts].map(([design, part]) => [design, part, whole.get(design)]);
    return `${name}:${isLast ? " attention is" : ""} ${shares(found, WORDS[quantity])}`;
  }

  function largest(design, frames, quantity, groups) {
    const index = INDEX[quantity], of = ([, bars]) => bars.find(([name]) => name === design)[1];
    const outside = frames.length > 1 ? groups.map(([, group]) => group) : null;
    const items = frames.slice(0, -1).map((frame) => [`in the attention of ${frame[0]}`, sum(of(frame), index)]);
    for (const segment of of(frames.at(-1)))
      if (!outside || outside.includes(segment[0])) items.push([outside ? `in the ${segment[0]}` : `in ${segment[0]}`, segment[index]]);
    return items.reduce((best, item) => (item[1] > best[1] ? item : best));
  }

  function finding(frames, quantity, groups) {
    const found = new Map();
    for (const [design, list] of frames.at(-1)[1]) {
      const [item, value] = largest(design, frames, quantity, groups);
      found.set(item, [...(found.get(item) ?? []), [design, value, sum(list, INDEX[quantity])]]);
    }
    const said = [...found].map(([item, list], i) => {
      const names = owners(list.map(([design]) => design));
      const parts = each(list.map(([, part, whole]) => people(part, whole)), list.map(([, part, whole]) => Number(part) / Number(whole)));
      return `${i ? `of ${names.replace(/'$/, "")} it is` : `The largest part of ${names} ${WORDS[quantity]} is`} ${item} (${parts})`;
    });
    return `${said.join("; ")}.`;
  }

  /* { title, frames: [{ title, mark, bars: [{ design, label, spoken, pieces }] }] }, as where.drawn has it. */
  function drawn(frames, quantity, scale, groups) {
    return { title: finding(frames, quantity, groups), frames: frames.map((frame) => {
      const totals = frame[1].map(([, list]) => sum(list, INDEX[quantity]));
      const most = totals.reduce((a, b) => (b > a ? b : a), 1n);
      return { title: frameTitle(frame, frames, quantity), mark: width(totals[0], most),
        bars: frame[1].map((bar, i) => drawnBar(bar, quantity, [totals[i], totals[0], scale === "own" ? totals[i] || 1n : most], scale)) };
    }) };
  }

  return { unpacked, framesOf, drawn, owners, each, unbroken, memo, regular };
})();

/* The section on the page. */
if (typeof document !== "undefined") (() => {
  const { unpacked, framesOf, drawn, unbroken } = pvtprofWhere;
  const make = (tag, className, ...children) => {
    const made = Object.assign(document.createElement(tag), { className });
    made.append(...children);
    return made;
  };

  /* As many children as there are values, each brought up to date. */
  function fill(parent, values, create, update) {
    values.forEach((value, i) => update(parent.children[i] ?? parent.appendChild(create()), value));
    while (parent.children.length > values.length) parent.lastElementChild.remove();
  }

  function section(place) {
    const data = JSON.parse(place.querySelector("script").textContent), frames = place.querySelector(".w-frames");
    const form = place.querySelector(".w-switches"), said = place.querySelector(".w-said"), title = place.querySelector(".finding");
    const designs = [...frames.firstElementChild.querySelectorAll(".w-bar")].map((bar) => bar.dataset.design);
    const hues = Object.fromEntries([...frames.querySelectorAll(".w-bar")].map((bar) => [bar.dataset.design, bar.style.getPropertyValue("--hue")]));
    let shown = unpacked(data.frames), chosen = null; // none where the explorer will say them

    const words = (piece) => {
      const bar = piece.closest(".w-bar"), frame = piece.closest("figure").dataset.name;
      return `${frame}, ${bar.dataset.design}: ${piece.dataset.n}${data.words[piece.dataset.n] ? ` (${data.words[piece.dataset.n]})` : ""}, ${piece.dataset.v} ${form.elements.quantity.selectedOptions[0].textContent}`;
    };
    const tell = (piece) => { said.textContent = piece ? words(piece) : said.dataset.hint; };

    /* One stop for Tab; arrows walk from piece to piece, and from bar to bar. */
    const pieces = () => [...frames.querySelectorAll(".w-track i")];
    function point(piece, focus) {
      for (const one of frames.querySelectorAll(".w-track i[tabindex]")) one.tabIndex = -1;
      piece.tabIndex = 0;
      if (focus) piece.focus();
    }
    function walk(event) {
      const piece = event.target.closest(".w-track i"), all = [...frames.querySelectorAll(".w-bar")];
      if (!piece) return;
      const row = [...piece.parentElement.children], bar = all.indexOf(piece.closest(".w-bar")), at = row.indexOf(piece);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], jump = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const other = jump && all[bar + jump]?.querySelectorAll(".w-track i");
      const next = step ? row[at + step] : other ? other[Math.min(at, other.length - 1)] : null;
      if (event.key === "Enter" || event.key === " ") choose(piece);
      else if (!step && !jump) return;
      if (next) point(next, true);
      event.preventDefault();
    }
    function choose(piece) {
      const stage = /^stage (\d+)$/.exec(piece.closest("figure").dataset.name), variant = piece.closest(".w-bar").dataset.design;
      document.dispatchEvent(new CustomEvent("pvtprof:operator", { detail: { stage: stage ? Number(stage[1]) : null, variant, name: piece.dataset.n } }));
    }
    function mark() {
      for (const piece of pieces()) {
        const stage = piece.closest("figure").dataset.name;
        const is = chosen && piece.dataset.n === chosen.name && (!chosen.stage || stage === `stage ${chosen.stage}`) &&
          (!chosen.variant || piece.closest(".w-bar").dataset.design === chosen.variant);
        piece.toggleAttribute("data-chosen", Boolean(is));
      }
    }

    function updatePiece(piece, [name, exact, width]) {
      Object.assign(piece.dataset, { n: name, v: exact });
      piece.style.width = `${width}%`;
      piece.style.setProperty("--t", data.shades[name] ?? 0.5);
      piece.setAttribute("aria-label", `${name} ${exact}`);
      piece.setAttribute("role", "option");
      if (!piece.hasAttribute("tabindex")) piece.tabIndex = -1;
    }
    function updateBar(bar, one) {
      bar.dataset.design = one.design;
      bar.style.setProperty("--hue", hues[one.design]);
      const [who, track, much] = bar.children;
      [who.textContent, much.textContent] = [one.design, one.label];
      track.setAttribute("role", "listbox");
      track.setAttribute("aria-label", one.spoken);
      fill(track, one.pieces, () => make("i", ""), updatePiece);
    }
    const createBar = () => make("div", "w-bar", make("span", "w-who"), make("div", "w-track"), make("b", "w-much"));
    const createFrame = () => make("figure", "w-frame", make("figcaption", ""), make("div", "w-bars"));

    function draw() {
      if (!shown.length) return;
      if (form.hidden) tell(null);
      form.hidden = false;
      const now = drawn(shown, form.elements.quantity.value, form.elements.scale.value, data.groups);
      title.textContent = unbroken(now.title);
      fill(frames, now.frames, createFrame, (figure, frame) => {
        figure.dataset.name = shown[now.frames.indexOf(frame)][0];
        figure.style.setProperty("--mark", `${frame.mark}%`);
        figure.firstElementChild.textContent = unbroken(frame.title);
        fill(figure.querySelector(".w-bars"), frame.bars, createBar, updateBar);
      });
      if (!frames.querySelector('i[tabindex="0"]')) point(pieces()[0]);
      frames.toggleAttribute("data-share", form.elements.scale.value === "share");
      mark();
      tell(frames.querySelector("i:focus"));
    }

    form.addEventListener("input", draw);
    form.addEventListener("submit", (event) => event.preventDefault());
    frames.addEventListener("keydown", walk);
    frames.addEventListener("pointerover", (event) => tell(event.target.closest(".w-track i")));
    frames.addEventListener("pointerleave", () => tell(frames.querySelector("i:focus")));
    frames.addEventListener("focusin", (event) => tell(event.target.closest(".w-track i")));
    frames.addEventListener("click", (event) => {
      const piece = event.target.closest(".w-track i");
      if (piece) { point(piece); choose(piece); }
    });
    document.addEventListener("pvtprof:operator", (event) => { chosen = event.detail; mark(); });
    if ("follows" in place.dataset) document.addEventListener("pvtprof:work", (event) => {
      if (event.detail.suffix !== (place.closest("[data-suffix]")?.dataset.suffix ?? "")) return;
      shown = framesOf(event.detail, designs, data.groups);
      draw();
    });
    draw();
  }
  document.querySelectorAll("[data-where]").forEach(section);
})();
