"""Ground truth: the rows of a comparison, timed by pvtprof and by ways that others trust.

python -m tests.gpu.ground_truth --output FILE
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pvtprof.analytic import liveness
from pvtprof.designs.workload import workload
from pvtprof.observe import asking, building, clocks
from pvtprof.observe import device as seam
from pvtprof.run.recipes import of_row
from pvtprof.run.rows import analytic_rows, terms_of
from tests.gpu import ways

#: What a worker would be told.
SETUP = {"mode": "inference", "graph": True, "tf32": False, "target": None, "other": None}


def rows_in_every_way(model: str, img: int, dtype: str, batch: int) -> list[dict[str, Any]]:
    """Each row with its seconds by every way, and its memory beside the formula."""
    device = asking.resolved_device("cuda")
    asked = workload(model, img, dtype=dtype, batch=batch)
    found = []
    for row in analytic_rows(asked.designs, asked.setting):
        setup = {**SETUP, "device": device, "dtype": dtype}
        built, said = building.built_rows(setup, {"rows": {row.name: of_row(row)}, "seed": 0})
        record: dict[str, Any] = {"row": row.name, **said[row.name]}
        if row.name in built:
            one = built[row.name]
            formula = liveness.requested_peak(terms_of(row), dtype)
            record |= {
                "seconds": ways.in_every_way(one),
                "is held": one.holds.plain.is_held,
                "bytes": clocks.allocated(one.call, one.device) | {"formula": formula},
            }
        found.append(record)
        built.clear()
        seam.of(device).let_go()
        print(line(record), flush=True)
    return found


def line(record: dict[str, Any]) -> str:
    """A row in one line: milliseconds by each way, and bytes beyond the formula."""
    times = record.get("seconds", {})
    said = [f"{way} {s * 1e3:.4f}" for way, s in times.items() if isinstance(s, float)]
    its = record.get("bytes")
    rest = f"; requested - formula {its['requested'] - its['formula']} bytes" if its else ""
    return f"{record['row']}: {', '.join(said) or record.get('out of memory')}{rest}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="pvt_v2_b2")
    parser.add_argument("--img", type=int, default=224)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--output", required=True)
    given = parser.parse_args()
    kept = rows_in_every_way(given.model, given.img, given.dtype, given.batch)
    Path(given.output).write_text(json.dumps(kept, indent=1) + "\n")
