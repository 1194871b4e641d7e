"use strict";
/* Where it goes: the rules of report/sections/bars_drawn.py and bars_time_drawn.py in the browser, and the frames that
   follow the explorer. */
const pvtprofWhere = (() => {
  const WORDS = { macs: "MACs", moved: "bytes moved", params: "params" };
  const FEW = 3;

  const { integer, people, short, size, several, duration, milliseconds, fixed } = pvtprofSpoken;
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
      design, kind: "", label: scale === "share" ? people(total, first) : amount,
      spoken: `${design}: ${amount} ${WORDS[quantity]}, ${people(total, first)} of the first design's: ` +
        values.map(([name, value]) => `${name} ${people(value, total)}`).join(", "),
      pieces: values.map(([name, value]) => [name, integer(value), width(value, most)]),
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
    return `${head(saidLargest(found, WORDS[quantity]))}.`;
  }

  const head = (text) => text[0].toUpperCase() + text.slice(1);
  const saidLargest = (found, what) => [...found].map(([item, list], i) => {
    const names = owners(list.map(([design]) => design));
    const parts = each(list.map(([, part, whole]) => people(part, whole)), list.map(([, part, whole]) => Number(part) / Number(whole)));
    return `${i ? `of ${names.replace(/'$/, "")} it is` : `the largest part of ${names} ${what} is`} ${item} (${parts})`;
  }).join("; ");

  /* { title, frames: [{ title, mark, bars: [{ design, label, spoken, pieces }] }] }, as where.drawn has it. */
  function drawn(frames, quantity, scale, groups) {
    return { title: finding(frames, quantity, groups), frames: frames.map((frame) => {
      const totals = frame[1].map(([, list]) => sum(list, INDEX[quantity]));
      const most = totals.reduce((a, b) => (b > a ? b : a), 1n);
      return { title: frameTitle(frame, frames, quantity), mark: width(totals[0], most),
        bars: frame[1].map((bar, i) => drawnBar(bar, quantity, [totals[i], totals[0], scale === "own" ? totals[i] || 1n : most], scale)) };
    }) };
  }

  // ---- Time: [name, [[design, kind, noise, [[segment, seconds]]]]], as report/sections/bars_time.py packs them

  const [SURE, ABOUT, NOISY] = [0, 1, 2], [REST, ALL, NOT_TIMED, TOO_NOISY] = ["not attention", "all operators", "not timed", "too noisy"];
  const PREDICTED = "predicted", NO_FIT = "does not fit", BUSY = "Predicted on a busy machine: no sentence can rest on these times.";
  const NO_WORD = "The times of this run are too noisy to say where they go.";
  const added = (values) => values.reduce((total, one) => total + one, 0);
  const taken = ([, , , list]) => added(list.map(([, seconds]) => seconds));
  const isSure = ([, , noise, list]) => list.length > 0 && noise === SURE;
  const by = ([, kind]) => (kind === PREDICTED ? "by prediction " : "");
  const firstTimed = (bars) => bars.find(([, , , list]) => list.length) ?? bars[0]; // it is 100 %
  const largestOf = (list, value) => list.reduce((most, one) => (value(one) > value(most) ? one : most));

  /* What is predicted of the explorer's setting; null where a kernel is not in the calibration. */
  function timesOf({ work, all, engine, tooLarge = [] }, designs, groups, predict) {
    const shown = all.filter(({ variant }) => designs.includes(variant)), noise = predict.doubtful ? ABOUT : SURE;
    const outside = groups.map(([, group]) => group), place = ([name]) => Math.max(0, outside.indexOf(name));
    const group = memo((name) => groupOf(name, groups));
    function bar(variant, stage) {
      if (tooLarge.includes(variant)) return [variant, NO_FIT, SURE, []];
      const seconds = predict.operators(work, stage, variant), found = new Map();
      if (!seconds) return null;
      const times = stage ? engine.place(work, stage, variant).blocks : 1;
      for (const [name, one] of Object.entries(seconds)) {
        const segment = stage ? name : group(name);
        found.set(segment, (found.get(segment) ?? 0) + times * one);
      }
      return [variant, PREDICTED, noise, [...found].sort((a, b) => place(a) - place(b))];
    }
    const frames = [...shown[0].stages.map((_, i) => i + 1), null].map((stage) =>
      [stage ? `stage ${stage}` : "whole network", shown.map(({ variant }) => bar(variant, stage))]);
    return frames.every(([, bars]) => bars.every(Boolean)) && frames[0][1].some(([, , , list]) => list.length) ? frames : null;
  }

  const saidTime = (bar) => (bar[2] === NOISY ? TOO_NOISY : `${bar[2] === ABOUT ? "about " : ""}${duration(taken(bar))}`);
  const wide = (value, most) => fixed(100 * value / most, 2);

  function shareOf(bar, first) {
    if (!first[3].length) return "-";
    if (bar[2] === NOISY || first[2] === NOISY) return TOO_NOISY;
    return `${isSure(bar) && isSure(first) ? "" : "about "}${people(taken(bar), taken(first))}`;
  }

  function drawnTime(bar, first, most, scale) {
    const [design, kind, , list] = bar;
    if (!list.length) return { design, kind: "", label: kind || NOT_TIMED, spoken: `${design}: ${kind || NOT_TIMED}`, pieces: [] };
    const total = taken(bar), share = shareOf(bar, first), parts = list.map(([name, seconds]) => `${name} ${people(seconds, total)}`);
    return {
      design, kind, label: scale === "share" ? share : saidTime(bar),
      spoken: `${design}: ${saidTime(bar)} ${kind}${/^[0-9]/.test(share) ? `, ${share.endsWith("x") ? `${share} ${first[0]}'s` : `${share} of ${first[0]}'s`}` : ""}: ${parts.join(", ")}`,
      pieces: list.map(([name, seconds]) => [name, milliseconds(seconds), wide(seconds, most)]),
    };
  }

  function nothing(bars) {
    const known = bars.find(([, , , list]) => list.length);
    if (!known) return NOT_TIMED;
    return known[1] === PREDICTED ? "predicted on a busy machine" : "too noisy to say";
  }

  /* [[design, operators]] as the largest operator of each, the largest share first. */
  function largestOperators(many, what, operators) {
    const found = many.map(([design, list]) => [design, ...largestOf(list, ([, seconds]) => seconds), added(list.map(([, seconds]) => seconds))]);
    found.sort((a, b) => b[2] / b[3] - a[2] / a[3]);
    const grouped = new Map();
    for (const [design, name, most, whole] of found.slice(0, found.length > FEW ? 1 : undefined))
      grouped.set(name, [...(grouped.get(name) ?? []), [design, most, whole]]);
    return [...grouped].map(([name, those], i) => {
      const shares = each(those.map(([, most, whole]) => people(most, whole)), those.map(([, most, whole]) => most / whole));
      return `${operators[name] ?? `the operator ${name}`} ${i ? "" : "takes "}${shares} of ${owners(those.map(([design]) => design))}${i ? "" : ` ${what}`}`;
    }).join(", ");
  }

  const isOutside = (name, groups) => name === REST || groups.some(([, group]) => group && group === name);

  function timeTitle(frame, frames, groups, operators) {
    const sure = frame[1].filter(isSure);
    if (frame !== frames.at(-1))
      return sure.length ? `${by(sure[0])}${largestOperators(sure.map(([design, , , list]) => [design, list]), "time", operators)}` : nothing(frame[1]);
    const parts = sure.map((bar) => [bar[0], added(bar[3].filter(([name]) => name !== ALL && !isOutside(name, groups)).map(([, seconds]) => seconds)), taken(bar)]);
    const known = parts.filter(([, part]) => part);
    if (!known.length) return parts.length ? "attention cannot be told from the rest" : nothing(frame[1]);
    return `${by(sure[0])}attention is ${shares(known, "time")}`;
  }

  function largestParts(frames, designs, groups) {
    const largest = new Map(), of = ([, bars], design) => bars.find(([name]) => name === design);
    for (const design of designs) {
      const network = of(frames.at(-1), design);
      if (!isSure(network) || network[3][0][0] === ALL) continue;
      const items = frames.slice(0, -1).map((frame) => [`in the attention of ${frame[0]}`, taken(of(frame, design))]);
      for (const [name, seconds] of network[3])
        if (isOutside(name, groups)) items.push([name === REST ? "outside of attention" : `in the ${name}`, seconds]);
      const [item, value] = largestOf(items, ([, seconds]) => seconds);
      largest.set(item, [...(largest.get(item) ?? []), [design, value, taken(network)]]);
    }
    return saidLargest(largest, "time");
  }

  function timeFinding(frames, groups, operators) {
    const stages = frames.slice(0, -1), of = ([, bars], design) => bars.find(([name]) => name === design);
    const sure = frames.at(-1)[1].map(([design]) => design).filter((design) => stages.every((frame) => isSure(of(frame, design))));
    if (!sure.length) {
      const known = frames.flatMap(([, bars]) => bars).find(([, , , list]) => list.length);
      return known[1] === PREDICTED ? BUSY : NO_WORD;
    }
    const before = by(of(frames[0], sure[0])), whole = largestParts(frames, sure, groups);
    const summed = (design) => {
      const found = new Map();
      for (const frame of stages) for (const [name, seconds] of of(frame, design)[3]) found.set(name, (found.get(name) ?? 0) + seconds);
      return [...found];
    };
    const inside = largestOperators(sure.map((design) => [design, summed(design)]), "attention time", operators);
    return [...(whole ? [`${before}${whole}`] : []), `${whole ? "" : before}${inside}`].map((text) => `${head(text)}.`).join(" ");
  }

  /* As `drawn`, of seconds. */
  function drawnTimes(frames, scale, groups, operators) {
    return { title: timeFinding(frames, groups, operators), frames: frames.map((frame) => {
      const [name, bars] = frame, totals = bars.map(taken), most = Math.max(...totals) || 1, first = firstTimed(bars);
      return { title: `${head(name)}: ${timeTitle(frame, frames, groups, operators)}`, mark: wide(taken(first), most),
        bars: bars.map((bar, i) => drawnTime(bar, first, scale === "own" ? totals[i] || 1 : most, scale)) };
    }) };
  }

  return { unpacked, framesOf, drawn, timesOf, drawnTimes, firstTimed, owners, each, unbroken, memo, regular };
})();

/* The section on the page. */
if (typeof document !== "undefined") (() => {
  const { unpacked, framesOf, drawn, timesOf, drawnTimes, firstTimed, unbroken } = pvtprofWhere;
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

  /* What predicts with a calibration of the page; null where it has none. */
  function predictor(name, engine) {
    const start = document.getElementById("start"), found = name && start && JSON.parse(start.textContent).calibrations[name];
    return found ? pvtprofPredict(engine, found) : null;
  }

  function section(place) {
    const data = JSON.parse(place.querySelector("script").textContent), frames = place.querySelector(".w-frames");
    const form = place.querySelector(".w-switches"), said = place.querySelector(".w-said"), title = place.querySelector(".finding");
    const designs = [...frames.firstElementChild.querySelectorAll(".w-bar")].map((bar) => bar.dataset.design);
    const hues = Object.fromEntries([...frames.querySelectorAll(".w-bar")].map((bar) => [bar.dataset.design, bar.style.getPropertyValue("--hue")]));
    const stale = place.querySelector(".w-stale"), asShare = form.elements.scale.querySelector("[value=share]")?.textContent;
    let shown = unpacked(data.frames), chosen = null; // none where the explorer will say them
    let times = data.time, isOfRun = true, predict; // the run's own, until another setting is predicted

    const unit = (piece) => (form.elements.quantity.value === "time" ? piece.closest(".w-bar").dataset.kind : form.elements.quantity.selectedOptions[0].textContent);
    const words = (piece) => {
      const bar = piece.closest(".w-bar"), frame = piece.closest("figure").dataset.name;
      return `${frame}, ${bar.dataset.design}: ${piece.dataset.n}${data.words[piece.dataset.n] ? ` (${data.words[piece.dataset.n]})` : ""}, ${piece.dataset.v} ${unit(piece)}`;
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
      Object.assign(bar.dataset, { design: one.design, kind: one.kind });
      bar.classList.toggle("w-predicted", one.kind === "predicted");
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
      const quantity = form.elements.quantity.value, isTime = quantity === "time", source = isTime ? times : shown;
      if (!source.length) return;
      if (form.hidden) tell(null);
      form.hidden = false;
      const now = isTime ? drawnTimes(times, form.elements.scale.value, data.groups, data.operators)
        : drawn(shown, quantity, form.elements.scale.value, data.groups);
      frames.toggleAttribute("data-measured", isTime && isOfRun);
      title.toggleAttribute("data-measured", isTime && isOfRun);
      const share = form.elements.scale.querySelector("[value=share]"), [first] = isTime ? firstTimed(times.at(-1)[1]) : designs;
      if (share) share.textContent = asShare.replace(designs[0], first);
      stale?.classList.toggle("w-over", !(isTime && isOfRun));
      title.textContent = unbroken(now.title);
      fill(frames, now.frames, createFrame, (figure, frame) => {
        figure.dataset.name = source[now.frames.indexOf(frame)][0];
        figure.style.setProperty("--mark", `${frame.mark}%`);
        figure.firstElementChild.textContent = unbroken(frame.title);
        fill(figure.querySelector(".w-bars"), frame.bars, createBar, updateBar);
      });
      if (!frames.querySelector('i[tabindex="0"]') && pieces().length) point(pieces()[0]);
      frames.toggleAttribute("data-share", form.elements.scale.value === "share");
      mark();
      tell(frames.querySelector("i:focus"));
    }

    /* The run's own times in its own setting; elsewhere predicted ones, where they can be. */
    function follow(detail) {
      if (predict === undefined) predict = predictor(data.calibration, detail.engine);
      const predicted = !detail.isMeasured && predict ? timesOf(detail, designs, data.groups, predict) : null;
      [times, isOfRun] = predicted ? [predicted, false] : [data.time, true];
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
      follow(event.detail);
      draw();
    });
    draw();
  }
  document.querySelectorAll("[data-where]").forEach(section);
})();
