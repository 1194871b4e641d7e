"use strict";
/* The sentences of the answer, by the rules of Python's report/answer/choice.py and answer_words.py, for
   what the page computes at another setting. Tests hold the two together. MACs, params and bytes are
   BigInt; a time is { middle, low, high, carries, is_predicted, is_extrapolated } in seconds, or null. */
const pvtprofAnswer = (rules) => {
  const { macs_apart: apart, peak_apart: peakApart, much, worth, points, short: shortNames, largest } = rules;

  const { people, short, size, duration, several } = pvtprofSpoken;
  const share = (part, whole, what) => {
    const ratio = people(part, whole);
    return ratio.endsWith("x") ? `${ratio} ${what}` : `${ratio} of ${what}`;
  };

  // ---- Times and the choice

  function relation(mine, theirs) {
    if (!mine?.carries || !theirs?.carries || mine.is_predicted !== theirs.is_predicted) return null;
    if (mine.high < theirs.low) return "faster";
    return mine.low > theirs.high ? "slower" : "equal";
  }

  const distinct = (found) => found.filter((one, i) => found.findIndex((other) => other.runs === one.runs) === i);
  const fitting = (found) => (found.some((one) => one.fits) ? found.filter((one) => one.fits) : found);
  const least = (those, ...figures) => those.reduce((best, one) => {
    const differing = figures.find((figure) => figure(one) !== figure(best));
    return differing && differing(one) < differing(best) ? one : best;
  });

  function preferred(equal) {
    const lowest = least(equal, (one) => one.peak).peak;
    const known = equal.filter((one) => one.published && 100n * one.peak <= BigInt(100 + peakApart) * lowest);
    return least(known.length ? known : equal, (one) => one.peak, (one) => one.macs, (one) => one.params);
  }

  function chosen(found) {
    const those = distinct(found), timed = those.filter((one) => one.time || !one.not_run);
    let equal, ground = "macs";
    if (timed.length && timed.every((one) => one.time?.carries)) {
      equal = timed.filter((one) => timed.every((other) => relation(one.time, other.time) !== "slower"));
      ground = timed.some((one) => one.time.is_predicted) ? "predicted" : "time";
    } else {
      const fewest = least(fitting(those), (one) => one.macs).macs;
      equal = fitting(those).filter((one) => 100n * one.macs <= BigInt(100 + apart) * fewest);
    }
    const design = preferred(equal);
    return { design, ground, rivals: equal.filter((one) => one !== design) };
  }

  function mix(found) {
    const those = fitting(distinct(found));
    if (those.length < 2 || those.some((one) => !one.stages.length)) return null;
    if (those.every((one) => !one.time))
      return made(those, least(those, (one) => one.macs), (stage) => stage.macs, (one, than) => one.macs < than.macs, false);
    const timed = those.filter((one) => one.time?.carries);
    if (!timed.length || timed.length < those.filter((one) => !one.not_run).length) return null;
    if (timed.some((one) => one.stages.some((stage) => !stage.time))) return null;
    const base = least(timed, (one) => one.time.middle);
    return made(timed, base, (stage) => stage.time.middle, (one, than) => relation(one.time, than.time) === "faster", true);
  }

  function made(those, base, cost, better, isTime) {
    let saved = isTime ? 0 : 0n;
    const stages = base.stages.map((own, i) => {
      const taken = those.map((one) => one.stages[i]).filter((other) => other.runs !== own.runs && better(other, own));
      const best = taken.length ? least(taken, cost) : own;
      saved += (isTime ? own.blocks : BigInt(own.blocks)) * (cost(own) - cost(best));
      return best;
    });
    const whole = isTime ? base.time.middle : base.macs;
    if ((isTime ? worth : BigInt(worth)) * saved < whole || saved >= whole) return null;
    return { variants: stages.map((stage) => stage.variant), base, whole, cost: whole - saved, isTime };
  }

  // ---- Sentences

  const nameOf = (one) => (one.name === "mha" ? "plain attention" : one.name);
  const within = (one) => (one.time?.is_predicted ? "the prediction's error" : "the noise");

  function finding(found, { design: best, ground }) {
    const those = distinct(found), first = found[0];
    if (those.length === 1) return alone(found);
    const others = those.filter((one) => one !== best && one !== first);
    if (best.runs === first.runs)
      return `${nameOf(first)} is the choice: ${others.map((one, i) => costs(one, first, nameOf(first), !i)).join("; ")}.`;
    return `${[costs(best, first, nameOf(first)), ...others.map((one) => beside(one, first, best))].join("; ")}.`;
  }

  function alone([one, ...same]) {
    let text = `${nameOf(one)} costs ${short(one.macs)} MACs, ${short(one.params)} parameters and ${size(one.peak)} of memory`;
    if (one.time?.carries)
      text += `, and ${one.time.is_predicted ? "is predicted to take" : "takes"} ${duration(one.time.middle)}`;
    if (!one.fits) text += `, and ${one.not_run}`;
    if (same.length) text += `; ${same.map(nameOf).join(" and ")} ${same.length === 1 ? "is" : "are"} the same here`;
    return `${text}.`;
  }

  function costs(one, other, name, isFirst = true) {
    const parts = [share(one.macs, other.macs, `${isFirst ? `${name}'s` : "its"} MACs`), share(one.peak, other.peak, "its memory")];
    const said = relation(one.time, other.time);
    if (!said) return `${nameOf(one)} costs ${parts.join(" and ")}${untold(one, other)}`;
    if (said === "equal") return `${nameOf(one)} costs ${parts.join(" and ")}, and is as fast within ${within(one)}`;
    const ratio = share(one.time.middle, other.time.middle, "its time");
    return `${nameOf(one)} costs ${parts.join(", ")} and ${one.time.is_predicted ? "a predicted " : ""}${ratio}`;
  }

  function untold(one, other) {
    const large = [one, other].filter((its) => !its.fits);
    if (large.length)
      return ` (${several(large.map(nameOf))} ${large.length > 1 ? large[0].not_run.replace("does", "do") : large[0].not_run})`;
    if (!one.time && !other.time) return "";
    const lost = [one, other].find((its) => !its.time && its.not_run);
    if (lost) return ` (${nameOf(lost)} was not timed: ${lost.not_run})`;
    return one.time?.is_predicted ? "; the predicted times cannot be trusted" : "; their times are too noisy to compare";
  }

  function beside(one, first, best) {
    const said = relation(one.time, best.time);
    if (!one.fits && best.fits) return `${nameOf(one)} ${one.not_run}`;
    if (said === "equal") return `${nameOf(one)} is as fast within ${within(one)}`;
    if (said)
      return `${nameOf(one)} ${one.time.is_predicted ? "is predicted to take" : "takes"} ` +
        share(one.time.middle, best.time.middle, `${nameOf(best)}'s time`);
    return `${nameOf(one)} costs ${share(one.macs, first.macs, "the MACs")}`;
  }

  function advice(found, choice) {
    if (distinct(found).length === 1) return "";
    const asked = several(price(distinct(found), choice.design));
    return `Take ${nameOf(choice.design)}: ${reason(choice)}. ${asked ? `Price: ${asked}.` : "No other is cheaper in any figure."}`;
  }

  function reason({ design: best, rivals, ground }) {
    const none = best.fits ? "" : "none fits, and ";
    if (!rivals.length)
      return {
        time: "it takes the least time", predicted: `the least time is predicted for it${bounds(best)}`,
        macs: `${none}it needs the fewest MACs`,
      }[ground];
    const why = {
      time: "none is faster beyond the noise", predicted: `none is faster beyond the prediction's error${bounds(best)}`,
      macs: `${none}its MACs are within ${apart} % of the fewest`,
    }[ground];
    if (best.published && !rivals.some((one) => one.published)) return `${why}, and its accuracy is known`;
    for (const [name, figure] of [["memory", "peak"], ["MACs", "macs"], ["parameters", "params"]])
      if (rivals.every((one) => best[figure] < one[figure]))
        return `${why}, and of ${ground === "macs" ? "those" : "the fastest"} it needs the ${name === "memory" ? "least" : "fewest"} ${name}`;
    return why;
  }

  /* Within which interval its time is predicted, and whether beyond what was measured. */
  function bounds({ time }) {
    if (!time?.is_predicted || time.low === null || time.high === null) return "";
    const far = time.is_extrapolated ? `; extrapolated: measured on images of at most ${largest} pixels` : "";
    return ` (90 % interval ${duration(time.low)} to ${duration(time.high)}${far})`;
  }

  function price(those, best) {
    const said = [];
    for (const [what, figure] of [["MACs", "macs"], ["parameters", "params"], ["memory", "peak"]]) {
      const lowest = least(those, (one) => one[figure]), mine = best[figure], theirs = lowest[figure];
      if (100n * mine <= BigInt(100 + much) * theirs) continue;
      said.push(mine >= 2n * theirs ? `${people(mine, theirs)} ${nameOf(lowest)}'s ${what}`
        : `${people(mine - theirs, theirs)} more ${what} than ${nameOf(lowest)}`);
    }
    if (best.stages.length && !best.published) said.push("an unknown accuracy");
    return said;
  }

  const sum = (values, zero) => values.reduce((total, value) => total + value, zero);
  const attentionMacs = (one) => sum(one.stages.map((stage) => BigInt(stage.blocks) * stage.macs), 0n);

  function attention(found, best, rest) {
    if (!best.stages.length) return "";
    let text = `Attention with its projections is ${share(attentionMacs(best), best.macs, `${nameOf(best)}'s MACs`)}`;
    const times = attentionTime(best);
    if (times) text += ` and ${share(...times, "its time")}`;
    const many = distinct(found).length, words = { 2: "both", 3: "all three", 4: "all four" };
    return `${text}; the rest is ${rest}${many > 1 ? `, the same in ${words[many] ?? "all"} designs` : ""}.`;
  }

  function mixed(better) {
    if (!better) return "";
    const names = better.variants.map((variant) => shortNames[variant] ?? variant).join(", ");
    const less = `${people(better.whole - better.cost, better.whole)} less than ${nameOf(better.base)}'s`;
    if (!better.isTime)
      return `A mix needs fewer MACs: ${names} (${short(better.cost)}, ${less} ${short(better.whole)}, computed).`;
    const how = `${better.base.time.is_predicted ? "predicted" : "computed"}, not measured`;
    const isBeyond = better.cost < better.base.time.low;
    const within = better.base.time.is_predicted ? "error" : "noise";
    return `A mix${isBeyond ? " may be faster" : `, within the ${within}`}: ${names} (${duration(better.cost)}, ${less} ${duration(better.whole)}, ${how}).`;
  }

  function computedSo(better) {
    if (!better) return "";
    return `Computed as the ${better.isTime ? "time" : "MACs"} of ${nameOf(better.base)} with stages exchanged: ask for it with`;
  }

  /* [weight, text] of each surprise of a kind; the heaviest of the first kind that there is. */
  const SURPRISES = [
    (one, first, pairs) => [[null, one, first], ...pairs].filter(([, mine, theirs]) => relation(mine.time, theirs.time) === "slower")
      .map(([number, mine, theirs]) => [
        (number ? mine.blocks : 1) * (mine.time.middle - theirs.time.middle),
        `${number ? `Attention of stage ${number}: ` : ""}${nameOf(one)} has ${share(mine.macs, theirs.macs, `${nameOf(first)}'s MACs`)} ` +
        `${mine.macs < theirs.macs ? "but" : "and"} ${mine.time.is_predicted ? "a predicted " : ""}` +
        `${share(mine.time.middle, theirs.time.middle, "its time")}.`]),
    (one, first, pairs) => pairs.filter(([, mine, theirs]) => mine.macs > theirs.macs).map(([number, mine, theirs]) => [
      BigInt(mine.blocks) * (mine.macs - theirs.macs),
      `Attention of stage ${number}: ${nameOf(one)} has ${share(mine.macs, theirs.macs, `${nameOf(first)}'s MACs`)}.`]),
    (one, first) => (relation(one.time, first.time) === "equal" && 10n * one.macs <= 9n * first.macs ? [[
      Number(first.macs) / Number(one.macs),
      `${nameOf(one)} has ${share(one.macs, first.macs, `${nameOf(first)}'s MACs`)} but is no faster beyond ${within(one)}.`]] : []),
    (one, first) => {
      if (relation(one.time, first.time) !== "faster") return [];
      const gap = 100 * (one.time.middle / first.time.middle - Number(one.macs) / Number(first.macs));
      return gap < points ? [] : [[gap,
        `${nameOf(one)} saves less time than MACs: ${share(one.macs, first.macs, `${nameOf(first)}'s MACs`)}, ` +
        `${one.time.is_predicted ? "a predicted " : ""}${share(one.time.middle, first.time.middle, "its time")}.`]];
    },
    (one, first, pairs) => pairs.filter(([, mine, theirs]) => theirs.params && mine.params >= 2n * theirs.params)
      .map(([number, mine, theirs]) => [Number(mine.params) / Number(theirs.params),
        `Attention of stage ${number}: ${nameOf(one)}'s reduction needs ${share(mine.params, theirs.params, `${nameOf(first)}'s parameters`)}.`]),
  ];

  function surprise(found) {
    const [first, ...others] = distinct(found);
    const pairs = (one) => one.stages.map((mine, i) => [mine.number, mine, first.stages[i]])
      .filter(([, mine, theirs]) => theirs && mine.runs !== theirs.runs);
    for (const kind of SURPRISES) {
      const ranked = others.flatMap((one) => kind(one, first, pairs(one)));
      if (ranked.length)
        return ranked.reduce((a, b) => (b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a))[1];
    }
    return "";
  }

  /* All sentences of some designs; `rest`: what of the network is no attention. */
  function said(found, rest) {
    const choice = chosen(found), better = mix(found);
    return {
      finding: finding(found, choice), advice: advice(found, choice), mix: mixed(better), computed_so: computedSo(better),
      option: better ? `--design ${better.variants.join(",")}` : "",
      attention: attention(found, choice.design, rest), surprise: surprise(found), chosen: choice.design.name,
    };
  }

  /* Which designs no other is faster than for certain: none where times do not tell. */
  function fastest(found) {
    const { design, ground, rivals } = chosen(found), those = new Set([design, ...rivals].map((one) => one.runs));
    const isTold = ground !== "macs" && distinct(found).length > those.size;
    return found.map((one) => isTold && those.has(one.runs));
  }

  /* The seconds of attention and of the whole, where both are known well enough. */
  function attentionTime(one) {
    if (!one.time?.carries || !one.stages.length || !one.stages.every((stage) => stage.time?.carries)) return null;
    const seconds = sum(one.stages.map((stage) => stage.blocks * stage.time.middle), 0);
    return seconds > one.time.middle ? null : [seconds, one.time.middle];
  }

  /* A time against that of the first design, in a table. */
  function against(one, first) {
    if (one.runs === first.runs) return "same";
    const found = relation(one.time, first.time);
    return found === "equal" ? found : found ? people(one.time.middle, first.time.middle) : "";
  }

  return { said, attentionMacs, attentionTime, against, fastest };
};

/* The section: at another setting than the run's, sentences and computed lines are those of the bar. */
(() => {
  const places = document.querySelectorAll("[data-answer]");
  const SAID = ["finding", "advice", "mix", "computed_so", "option", "attention", "surprise", "accuracy"];

  function section(place) {
    const data = JSON.parse(place.querySelector("[data-answer-data]").textContent);
    const { people, short, size, duration, unbroken, several } = pvtprofSpoken;
    const rules = pvtprofAnswer(data.rules), table = place.querySelector(".versus");
    const said = (name) => place.querySelector(`[data-said="${name}"]`);
    const own = { table: table.innerHTML, ...Object.fromEntries(SAID.map((name) => [name, said(name).textContent])) };
    let isOwn = true, predict = null;

    /* What is predicted of a design or of a stage, as a time; null where there is no calibration for it. */
    function time(work, stage, variant) {
      const found = predict?.prediction(work, stage, variant);
      return found ? { middle: found.seconds, low: found.low, high: found.high, carries: !predict.isDoubtful, is_predicted: true,
        is_extrapolated: Math.max(work.height, work.width) > data.rules.largest } : null;
    }

    function predictor(engine) {
      const start = JSON.parse(document.getElementById("start").textContent), calibration = start.calibrations?.[data.calibration];
      if (!calibration || typeof pvtprofPredict === "undefined") return null;
      return { ...pvtprofPredict(engine, calibration), isDoubtful: Boolean(calibration.doubtful) };
    }

    /* The published model that a design is, as [name, top-1]: with its own R, or its own pool size. */
    function published({ work, engine }, variant) {
      const model = engine.modelOf(work), known = data.known[work.model]?.[variant];
      if (!known || (work.named ?? work.model) !== work.model) return null;
      const { keys } = data, isUsual = keys[variant] === "convolved" ? work.ratios.join() === model.sr_ratios.join()
        : keys[variant] !== "pooled" || work.pool === (model.pool_size ?? 7);
      return isUsual ? known : null;
    }

    function facts(detail) {
      const { work, all, engine, memory } = detail;
      return all.map(({ variant, total, stages }) => {
        const fits = !data.knows_memory || engine.needs(work, variant) <= memory;
        const made = stages.map((stage, i) => {
          const { runsAs, blocks } = engine.place(work, i + 1, variant);
          const runs = `${runsAs} ${data.keys[runsAs] === "convolved" ? work.ratios[i] : 1}`;
          return { number: i + 1, runs, variant: runsAs, blocks, macs: stage.macs, params: stage.params, time: fits ? time(work, i + 1, variant) : null };
        });
        return { name: variant, runs: [...made.map((stage) => stage.runs), total.macs, total.params].join(), macs: total.macs,
          params: total.params, peak: total.peak.bytes, at: total.peak.at, stages: made, published: published(detail, variant),
          time: fits ? time(work, null, variant) : null, not_run: fits ? null : `does not fit into ${size(memory)}`, fits };
      });
    }

    function accuracy(found) {
      const known = found.filter((one) => one.published).map(({ name, published: [model, top] }) =>
        `${name} ${top} % top-1 at 224x224 (${model}, published)`);
      const others = found.filter((one) => !one.published).map((one) => one.name);
      return `Accuracy: ${[...known, ...(others.length ? [`${several(others)} unknown, never trained as far as we know`] : [])].join("; ")}.`;
    }

    function cell(text, exact, width, color, ratio, isLeast, isTied = false) {
      const { element } = pvtprofPage, figure = element("span", { className: "fig", tabIndex: 0 }, element("b", { textContent: text }));
      if (ratio) figure.append(" ", element("span", { textContent: ratio }));
      if (isLeast) figure.append(" ", element("em", { textContent: "least" }));
      else if (isTied) figure.append(" ", element("em", { textContent: "tied", title: "no faster and no slower than the least, within the noise" }));
      figure.append(element("span", { className: "tip", textContent: exact }));
      const bar = element("i");
      bar.style.width = `${width}%`;
      bar.style.setProperty("--hue", color);
      return element("td", {}, figure, bar);
    }

    const digits = pvtprofSpoken.integer;
    const width = (part, whole) => (whole ? Math.round(Number(1000n * part / whole)) / 10 : 0);

    function counted(found, figure, text, unit) {
      const values = found.map(figure), most = values.reduce((a, b) => (b > a ? b : a)), least = values.reduce((a, b) => (b < a ? b : a));
      return found.map((one, i) => cell(text(values[i]), `${digits(values[i])} ${typeof unit === "string" ? unit : unit(one)}`, width(values[i], most), data.colors[one.name],
        i ? people(values[i], values[0]) : "", values[i] === least && least < most));
    }

    const ms = (seconds) => `${Number((1e3 * seconds).toPrecision(5))}`;

    function predicted(found) {
      const timed = found.filter((one) => one.time);
      if (!timed.length) return [];
      const most = Math.max(...timed.map((one) => one.time.middle)), fastest = rules.fastest(found), least = Math.min(...timed.filter((one) => fastest[found.indexOf(one)]).map((one) => one.time.middle)), none = (text, why, color) => cell(text, why, 0, color, "", false);
      const cells = found.map((one, i) => (!one.time ? none(one.fits ? "-" : "does not fit", one.not_run ?? "not timed", data.colors[one.name]) : cell(one.time.carries ? `about ${duration(one.time.middle)}` : `${duration(one.time.middle)} ?`,
        `${ms(one.time.middle)} ms 90 % interval ${ms(one.time.low)} to ${ms(one.time.high)} ms`, Math.round(1000 * one.time.middle / most) / 10,
        data.colors[one.name], i ? rules.against(one, found[0]) : "", fastest[i] && one.time.middle === least, fastest[i] && one.time.middle !== least)));
      const shares = found.map(rules.attentionTime);
      return [...(shares.some(Boolean) ? [["attention, of time", found.map((one, i) => (!shares[i] ?
        none("-", "the times of its stages or of the whole are not known well enough", data.colors[one.name]) : cell(people(...shares[i]),
        `${ms(shares[i][0])} of ${ms(shares[i][1])} ms`, Math.round(1000 * shares[i][0] / shares[i][1]) / 10, data.colors[one.name], "", false)))]] : []),
      ["time, predicted", cells]];
    }

    function lines(found) {
      const share = found.map((one) => cell(people(rules.attentionMacs(one), one.macs),
        `${digits(rules.attentionMacs(one))} of ${digits(one.macs)} MACs`, width(rules.attentionMacs(one), one.macs), data.colors[one.name], "", false));
      return [["attention, of MACs", share, "computed"], ["MACs", counted(found, (one) => one.macs, short, "MACs"), "computed"],
        ["params", counted(found, (one) => one.params, short, "parameters"), "computed"],
        ["peak", counted(found, (one) => one.peak, size, (one) => `bytes, at ${one.at}${one.fits ? "" : `; ${one.not_run}`}`), "computed"],
        ...predicted(found).map((line) => [...line, "predicted"])];
    }

    /* The table of the bar's setting: what is computed, and below it, grey, what was measured of the same designs. */
    function retable(found, differing) {
      const { element } = pvtprofPage, isSame = found.map((one) => one.name).join() === data.designs.join();
      const dot = (one) => Object.assign(element("i"), { style: `--hue:${data.colors[one.name]}` });
      const kept = isSame ? [...table.tBodies[0].querySelectorAll("tr.measured")] : [];
      if (!isSame)
        table.tHead.replaceChildren(element("tr", {}, element("td"), ...found.map((one) =>
          Object.assign(element("th", {}, dot(one), one.name), { scope: "col" }))));
      table.tBodies[0].replaceChildren(...lines(found).map(([name, cells, className]) => element("tr", { className },
        Object.assign(element("th", { textContent: name }), { scope: "row" }), ...cells)), ...kept);
      for (const row of table.tBodies[0].querySelectorAll("tr:not(.measured)")) row.dataset.computed = "";
      for (const row of kept) row.cells[0].textContent += ` at ${[data.at, ...differing].join(", ")}`;
    }

    /* What the run had otherwise than the bar has, beside the image. */
    function differing({ work, engine }) {
      const texts = place.closest("[data-texts]")?.dataset.texts, run = texts && engine.parsed(JSON.parse(texts));
      if (!run) return [];
      const isPlain = (one) => `${one.model} ${one.changes ?? ""}`;
      const each = [[isPlain, () => run.model], [(one) => one.ratios.join(), (r) => `R ${r}`], [(one) => one.pool, (pool) => `pool ${pool}`],
        [(one) => one.batch, (batch) => `batch ${batch}`], [(one) => one.dtype, (dtype) => dtype],
        [(one) => one.attention, (attention) => `${attention} attention`], [(one) => one.mode, (mode) => (mode === "training" ? "a training step" : mode)]];
      return each.filter(([of]) => of(run) !== of(work)).map(([of, words]) => words(of(run)));
    }

    document.addEventListener("pvtprof:work", ({ detail }) => {
      if ((detail.suffix ?? "") !== place.dataset.answer) return;
      if (detail.isMeasured) {
        if (!isOwn) table.innerHTML = own.table;
        for (const name of SAID) said(name).textContent = own[name];
        isOwn = true;
        return;
      }
      table.innerHTML = own.table;
      isOwn = false;
      predict ??= predictor(detail.engine);
      const found = facts(detail), { work } = detail, told = rules.said(found, data.rest);
      const at = `${work.height}x${work.width}${work.batch > 1 ? `, batch ${work.batch}` : ""}`;
      told.finding = work.mode === "training" ? `A training step at ${at}: ${told.finding}` : `At ${at}, ${told.finding}`;
      told.accuracy = accuracy(found);
      for (const name of SAID) said(name).textContent = unbroken(told[name]);
      retable(found, differing(detail));
    });
  }

  places.forEach(section);
})();
