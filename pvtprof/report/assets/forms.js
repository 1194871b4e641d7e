"use strict";
/* Derived closed forms in the browser: polynomials in named sizes, read in whole numbers of any size
   (BigInt), each with the domain in which it is proven. Knows nothing of the page. */
const pvtprofForms = (forms) => {
  class Refusal extends Error {}

  const floorDiv = (a, b) => {
    if (b === 0n) throw new RangeError("a quotient by 0");
    const quotient = a / b;
    return a % b !== 0n && (a < 0n) !== (b < 0n) ? quotient - 1n : quotient;
  };

  /* A polynomial is { by, terms: [[factor, { size: power }]] }: whole factors over one divisor. */
  const polynomial = ({ by, terms }, values) => {
    let total = 0n;
    for (const [factor, powers] of terms) {
      let product = BigInt(factor);
      for (const [name, power] of Object.entries(powers)) product *= values[name] ** BigInt(power);
      total += product;
    }
    return total / BigInt(by);
  };

  const halfEven = (x) => {
    const below = Math.floor(x), rest = x - below;
    return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
  };
  const FUNCTIONS = { trunc: Math.trunc, floor: Math.floor, ceil: Math.ceil, rint: halfEven, real: Number, sqrt: Math.sqrt };
  const OPERATORS = {
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b,
    "//": (a, b) => Math.floor(a / b), "**": (a, b) => a ** b,
  };

  /* A size that code computes in floating point, as a tree: a number, a name, or [operation, ...]. */
  function computed(tree, values) {
    if (typeof tree === "number") return tree;
    if (typeof tree === "string") return Number(values[tree]);
    const [operation, ...parts] = tree, found = parts.map((part) => computed(part, values));
    if (operation === "neg") return -found[0];
    return Object.hasOwn(OPERATORS, operation) ? OPERATORS[operation](...found) : FUNCTIONS[operation](...found);
  }

  /* Every named size of a piece at a point. */
  function named(piece, point) {
    const values = { ...point };
    for (const [name, made] of piece.quotients)
      values[name] = made.tree === undefined
        ? floorDiv(polynomial(made.numerator, values), polynomial(made.divisor, values))
        : BigInt(Math.trunc(computed(made.tree, values)));
    return values;
  }

  const HOLDS = { "==": (x) => x === 0n, "!=": (x) => x !== 0n, ">=": (x) => x >= 0n };

  /* The first reason for which a point is outside of a piece; "" inside. */
  function broken(piece, point, values) {
    for (const [name, value] of Object.entries(piece.given))
      if (point[name] !== BigInt(value)) return `${name} = ${value}`;
    for (const name of piece.free) if (point[name] < 2n) return `${name} at least 2`;
    for (const { polynomial: its, relation, text } of piece.guards)
      if (!HOLDS[relation](polynomial(its, values))) return text;
    return "";
  }

  /* Costs of the piece of a form that holds at a point, in the words of Python where none is proven there. */
  function at(form, point, of = costs) {
    const reasons = [];
    for (const piece of form.pieces) {
      let values, reason;
      try {
        values = named(piece, point);
        reason = broken(piece, point, values);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        reason = error.message;
      }
      if (!reason) return of(piece, values);
      if (!reasons.includes(reason)) reasons.push(reason);
    }
    const said = form.sizes.map((name) => `${name}=${point[name]}`).join(", ");
    throw new Refusal(`${said} lies outside of what is proven for ${form.name}: it takes ` +
      `${reasons.join(", or ")}; derive it there with --range or derive(..., at=...)`);
  }

  function costs(piece, values) {
    let peak = null, peakAt = "";
    for (const { polynomial: live, at: where } of piece.peaks) {
      const bytes = polynomial(live, values);
      if (peak === null || bytes > peak) [peak, peakAt] = [bytes, where];
    }
    return {
      macs: polynomial(piece.macs, values), params: BigInt(piece.params), peak, at: peakAt,
      read: polynomial(piece.read, values), written: polynomial(piece.written, values),
    };
  }

  /* The costs of the submodules of a form at a point. */
  const parts = (form, point) => at(form, point, (piece, values) => piece.parts.map(({ name, calls, params, ...of }) => ({
    name, calls, params: BigInt(params), macs: polynomial(of.macs, values), read: polynomial(of.read, values),
    written: polynomial(of.written, values) })));

  /* A size from text, refused in the words of the command line. */
  function parsed(name, text) {
    if (!/^\s*[0-9]{1,12}\s*$/.test(text))
      throw new Refusal(`Invalid value for '--at': '${name}=${text}' is not NAME=SIZE; use sizes such as h=512,w=640`);
    return BigInt(text.trim());
  }

  /* How a vector made by Python is not what this computes; "" where it is. */
  function differs({ form: number, sizes, expected }) {
    const form = forms[number];
    const point = Object.fromEntries(form.sizes.map((name, i) => [name, BigInt(sizes[i])]));
    let found;
    try {
      found = Object.fromEntries(Object.entries(at(form, point)).map(([name, value]) => [name, `${value}`]));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      found = { error: error.message };
    }
    const names = new Set([...Object.keys(found), ...Object.keys(expected)]);
    const wrong = [...names].filter((name) => found[name] !== expected[name]);
    return wrong.length ? `${form.name} at ${sizes}: ${wrong.map((n) => `${n}: ${found[n]} here, ${expected[n]} in Python`).join("; ")}` : "";
  }

  return { forms, at, parts, parsed, differs, Refusal };
};
