"use strict";
/* How designs grow with a square image: figures, words and pictures as Python has them
   (report/sections/curves.py, growth_words.py, growth_pictures.py, loglog.py). Knows nothing of the page. */
const pvtprofCurves = (engine, predict, data) => {
  const SIDES = data.sides, MOST = SIDES.at(-1), FIRST = SIDES[0];
  const [WIDTH, HEIGHT, LEFT, TOP, ACROSS, DOWN, LINE, LETTER] = data.plot;

  const { integer: whole, three, compact, compactSeconds, fixed, several } = pvtprofSpoken;
  const PREFIXES = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];
  const multiple = (value) => `x${fixed(value, value >= 9.95 ? 0 : 1)}`;
  const bytes = (value) => engine.size(BigInt(value));
  const sides = (height, width) => (height === width ? `${height}` : `${height}x${width}`);

  // ---- Figures

  function point(work, variant) {
    const all = engine.terms(work, null, variant);
    const macs = all.reduce((t, { op, sizes, times }) => t + times * engine.macs(op, sizes), 0n);
    return { macs, needs: engine.needs(work, variant, all), time: predict ? predict.prediction(work, null, variant, all) : null };
  }

  /* A design's figures, one after the other: a generator that rests after each, so that it can run
     whenever the browser has nothing else to do. Returns null where it takes no such image. */
  function* curve(work, variant, memory) {
    const known = new Map(), points = new Map();
    const at = (side) => known.get(side) ?? known.set(side, point(engine.squared(work, side), variant)).get(side);
    for (const side of SIDES) {
      if (engine.fitsGrid(engine.squared(work, side), variant)) points.set(side, at(side));
      yield;
    }
    if (!points.size) return null;
    const fits = engine.largestImage(work, variant, memory);
    yield;
    const times = new Map([...points].filter(([side, p]) => p.time && side <= fits).map(([side, p]) => [side, p.time]));
    const last = fits >= FIRST && fits < MOST ? at(fits).time : null;
    const drawn = last ? new Map(times).set(fits, last) : times;
    return { name: variant, points, fits, at, times, drawn };
  }

  function factor(values) {
    for (const side of [...values.keys()].sort((a, b) => b - a))
      if (SIDES.includes(side) && side % 2 === 0 && values.has(side / 2)) return Number(values.get(side)) / Number(values.get(side / 2));
    return null;
  }

  const smallest = (ones, value) => ones.reduce((best, one) => (value(one) < value(best) ? one : best));

  function* fewestMacs(work, curves) {
    const there = curves.filter((one) => one.points.has(MOST));
    if (there.length < 2) return null;
    const best = smallest(there, (one) => one.points.get(MOST).macs), since = new Map();
    for (const other of there) {
      if (other === best) continue;
      const { from } = engine.cheaperFrom(work, best.name, other.name, MOST);
      since.set(other.name, from && Math.max(from, FIRST));
      yield;
    }
    return { name: best.name, since };
  }

  function* leastTime(curves) {
    const shared = SIDES.filter((side) => curves.filter((one) => one.times.has(side)).length > 1), top = shared.at(-1);
    if (!top) return null;
    const best = smallest(curves.filter((one) => one.times.has(top)), (one) => one.times.get(top).seconds);
    const others = curves.filter((one) => one !== best && one.times.size), least = best.times.get(top).seconds;
    return {
      name: best.name, level: others.filter((one) => one.times.get(top)?.seconds <= least).map(({ name }) => name),
      since: yield* sinceWhen(best, others, (a, b) => a.seconds < b.seconds),
      clear: yield* sinceWhen(best, others, (a, b) => a.high < b.low),
    };
  }

  function* sinceWhen(best, others, isAhead) {
    const has = (one, side) => side >= Math.min(...one.points.keys()) && side <= one.fits;
    const holds = (side) => others.every((one) => !has(one, side) || isAhead(best.at(side).time, one.at(side).time));
    const shared = SIDES.filter((side) => has(best, side) && others.some((one) => has(one, side)));
    let start = null;
    for (const side of shared.reverse()) {
      if (!holds(side)) {
        let low = side;
        while (start !== null && start - low > data.step) {
          const middle = Math.floor(Math.floor((low + start) / 2) / data.step) * data.step;
          if (holds(middle)) start = middle;
          else low = middle;
          yield;
        }
        break;
      }
      start = side;
    }
    return start;
  }

  // ---- Words

  const from = (side) => (side <= FIRST ? "at every size" : `from about ${whole(side)} pixels on`);

  const title = (found) => `${macsTitle(found.curves, found.macs)}${timeTitle(found)}.`;
  /* The designs that fit, and whose kernels the calibration has not seen. */
  const unpredicted = ({ curves }) => (predict ? curves.filter(({ points, fits, times }) => fits >= Math.min(...points.keys()) && !times.size) : []);

  function macsTitle([one], ahead) {
    if (!ahead) {
      const by = factor(new Map([...one.points].map(([side, p]) => [side, p.macs])));
      return `Doubling the side of ${one.name}'s image ${by ? `multiplies its MACs by ${multiple(by).slice(1)}` : "is not possible"}`;
    }
    const level = [...ahead.since].filter(([, since]) => since === null).map(([name]) => name);
    const behind = [...ahead.since.values()].filter((since) => since !== null), most = Math.max(...behind);
    const names = several([ahead.name, ...level]), need = level.length ? "need" : "needs";
    if (!behind.length) return `${names} need equally many MACs at ${whole(MOST)} pixels`;
    if (most <= FIRST) return `${names} ${need} the fewest MACs at every size`;
    return `From ${whole(most)} pixels a side on, ${names} ${need} the fewest MACs`;
  }

  function timeTitle(found) {
    const { macs, time } = found;
    if (!time) return "";
    if (time.clear === null) return ", and no design is clearly the fastest";
    if (unpredicted(found).length) return `; of those with a prediction, ${time.name} is clearly the fastest ${from(time.clear)}`;
    if (macs && macs.name === time.name && ![...macs.since.values()].includes(null))
      return `, and it is predicted to be clearly the fastest ${from(time.clear)}`;
    return `; ${time.name} is predicted to be clearly the fastest ${from(time.clear)}`;
  }

  function sentences(found) {
    return [...crossings(found), ...ahead(found), fitting(found)];
  }

  function crossings({ macs }) {
    if (!macs) return [];
    const said = [...macs.since].map(([other, since]) => {
      if (since === null) return `as many as ${other}`;
      return `fewer than ${other} ${since <= FIRST ? "at every size" : `from ${whole(since)} pixels on`}`;
    });
    return [`MACs: ${macs.name} needs ${said.join(", ")}.`];
  }

  function ahead(found) {
    const unknown = unpredicted(found).map(({ name }) => name);
    if (!unknown.length || unknown.length === found.curves.length) return leading(found);
    return [`Time: the calibration has not seen the kernels of ${several(unknown)}.`, ...leading(found)];
  }

  function leading({ time }) {
    if (!time) return [];
    if (time.since === null) return [`Time: ${several([time.name, ...time.level])} are predicted to take equally long.`];
    const beyond = "beyond the interval of the predictions";
    const clearly = time.clear === null ? `but nowhere ${beyond}` : time.clear <= time.since ? beyond : `${beyond} ${from(time.clear)}`;
    return [`Time: ${time.name} is predicted to be the fastest ${from(time.since)}, ${clearly}.`];
  }

  function fitting({ curves, memory, how }) {
    const edges = curves.map(({ name, fits }) => (fits ? `${fits >= data.most ? "at least " : ""}${whole(fits)} pixels with ${name}` : `none with ${name}`));
    return `Memory: the largest image of which a forward pass fits into ${bytes(memory)} ` +
      `(${how}) has ${edges.join(", ")}.`;
  }

  // ---- Pictures: tenths of a pixel

  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll(">", "&gt;").replaceAll("<", "&lt;").replaceAll("'", "&#39;").replaceAll('"', "&#34;");
  const X_TICKS = [6, 7, 8, 9, 10, 11, 12].map((power) => [2 ** power, power < 10 ? `${2 ** power}` : `${2 ** (power - 10)}k`]);
  const TICKS = {
    MACs: [10, (power) => `${10 ** (power % 3)} ${PREFIXES[Math.floor(power / 3)]}`.trim()],
    Memory: [32, (power) => engine.size(32n ** BigInt(power)).replace(/\.0+/, "")],
    "Predicted time": [10, (power) => (power >= 0 ? `${whole(10 ** power)} s` : `${Number((10 ** (power + 3)).toPrecision(1))} ms`)],
  };
  const TEXTS = { MACs: compact, Memory: bytes, "Predicted time": compactSeconds };

  function ticks(values, base, text) {
    const logs = values.map((value) => Math.log2(value) / Math.log2(base));
    const first = Math.ceil(Math.min(...logs) - 1e-9), last = Math.floor(Math.max(...logs) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first) / 4)), found = [];
    for (let power = first; power <= last; power += step) found.push([base ** power, text(power)]);
    return found;
  }

  function spread(wanted, apart, most) {
    const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]), placed = [...wanted];
    for (let i = 1; i < order.length; i++) placed[order[i]] = Math.max(placed[order[i]], placed[order[i - 1]] + apart);
    for (let i = order.length - 1; i >= 0; i--)
      placed[order[i]] = Math.min(placed[order[i]], i === order.length - 1 ? most : placed[order[i + 1]] - apart);
    return placed;
  }

  /* Where the names of lines stand: of lines that end side by side, one under the other, beside the last end. */
  function placed(ends) {
    const order = ends.map((_, i) => i).sort((a, b) => ends[a][0] - ends[b][0]), groups = [];
    for (const i of order) {
      const near = groups.at(-1);
      if (near && ends[i][0] - ends[near.at(-1)][0] < 4 * LINE) near.push(i);
      else groups.push([i]);
    }
    const found = [];
    for (const group of groups)
      spread(group.map((i) => ends[i][1] - 20), 2 * LINE + 40, TOP + DOWN - LINE - 20).forEach((y, k) => { found[group[k]] = [ends[group.at(-1)][0], y]; });
    return found;
  }

  function scaleOf({ lines, marks, limit }) {
    const values = [...lines.flatMap((line) => line.points.map(([, value]) => value)), ...marks.map((mark) => mark.value), ...(limit ? [limit[0]] : [])];
    const logs = values.map(Math.log2), [low, high] = [Math.min(...logs), Math.max(...logs)], room = 0.04 * (high - low) + 0.1;
    const [left, right] = [Math.log2(FIRST), Math.log2(MOST)];
    return {
      x: (side) => Math.floor(LEFT + ((Math.log2(side) - left) / (right - left)) * ACROSS + 0.5),
      y: (value) => Math.floor(TOP + (1 - (Math.log2(value) - (low - room)) / (high + room - (low - room))) * DOWN + 0.5),
    };
  }

  const text = (x, y, said, anchor, kind) =>
    `<text x="${x}" y="${y}"${anchor ? ` text-anchor="${anchor}"` : ""}${kind ? ` class="${kind}"` : ""}>${escape(said)}</text>`;
  const line = (x1, y1, x2, y2, kind) => `<path class="${kind}" d="M${x1} ${y1}L${x2} ${y2}"/>`;

  function svg(panel) {
    const scale = scaleOf(panel), parts = [...axes(panel, scale), ...hereOf(panel, scale), ...drawnLines(panel, scale), ...drawnMarks(panel, scale)];
    return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(panel.label)}">${parts.join("")}</svg>`;
  }

  function axes({ yTicks, limit }, scale) {
    const bottom = TOP + DOWN, right = LEFT + ACROSS, found = [];
    for (const [value, said] of yTicks) {
      const y = scale.y(value);
      found.push(line(LEFT, y, right, y, "grid"), text(LEFT - 60, y + 40, said, "end"));
    }
    for (const [value, said] of X_TICKS) {
      const x = scale.x(value);
      found.push(line(x, bottom, x, bottom + 40, "grid"), text(x, bottom + 170, said, "middle"));
    }
    if (limit) {
      const y = scale.y(limit[0]);
      found.push(line(LEFT, y, right, y, "limit"), text(LEFT + 40, y + 140, limit[1], "", "halo"));
    }
    return found;
  }

  const atHere = ({ here }, scale) => Math.min(Math.max(scale.x(here[0]), LEFT), LEFT + ACROSS);

  function hereOf({ here }, scale) {
    const x = atHere({ here }, scale);
    return [line(x, TOP - 60, x, TOP + DOWN, "here"), text(x, TOP - 100, here[1], "middle")];
  }

  function drawnLines({ lines }, scale) {
    const found = [], ends = [];
    for (const one of lines) {
      const points = one.points.map(([x, value]) => [scale.x(x), scale.y(value)]);
      ends.push(points.at(-1));
      found.push(`<path class="${one.dashed ? "curve dashed" : "curve"}" stroke="${one.color}" d="M${points.map((p) => p.join(" ")).join("L")}"/>`);
    }
    const places = placed(ends);
    lines.forEach((one, i) => found.push(text(places[i][0] + 50, places[i][1], one.name, "", "halo"),
      text(places[i][0] + 50, places[i][1] + LINE + 20, one.label, "", "halo strong")));
    if (lines.some((one) => one.label)) found.push(text(WIDTH, LINE, "when the side doubles", "end", "small"));
    return found;
  }

  /* Where a text begins: at x, or right of the line of the current size if that crosses it. */
  function aside(panel, scale, x, said) {
    const here = atHere(panel, scale);
    return x - 40 < here && here < x + 30 + LETTER * said.length ? here + 40 : x;
  }

  function drawnMarks(panel, scale) {
    const { marks } = panel;
    const rings = marks.filter((mark) => mark.hollow), places = spread(rings.map((mark) => scale.y(mark.value) + 170), LINE, TOP + DOWN - 30);
    let taken = 0, level = 0;
    return [...marks].sort((a, b) => a.x - b.x).flatMap((mark) => {
      const x = scale.x(mark.x), y = scale.y(mark.value);
      if (mark.hollow)
        return [`<circle class="ring" cx="${x}" cy="${y}" r="45"/>`, text(aside(panel, scale, x + 60, mark.text), places[rings.indexOf(mark)], mark.text, "", "halo")];
      const dot = `<circle cx="${x}" cy="${y}" r="45" fill="${mark.color}"/>`;
      if (!mark.text) return [dot];
      level = x < taken ? level + 1 : 0;
      taken = x + 80 + LETTER * mark.text.length;
      const foot = TOP + DOWN - 60 - level * (LINE + 20);
      return [line(x, y, x, foot, "drop"), text(x + 40, foot, mark.text, "", "halo"), dot];
    });
  }

  const colorOf = (name) => data.colors[name];

  function macsPicture(found) {
    const values = found.curves.map(({ points }) => new Map([...points].map(([side, p]) => [side, p.macs]))), marks = [];
    if (found.macs) {
      const best = found.curves.find((one) => one.name === found.macs.name);
      for (const [other, since] of found.macs.since)
        if (since && since > FIRST)
          marks.push({ x: since, value: Number(best.at(since).macs), text: `${whole(since)} px`, hollow: true });
    }
    return picture(found, "MACs", values, values, { marks });
  }

  function memoryPicture(found) {
    const values = found.curves.map(({ points }) => new Map([...points].map(([side, p]) => [side, p.needs]))), memory = Number(found.memory);
    const marks = found.curves.filter(({ fits }) => FIRST <= fits && fits <= MOST)
      .map(({ name, fits }) => ({ x: fits, value: memory, text: `${whole(fits)} px`, color: colorOf(name), hollow: false }));
    return picture(found, "Memory", values, [...values, new Map([[0, memory]])], { marks, limit: [memory, bytes(found.memory)] });
  }

  function timePicture(found) {
    const values = found.curves.map(({ drawn }) => new Map([...drawn].map(([side, time]) => [side, time.seconds])));
    const marks = found.dots.filter(({ side }) => FIRST <= side && side <= MOST)
      .map(({ name, side, seconds }) => ({ x: side, value: seconds, text: "", color: colorOf(name), hollow: false }));
    const { time } = found;
    const best = time && found.curves.find((one) => one.name === time.name);
    for (const [side, what] of time ? [[time.since, ""], [time.clear, "clear: "]] : [])
      if (side > FIRST && !(what && side === time.since))
        marks.push({ x: side, value: best.at(side).time.seconds, text: `${what}${whole(side)} px`, hollow: true });
    return picture(found, "Predicted time", values, values, { marks, dashed: true });
  }

  function picture(found, heading, values, ticked, { marks, limit = null, dashed = false }) {
    const said = TEXTS[heading], isTime = heading === "Predicted time";
    const lines = found.curves.flatMap(({ name }, i) => {
      if (!values[i].size) return [];
      const by = factor(values[i]);
      return [{ name, color: colorOf(name), label: by ? multiple(by) : "", dashed,
        points: [...values[i]].map(([side, value]) => [side, Number(value)]), last: [...values[i]].at(-1) }];
    });
    const ends = lines.map(({ name, label, last: [side, value] }) =>
      `${name} ${said(value)} at ${whole(side)} pixels${label ? ` (${label} when the side doubles)` : ""}`);
    const [height, width] = found.here, place = sides(height, width);
    const panel = {
      label: `${heading} by the side of a square image, both axes logarithmic: ${ends.join("; ")}.`,
      yTicks: ticks(ticked.flatMap((by) => [...by.values()].map(Number)), ...TICKS[heading]),
      lines, marks, limit, here: [Math.sqrt(height * width), place],
    };
    const here = found.curves.flatMap(({ name }, i) => {
      const value = { MACs: found.points[i].macs, Memory: found.points[i].needs, "Predicted time": found.points[i].time?.seconds }[heading];
      if (value === undefined) return [];
      return [`${name} ${isTime && found.points[i].needs > found.memory ? "does not fit" : `${said(value)}${isTime && predict.doubtful ? " ?" : ""}`}`.replaceAll(" ", "\u00a0")];
    });
    const beside = heading === "Memory" ? data.beside : "";
    return { heading, svg: svg(panel), caption: `At ${place}${isTime ? ", about" : ""}: ${here.join(", ") || "none"}${beside}` };
  }

  function pictures(found) {
    return [macsPicture(found), memoryPicture(found), ...(found.curves.some(({ drawn }) => drawn.size) ? [timePicture(found)] : [])];
  }

  function lines({ curves }) {
    const timed = predict ? curves : [], or = (value, said = whole) => (value === undefined ? "-" : said(value));
    return SIDES.map((side) => [whole(side), ...curves.map(({ points }) => or(points.get(side)?.macs)),
      ...curves.map(({ points }) => or(points.get(side)?.needs)), ...timed.map(({ times }) => or(times.get(side)?.seconds, (s) => three(1e3 * s)))]);
  }

  // ---- All of it

  /* What does not depend on the image's size: a generator, as `curve`. */
  function* grown(work, memory) {
    const curves = [];
    for (const variant of engine.variants) {
      const one = yield* curve(work, variant, memory);
      if (one) curves.push(one);
    }
    const macs = curves.length ? yield* fewestMacs(work, curves) : null;
    yield;
    return { curves, macs, time: yield* leastTime(curves), memory };
  }

  /* Everything that the section shows of a setting; null where no design takes such an image. */
  function shown(grown, work, { dots = [], how = data.how, place = data.place } = {}) {
    if (!grown.curves.length) return null;
    const points = grown.curves.map(({ name }) => point(work, name));
    const found = { ...grown, points, dots, how, place, here: [work.height, work.width] };
    return { title: title(found), sentences: sentences(found), remarks: [place, data.axes], pictures: pictures(found), lines: lines(found) };
  }

  return { grown, shown, FIRST, MOST };
};
