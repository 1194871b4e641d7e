"use strict";
/* Theory against the clock: milliseconds where one points, and a word where the bar says another setting. */
if (typeof document !== "undefined") for (const place of document.querySelectorAll("[data-clock]")) {
  const tracks = [...place.querySelectorAll(".track")], said = place.querySelector(".said"), note = place.querySelector(".stale-note");
  const tell = (track) => { said.textContent = track ? `${track.closest("figure").dataset.name}, ${track.getAttribute("aria-label")}` : said.dataset.hint; };
  function walk(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key], next = tracks[tracks.indexOf(event.target) + step];
    if (!step) return;
    event.preventDefault();
    if (!next) return;
    [event.target.tabIndex, next.tabIndex] = [-1, 0];
    next.focus();
  }
  if (said) {
    tell(null);
    place.addEventListener("keydown", walk);
    place.addEventListener("focusin", (event) => tell(event.target.closest(".track")));
    place.addEventListener("pointerover", (event) => tell(event.target.closest(".track") ?? event.target.closest(".bar")?.querySelector(".track")));
  }
  const block = place.closest("[data-texts]");
  if (note && block) document.addEventListener("pvtprof:work", (event) => {
    const { work, engine } = event.detail;
    let own = "";
    try { own = engine.command(engine.parsed(JSON.parse(block.dataset.texts))); } catch { /* of a network that is not offered */ }
    const isStale = own !== engine.command(work);
    place.classList.toggle("stale", isStale);
    note.hidden = !isStale;
    note.textContent = isStale ? note.dataset.said : "";
  });
  document.addEventListener("pvtprof:operator", (event) => {
    const { stage, variant } = event.detail;
    for (const bar of place.querySelectorAll(".bar"))
      bar.toggleAttribute("data-chosen", bar.dataset.design === variant && bar.closest("figure").dataset.name === (stage ? `stage ${stage}` : "whole network"));
  });
}
