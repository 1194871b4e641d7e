"""How fast the report is: first paint, all charts drawn, one update of the explorer.

python -m tests.bench.page_speed reports/xeon-2-cores-224.json
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

import pvtprof
from tests.browser import READY, WHOLE, chromium, opened

OPENINGS, UPDATES = 9, 200
#: From one setting to the next frame that shows it.
UPDATE = """([height, ratios, model, attention]) => new Promise((done) => {
  const form = document.getElementById("setting").elements, begin = performance.now();
  form.img.value = height;
  form.R.value = ratios;
  form.model.value = model;
  form.attention.value = attention;
  form.img.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
})"""


def main(path: str) -> None:
    with tempfile.TemporaryDirectory() as folder, chromium(WHOLE) as browser:
        page = Path(folder) / "page.html"
        pvtprof.load(path).to_html(page)
        print(f"{page.stat().st_size / 1e6:.2f} MB")
        paints, charts = [], []
        for _ in range(OPENINGS):
            with opened(browser, page) as found:
                found.page.wait_for_selector(READY)
                paints.append(_entry(found.page, "first-contentful-paint"))
                charts.append(_entry(found.page, "pvtprof charts"))
        _say("first paint", paints)
        _say("all charts", charts)
        with opened(browser, page) as found:
            found.page.wait_for_selector(READY)
            chance = random.Random(0)
            _say(
                "explorer update",
                [found.page.evaluate(UPDATE, _setting(chance)) for _ in range(UPDATES)],
            )


def _setting(chance: random.Random) -> list[str]:
    return [
        str(chance.randint(224, 2048)),
        chance.choice(("8,4,2,1", "4,2,2,1", "4,4,2,1")),
        chance.choice(("pvt_v2_b2", "pvt_v2_b5", "pvt_large", "pvt_v2_b2_li")),
        chance.choice(("eager", "sdpa")),
    ]


def _entry(page: Page, name: str) -> float:
    return float(page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime"))


def _say(what: str, times_ms: list[float]) -> None:
    ordered = sorted(times_ms)
    late = ordered[int(0.95 * (len(ordered) - 1))]
    print(
        f"{what}: median {median(ordered):.0f} ms, 95th percentile {late:.0f} ms, "
        f"most {ordered[-1]:.0f} ms of {len(ordered)}"
    )


if __name__ == "__main__":
    main(sys.argv[1])
