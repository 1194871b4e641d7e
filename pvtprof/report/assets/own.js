"use strict";
/* The explorer of the user's own modules: every one at the sizes of the form, side by side. */
(() => {
  const { element } = pvtprofPage;
  const byId = (id) => document.getElementById(id);
  const start = JSON.parse(byId("forms").textContent), engine = pvtprofForms(start.forms);
  const form = byId("sizes"), results = byId("own-results");
  const digits = pvtprofSpoken.integer;

  function prove() {
    const failed = start.vectors.map(engine.differs).filter(Boolean), place = byId("own-proof");
    place.hidden = false;
    place.className = failed.length ? "banner bad" : "soft";
    place.setAttribute("role", failed.length ? "alert" : "status");
    place.textContent = failed.length
      ? `THIS PAGE DOES NOT COMPUTE AS PYTHON DOES: ${failed.length} of ${start.vectors.length} vectors differ. Do not ` +
        `trust the explorer here. First: ${failed[0]}`
      : `This page recomputed ${start.vectors.length} sizes and refusals of your modules made by Python: all are equal.`;
  }

  const cell = (text, number = true) => element("td", { textContent: text, className: number ? "n" : "" });
  const header = (text) => Object.assign(element("th", { textContent: text }), { scope: "row" });

  function line(its, first) {
    try {
      const point = Object.fromEntries(its.sizes.map((name) => [name, engine.parsed(name, form.elements[name].value)]));
      const found = engine.at(its, point);
      const share = first.macs === undefined ? (first.macs = found.macs, "100.0 %")
        : first.macs ? `${(Number(1000n * found.macs / first.macs) / 10).toFixed(1)} %` : "-";
      return element("tr", {}, header(its.name), cell(digits(found.macs)), cell(share), cell(digits(found.params)),
        cell(digits(found.peak)), cell(digits(found.read + found.written)), cell(found.at, false));
    } catch (error) {
      if (!(error instanceof engine.Refusal)) throw error;
      return element("tr", {}, header(its.name), Object.assign(cell(error.message, false), { colSpan: 6, className: "refused" }));
    }
  }

  function update() {
    const first = {};
    results.replaceChildren(...start.forms.map((its) => line(its, first)));
  }

  for (const [name, size] of Object.entries(start.sizes))
    form.append(element("label", { textContent: `${name} ` },
      element("input", { name, value: size, inputMode: "numeric", autocomplete: "off" })));
  byId("own").hidden = form.hidden = false;
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  setTimeout(prove);
  update();
})();
