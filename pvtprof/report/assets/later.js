"use strict";
/* The first screen is painted before the rest of the page is built: what lies below it is text until then
   (in noscript, so that it is there without JavaScript), and the scripts do not run yet. */
(() => {
  /* A second call finds nothing left to do. */
  function rest() {
    for (const part of document.querySelectorAll("noscript.later")) part.outerHTML = part.textContent;
    for (const asleep of document.querySelectorAll('script[type="text/plain"][data-name]')) {
      const script = Object.assign(document.createElement("script"), { textContent: asleep.textContent });
      Object.assign(script.dataset, asleep.dataset);
      asleep.replaceWith(script); // runs at once; its hash is one that the page allows
    }
  }

  /* At once where nothing is painted, or where the browser looks for a place further down: of the address, or of the visit before. */
  const [visit] = performance.getEntriesByType("navigation");
  if (document.hidden || location.hash || visit?.type !== "navigate") return rest();
  new PerformanceObserver(rest).observe({ type: "paint", buffered: true });
  setTimeout(rest, 500); // a browser that does not say when it paints
})();
