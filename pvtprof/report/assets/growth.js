"use strict";
/* The section "As the image grows": follows the bar, and its vertical line sets the bar's image. The
   lines are computed when the browser has nothing else to do. */
(() => {
  const start = JSON.parse(document.getElementById("start")?.textContent ?? "null");
  const STEP = 32; // pixels of a step of the vertical line
  const idle = window.requestIdleCallback ?? ((f) => setTimeout(() => f({ timeRemaining: () => 10 }), 20));
  const element = pvtprofPage.element;

  function sectionOf(script) {
    const data = JSON.parse(script.textContent), section = script.closest("section"), suffix = section.id.replace("growth", ""), [width, , left, , across] = data.plot;
    const place = section.querySelector("[data-panels]"), list = section.querySelector("[data-said]"), body = section.querySelector("tbody");
    const calibration = data.calibration && start.calibrations[data.calibration], own = { key: "", next: "", curves: null };
    let engine, curves, predict, latest = null, running = false, dragged = null, handles = [];

    // ---- The vertical line

    const share = (side) => (100 * (left + (Math.log2(side / curves.FIRST) / Math.log2(curves.MOST / curves.FIRST)) * across)) / width;
    const said = ({ height, width }) => (height === width ? `${whole(height)} pixels` : `${height}x${width} pixels`);
    const bounded = (side) => Math.min(curves.MOST, Math.max(curves.FIRST, side));
    const whole = pvtprofSpoken.integer;

    function setImage(side) {
      if (dragged === null) requestAnimationFrame(() => {
        const img = `${dragged}`;
        dragged = null;
        document.dispatchEvent(new CustomEvent("pvtprof:set", { detail: { img } }));
      });
      dragged = side;
      put(side, `${whole(side)} pixels`);
    }

    function put(side, said) {
      for (const handle of handles) handle.style.left = `${share(bounded(side))}%`;
      handles[0].setAttribute("aria-valuenow", Math.round(bounded(side)));
      handles[0].setAttribute("aria-valuetext", said);
    }

    function atPointer(event) {
      const box = event.currentTarget.parentElement.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * width, octaves = Math.log2(curves.MOST / curves.FIRST);
      return bounded(Math.round((curves.FIRST * 2 ** (((at - left) / across) * octaves)) / STEP) * STEP);
    }

    const KEYS = {
      ArrowLeft: (s) => Math.ceil(s / STEP - 1) * STEP, ArrowRight: (s) => Math.floor(s / STEP + 1) * STEP,
      PageDown: (s) => s / 2, PageUp: (s) => s * 2, Home: () => curves.FIRST, End: () => curves.MOST,
    };
    [KEYS.ArrowDown, KEYS.ArrowUp] = [KEYS.ArrowLeft, KEYS.ArrowRight];

    function handleOf(plot, first) {
      const handle = element("div", { className: "growth-handle" });
      if (first) {
        Object.assign(handle, { tabIndex: 0, role: "slider", ariaLabel: "Side of a square image, in pixels", ariaOrientation: "horizontal" });
        for (const [name, value] of [["aria-valuemin", curves.FIRST], ["aria-valuemax", curves.MOST]]) handle.setAttribute(name, value);
        handle.addEventListener("keydown", (event) => {
          if (!KEYS[event.key]) return;
          event.preventDefault();
          setImage(bounded(Math.round(KEYS[event.key](Number(handle.getAttribute("aria-valuenow"))))));
        });
      }
      handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
      handle.addEventListener("pointermove", (event) => { if (handle.hasPointerCapture(event.pointerId)) setImage(atPointer(event)); });
      plot.append(handle);
      return handle;
    }

    // ---- What is shown

    /* Text in which `code` is code. */
    const coded = (text) => text.split("`").map((part, i) => (i % 2 ? element("code", { textContent: part }) : part));

    function placeOf(work) {
      if (calibration ? calibration.dtype === work.dtype : isRun(work, [])) return data.place;
      const none = calibration ? `No time is predicted for ${work.dtype}: the calibration is of ${calibration.dtype}.`
        : "No time is predicted: this run has no calibration.";
      const dtype = work.dtype === "float32" ? "" : ` --dtype ${work.dtype}`;
      return `${none} Run \`pvtprof calibrate${dtype}\`, then \`${engine.command(work)}\`.`;
    }

    /* Whether that is the run's setting, `but` for some fields. */
    function isRun(work, but = ["height", "width"]) {
      const names = ["height", "width", "model", "batch", "dtype", "attention", "pool"].filter((name) => !but.includes(name));
      const run = engine.parsed(data.texts);
      return `${run.ratios} ${run.changes}` === `${work.ratios} ${work.changes}` && names.every((name) => run[name] === work[name]);
    }

    function dotsOf(work) {
      const { height, width } = engine.parsed(data.texts);
      return isRun(work) ? data.dots.map(([name, seconds]) => ({ name, seconds, side: Math.sqrt(height * width) })) : [];
    }

    const read = () => ({
      title: section.querySelector(".finding").textContent, sentences: [...list.children].map((one) => one.textContent),
      remarks: [data.place, data.axes], lines: [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent)),
      pictures: [...place.querySelectorAll("figure")].map((one) => ({
        caption: one.querySelector("figcaption span").textContent, svg: one.querySelector("svg").outerHTML })),
    });
    const asMade = data.keeps ? read() : null; // the run has other designs than the bar

    function show({ work, isTraining }, memory) {
      const how = `${memory}` === data.memory ? data.how : "as set above";
      const found = asMade && isRun(work, []) ? asMade : curves.shown(own.curves, work, { dots: dotsOf(work), how, place: placeOf(work) });
      if (!found) return;
      section.querySelector(".finding").textContent = found.title;
      list.replaceChildren(...found.sentences.map((textContent) => element("li", { textContent })));
      section.querySelector("[data-remarks]").replaceChildren(...[...found.remarks, ...(isTraining ? [data.of_inference] : [])].map((text) => element("p", {}, ...coded(text))));
      const figures = [...place.querySelectorAll("figure")];
      figures.forEach((figure, i) => {
        const one = found.pictures[i], caption = figure.querySelector("figcaption span");
        figure.classList.toggle("absent", !one);
        caption.textContent = one ? one.caption : "not predicted for this setting";
        if (one) figure.querySelector("svg").outerHTML = one.svg;
      });
      body.closest("details").hidden = Boolean(asMade) && found !== asMade; // its columns are the run's designs
      body.replaceChildren(...found.lines.map((cells) => element("tr", {}, ...cells.map((textContent) => element("td", { textContent, className: "n" })))));
      if (dragged === null) put(Math.sqrt(work.height * work.width), said(work));
    }

    /* Step by step while the browser is idle, and from the start where the setting has changed. */
    function grow() {
      const { work, memory } = latest, asked = latest;
      const key = JSON.stringify({ ...work, height: 0, width: 0, memory: `${memory}` }, (_, v) => (typeof v === "bigint" ? `${v}` : v));
      if (own.key !== key && own.next !== key) Object.assign(own, { next: key, steps: curves.grown(work, memory) });
      let done = own.key === key;
      const go = (deadline) => {
        if (latest !== asked) return grow();
        do {
          if (done) {
            running = false;
            return pvtprofPage.steadily(() => show(asked, memory));
          }
          const step = own.steps.next();
          done = step.done;
          if (done) Object.assign(own, { key, next: "", curves: step.value });
        } while (deadline.timeRemaining() > 4);
        return idle(go, { timeout: 500 });
      };
      idle(go, { timeout: 500 });
    }

    document.addEventListener("pvtprof:work", ({ detail }) => {
      if (detail.suffix !== suffix) return;
      if (!curves) {
        engine = detail.engine;
        predict = calibration && pvtprofPredict(engine, calibration);
        curves = pvtprofCurves(engine, predict, data);
        handles = [...place.querySelectorAll(".growth-plot")].map((plot, i) => handleOf(plot, !i));
        put(Math.sqrt(detail.work.height * detail.work.width), said(detail.work));
      }
      latest = { ...detail, work: { ...detail.work, mode: "inference" }, isTraining: detail.work.mode === "training" };
      if (running) return;
      running = true;
      grow();
    });
  }

  for (const script of document.querySelectorAll("[data-growth]")) sectionOf(script);
})();
