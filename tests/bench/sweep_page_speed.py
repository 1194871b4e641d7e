"""How fast the page of a sweep is: its size, its first view, and one update of its filter.

An update is timed to the next frame, which shows all that is in sight, and until the rest is drawn.

python -m tests.bench.sweep_page_speed 5000
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from pvtprof.report.sweep_page import sweep
from tests.bench.page_speed import OPENINGS, UPDATES, _entry, _say
from tests.browser import WHOLE, chromium, opened
from tests.sweep.made_up import LARGE, MACHINES, stored

READY = "html[data-sweep=ready]"
#: Change the filter, and return the milliseconds to the next frame, and until all is drawn.
UPDATE = """([place, all]) => new Promise((done) => {
  const form = document.getElementById("filter"), root = document.documentElement;
  const boxes = form.querySelectorAll("input[type=checkbox]"), box = boxes[place % boxes.length];
  const begin = performance.now(), since = () => performance.now() - begin;
  if (all) for (const one of form.querySelectorAll("input")) {
    one.checked = false;
    if (one.type !== "checkbox") one.value = "";
  } else box.checked = !box.checked;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => {
    const frame = since();
    const isReady = () => root.dataset.sweep === "ready";
    const wait = () => (isReady() ? done([frame, since()]) : setTimeout(wait, 5));
    wait();
  }));
})"""
#: Scroll to a part of the page, and open it where it is closed.
SHOW = """(id) => {
  const part = document.getElementById(id);
  if (part.tagName === "DETAILS") part.open = true;
  part.scrollIntoView();
}"""


def main(rows: int) -> None:
    made = stored(LARGE, rows, tuple(MACHINES), failing=0.02, left=0.05, samples=40)
    with tempfile.TemporaryDirectory() as folder, chromium(WHOLE) as browser:
        path = Path(folder) / "page.html"
        path.write_text(sweep.render(made), encoding="utf-8")
        print(f"{made.count} rows, {path.stat().st_size / 1e6:.2f} MB")
        firsts = []
        for _ in range(OPENINGS):
            with opened(browser, path) as found:
                found.page.wait_for_selector(READY, state="attached")
                firsts.append(_entry(found.page, "pvtprof sweep"))
        _say("first view", firsts)
        for part in ("scatter", "growth", "predicted", "table-of-rows"):
            with opened(browser, path) as found:
                found.page.wait_for_selector(READY, state="attached")
                found.page.evaluate(SHOW, part)
                chance = random.Random(0)
                times, busy = [], []
                for place in range(UPDATES):
                    before = _busy_ms(found.page)
                    words = [chance.randrange(1000), place % 8 == 0]
                    times.append(found.page.evaluate(UPDATE, words))
                    busy.append(_busy_ms(found.page) - before)
                _say(f"filter update with {part} in sight", [frame for frame, _ in times])
                _say("  until all is drawn", [all_of_it for _, all_of_it in times])
                _say("  processor time of the page's thread for all", busy)


def _busy_ms(page: Page) -> float:
    """Return the processor time of the page's thread, which other programs do not lengthen."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return 1e3 * float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
