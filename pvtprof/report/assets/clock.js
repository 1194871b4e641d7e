"use strict";
/* Theory against the clock: at another setting than the run's, MACs and predicted times by the rules of
   report/sections/clock_shares.py and clock_words.py; milliseconds where one points. */
const pvtprofClock = (() => {
  const { three, milliseconds, duration, several } = pvtprofSpoken, { each } = pvtprofWhere;
  const people = (share) => pvtprofSpoken.people(share, 1);
  const FEW = 3, ABOVE = 0.1, COMMON = 2.5, STANDS_OUT = 0.03, BUSY = "the calibration was made on a busy machine";

  const isSlower = (time, macs) => time > macs + ABOVE * Math.max(1, macs);
  const of = (text, what) => (text.endsWith("x") ? `${text} ${what}` : `${text} of ${what}`); // as phrases.of
  const head = (name) => (name.startsWith("stage") ? `Attention of ${name}` : name[0].toUpperCase() + name.slice(1));

  /* The operator that is predicted to take most time beyond its MACs; none of the whole network. */
  function reason({ ops, macs, seconds }, names) {
    if (!seconds) return "";
    const whole = Object.values(seconds).reduce((a, b) => a + b, 0), own = new Map(ops.map((op) => [op.name, Number(op.macs) / Number(macs)]));
    const found = Object.entries(seconds).map(([name, taken]) => [name, taken / whole, own.get(name) ?? 0]);
    const [name, time, part] = found.reduce((most, one) => (one[1] - one[2] > most[1] - most[2] ? one : most));
    if (time - part < STANDS_OUT) return "no operator stands out";
    return `by prediction ${names[name] ?? `the operator ${name}`} takes ${people(time)} of the time and ${part ? `${people(part)} of the MACs` : "has no MACs"}`;
  }

  function shareOf(row, first, isBusy, names) {
    const macs = Number(row.macs) / Number(first.macs), time = row.predicted.seconds / first.predicted.seconds;
    const { seconds, low, high } = row.predicted, label = `${isBusy ? "about " : ""}${people(time)}`, why = isSlower(time, macs) ? reason(row, names) : "";
    const said = `${row.design}: ${of(label, "the time")}, predicted, ${of(people(macs), "the MACs")}`;
    const taken = `${milliseconds(seconds)} predicted (90 %: ${three(1e3 * low)} to ${three(1e3 * high)} ms)`;
    return { design: row.design, macs, time, label, noise: isBusy ? BUSY : "", why, macs_label: `MACs ${people(macs)}`, spoken: [said, taken, why].filter(Boolean).join("; ") };
  }

  function titleOf(name, shares, first) {
    const fastest = shares.reduce((least, one) => (one.time < least.time ? one : least));
    const said = shares.length > FEW ? [`${fastest.design}, the fastest, ${fastest.label}`] : shares.map((one) => `${one.design} ${one.label}`);
    const last = (shares.length > FEW ? fastest : shares.at(-1)).label;
    return `${head(name)}: by prediction ${several(said)}${of(last, `${first.design}'s time`).slice(last.length)} (${duration(first.predicted.seconds)}${name.startsWith("stage") ? " a module" : ""})`;
  }

  function ofNetwork(shares, whose) {
    if (shares.length > FEW) {
      const fastest = shares.reduce((least, one) => (one.time < least.time ? one : least));
      return `${fastest.design}, the fastest, takes ${of(people(fastest.time), `${whose} time`)} for ${of(people(fastest.macs), "its MACs")}`;
    }
    const [times, macs] = ["time", "macs"].map((what) => each(shares.map((one) => people(one[what])), shares.map((one) => one[what])));
    return `${several(shares.map(({ design }) => design))} ${shares.length === 1 ? "takes" : "take"} ${of(times, `${whose} time`)} for ${of(macs, "its MACs")}`;
  }

  function finding(places, first, isBusy) {
    if (isBusy) return "Predicted on a busy machine: no sentence can rest on these times.";
    const stages = places.slice(0, -1).flatMap(({ name, shares }) => shares.map((one) => ({ ...one, name }))), said = [ofNetwork(places.at(-1).shares, `${first}'s`)];
    const slow = stages.filter(({ time, macs }) => isSlower(time, macs));
    if (slow.length) {
      const worst = slow.reduce((most, one) => (one.time - one.macs > most.time - most.macs ? one : most));
      said.push(`in attention of ${worst.name}, ${worst.design} takes ${of(people(worst.time), `${first}'s time`)} for ${of(people(worst.macs), "its MACs")}`);
    } else if (stages.every(({ time, macs }) => !isSlower(macs, time))) said.push("in each stage time follows MACs within 10 points");
    return `By prediction, ${said.join("; ")}.`;
  }

  /* { title, places } of rows by place, the whole network last: [[name, [{ design, macs, ops, predicted, seconds }]]]. */
  function drawn(rows, isBusy, names) {
    const places = rows.map(([name, [first, ...others]]) => {
      const shares = others.map((row) => shareOf(row, first, isBusy, names));
      return { name, title: titleOf(name, shares, first), shares, most: Math.max(1, ...shares.flatMap(({ macs, time }) => [macs, time])) };
    });
    const common = Math.max(...places.map(({ most }) => most));
    if (common <= COMMON) for (const place of places) place.most = common;
    return { title: finding(places, rows[0][1][0].design, isBusy), places };
  }

  /* What is said of designs that do not fit. */
  const unfit = (names, memory) => (names.length ? ` ${several(names)} ${names.length > 1 ? "do" : "does"} not fit into ${memory}: no time is predicted.` : "");

  /* The rows of a setting for `drawn`, of the designs that fit; null where a kernel is not in the
     calibration, or where fewer than two fit. */
  function rowsOf({ work, all, tooLarge = [] }, designs, predict) {
    const shown = all.filter(({ variant }) => designs.includes(variant) && !tooLarge.includes(variant));
    if (shown.length < 2) return null;
    const count = shown[0].stages.length;
    const row = ({ variant, total, stages }, stage) => ({ design: variant, ...(stage ? stages[stage - 1] : total),
      predicted: predict.prediction(work, stage, variant), seconds: stage && predict.operators(work, stage, variant) });
    const rows = [...Array.from({ length: count }, (_, i) => i + 1), null]
      .map((stage) => [stage ? `stage ${stage}` : "whole network", shown.map((one) => row(one, stage))]);
    return rows.every(([, list]) => list.every(({ predicted }) => predicted)) ? rows : null;
  }

  return { drawn, rowsOf, unfit };
})();

if (typeof document !== "undefined") for (const place of document.querySelectorAll("[data-clock]")) {
  const part = (name) => place.querySelector(name), [said, frames, title, text, note] = [part(".w-said"), part(".w-frames"), part(".finding"), part(".w-how"), part("[data-measured-at]")];
  const source = part("script"), data = source && JSON.parse(source.textContent);
  const asRun = frames && { title: title.textContent, text: text.textContent, frames: [...frames.children] };
  const tracks = () => [...place.querySelectorAll(".w-track")];
  const tell = (track) => { said.textContent = track ? `${track.closest("figure").dataset.name}, ${track.getAttribute("aria-label")}` : said.dataset.hint; };

  function walk(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key], all = tracks(), next = all[all.indexOf(event.target) + step];
    if (!step || !event.target.matches(".w-track")) return;
    event.preventDefault();
    if (!next) return;
    [event.target.tabIndex, next.tabIndex] = [-1, 0];
    next.focus();
  }

  // ---- At another setting: predicted, as the template draws it

  function make(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }
  const wide = (value, most) => `width:${(100 * Math.min(value / most, 1)).toFixed(2)}%`;

  function barOf({ design, label, noise, macs_label: small, macs, time, why, spoken }, most) {
    const track = make("div", { className: "w-track", tabIndex: -1 }, make("i", { className: "w-macs", style: wide(macs, most) }),
      make("i", { className: `w-time w-predicted${noise ? " w-about" : ""}`, style: wide(time, most) }));
    track.setAttribute("role", "img");
    track.setAttribute("aria-label", spoken);
    const bar = make("div", { className: "w-bar w-against" }, make("span", { className: "w-who", textContent: design }), track,
      make("span", { className: "w-much" }, label, make("small", { textContent: small })));
    if (why) bar.append(make("span", { className: "w-why", textContent: pvtprofWhere.unbroken(why) }));
    bar.dataset.design = design;
    bar.style.setProperty("--hue", data.colors[design]);
    return bar;
  }

  function frameOf({ name, title: heading, shares, most }) {
    const figure = make("figure", { className: "w-frame" }, make("figcaption", { textContent: pvtprofWhere.unbroken(heading) }), ...shares.map((one) => barOf(one, most)));
    figure.dataset.name = name;
    figure.style.setProperty("--mark", `${100 / most}%`);
    return figure;
  }

  /* The calibration of the run, where the page has one for this setting. */
  function predictedAt(detail) {
    if (!data || typeof pvtprofPredict === "undefined") return null;
    const start = JSON.parse(document.getElementById("start").textContent), calibration = start.calibrations?.[data.calibration ?? start.calibration];
    if (!calibration) return null;
    const rows = pvtprofClock.rowsOf(detail, data.designs, pvtprofPredict(detail.engine, calibration));
    if (!rows) return null;
    const out = pvtprofClock.unfit(detail.tooLarge.filter((name) => data.designs.includes(name)), pvtprofSpoken.size(detail.memory));
    return { ...pvtprofClock.drawn(rows, calibration.doubtful, data.names), text: `${text.dataset.predicted.replace("{first}", rows[0][1][0].design)}${out}` };
  }

  function follow(detail) {
    const found = detail.isMeasured ? null : predictedAt(detail);
    title.textContent = found ? pvtprofWhere.unbroken(found.title) : asRun.title;
    title.toggleAttribute("data-measured", !found);
    text.textContent = found ? pvtprofWhere.unbroken(found.text) : asRun.text;
    frames.toggleAttribute("data-measured", !found);
    note.classList.toggle("w-over", Boolean(found));
    frames.replaceChildren(...(found ? found.places.map(frameOf) : asRun.frames));
    const all = tracks();
    if (all.length && !all.some(({ tabIndex }) => tabIndex === 0)) all[0].tabIndex = 0;
    tell(place.querySelector(".w-track:focus"));
  }

  if (said) {
    tell(null);
    place.addEventListener("keydown", walk);
    place.addEventListener("focusin", (event) => tell(event.target.closest(".w-track")));
    place.addEventListener("pointerover", (event) => tell(event.target.closest(".w-bar")?.querySelector(".w-track")));
    document.addEventListener("pvtprof:work", ({ detail }) => {
      if (detail.suffix === (place.closest("[data-suffix]")?.dataset.suffix ?? "")) follow(detail);
    });
  }
  document.addEventListener("pvtprof:operator", (event) => {
    const { stage, variant } = event.detail;
    for (const bar of place.querySelectorAll(".w-bar"))
      bar.toggleAttribute("data-chosen", bar.dataset.design === variant && bar.closest("figure").dataset.name === (stage ? `stage ${stage}` : "whole network"));
  });
}
