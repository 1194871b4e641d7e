"use strict";
/* Numbers and names as people read them, digit for digit as Python's units.py, spoken.py and
   report/phrases.py have them. The other scripts of a page call it; it calls none. */
const pvtprofSpoken = (() => {
  /* A whole number with every digit, in groups of three; toLocaleString takes much longer. */
  function integer(number) {
    const text = `${number}`;
    let at = text.length, said = "";
    for (; at - 3 > (number < 0 ? 1 : 0); at -= 3) said = `,${text.slice(at - 3, at)}${said}`;
    return text.slice(0, at) + said;
  }

  /* A number as a quotient of two whole ones, exactly. */
  function quotient(value) {
    if (typeof value === "bigint") return [value, 1n];
    let below = 0n;
    while (!Number.isInteger(value)) { value *= 2; below++; }
    return [BigInt(value), 1n << below];
  }

  /* top / bottom with some decimals, rounded half to even, grouped. */
  function decimal(top, bottom, decimals) {
    const scaled = top * 10n ** BigInt(decimals), twice = 2n * (scaled % bottom);
    let value = scaled / bottom;
    if (twice > bottom || (twice === bottom && value % 2n)) value += 1n;
    const text = `${value}`.padStart(decimals + 1, "0"), at = text.length - decimals;
    return integer(text.slice(0, at)) + (decimals ? `.${text.slice(at)}` : "");
  }

  /* So many decimals make three digits of top / bottom, which is 1 or more. */
  const places = (top, bottom) => Math.max(0, 3 - `${top / bottom}`.length);

  /* A number with three digits. */
  function three(value) {
    const [top, bottom] = quotient(value);
    let zeros = 0;
    for (let rest = value; rest > 0 && rest < 0.1; rest *= 10) zeros++;
    return decimal(top, bottom, value >= 1 ? places(top, bottom) : 3 + zeros);
  }

  /* A ratio: whole per cent, a multiple from 2 on, and never 100 % or 0 % for what is not. */
  function people(part, whole) {
    if (!whole) return "-";
    const [a, b] = quotient(part), [c, d] = quotient(whole), p = a * d, w = b * c;
    if (1000n * p >= 1995n * w) return `${decimal(p, w, places(p, w))}x`;
    const first = 10n * p >= w ? 0 : 100n * p >= w ? 1 : 2;
    for (let n = first; n <= Math.max(first, 1); n++) {
      const text = decimal(100n * p, w, n);
      if (p === 0n || p === w || ![0, 100].includes(Number(text))) return `${text} %`;
    }
    return `nearly ${2n * p > w ? "100" : "0"} %`;
  }

  function short(count) {
    const power = [12, 9, 6, 3].find((p) => count >= 10n ** BigInt(p));
    if (!power) return `${count}`;
    const one = 10n ** BigInt(power);
    return `${decimal(count, one, places(count, one))} ${" KMGT"[power / 3]}`;
  }

  const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  function size(bytes) {
    let unit = 0;
    while (bytes >= 1024n ** BigInt(unit + 1) && unit < BINARY.length - 1) unit++;
    const one = 1024n ** BigInt(unit);
    return unit ? `${decimal(bytes, one, places(bytes, one))} ${BINARY[unit]}` : `${bytes} B`;
  }

  const milliseconds = (seconds) => `${three(1e3 * seconds)} ms`;
  const duration = (seconds) => (seconds < 1 ? milliseconds(seconds) : `${three(seconds)} s`);

  /* Three digits in thousands or (base 1024n) in binary units, rounded half up. */
  function compact(count, base = 1000n) {
    const names = base === 1024n ? BINARY : ["", "k", "M", "G", "T", "P", "E"];
    if (count < base) return `${count} ${names[0]}`.trim();
    let power = 0n, decimals, scaled;
    do {
      const unit = base ** ++power, rounded = () => (2n * count * 10n ** BigInt(decimals) + unit) / (2n * unit);
      decimals = places(count, unit);
      while ((scaled = rounded()) >= 1000n && decimals) decimals--;
    } while (scaled >= base * 10n ** BigInt(decimals) && power < 6n);
    return `${decimal(scaled, 10n ** BigInt(decimals), decimals)} ${names[power]}`;
  }

  /* A number that is no more than some millions with some decimals, rounded half to even. */
  const fixed = (value, decimals) => decimal(...quotient(value), decimals).replaceAll(",", "");

  /* Seconds in the unit in which they are 1 or more. */
  function compactSeconds(seconds) {
    const [scale, unit] = [[1, "s"], [1e3, "ms"]].find(([by]) => seconds * by >= 1) ?? [1e6, "µs"], value = seconds * scale;
    return `${fixed(value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)} ${unit}`;
  }

  /* No line ends between a number and its unit. */
  const unbroken = (text) => text.replace(/(\d) (%|m?s\b|[KMGTPE]i?B?\b)/g, "$1\u00a0$2");

  /* "a, b and c". */
  const several = (words) => [words.slice(0, -1).join(", "), ...words.slice(-1)].filter(Boolean).join(" and ");

  return { integer, decimal, places, three, people, short, size, milliseconds, duration, compact, fixed, compactSeconds, unbroken, several };
})();
