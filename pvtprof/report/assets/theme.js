"use strict";
/* Before anything is painted: light or dark as last chosen here, else as the system says. */
try {
  const chosen = localStorage.getItem("pvtprof-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* no storage: as the system says */ }
