"""Twenty-odd runs of every kind, made by hand: no torch, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pvtprof
from pvtprof.designs.design import TargetDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.setting import Setting
from pvtprof.moment import Moment
from pvtprof.observe.measurement import Measurement
from pvtprof.predict.calibration import Calibration
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from tests.builders import (
    ENVIRONMENT,
    MINE,
    made_up_calibration,
    observed_run,
    with_row,
    with_witness,
)

REPORTS = Path(__file__).parents[2] / "reports"
SMALL = {"model": "pvt_v2_b0", "img": 64, "sr_ratios": (2, 2, 1, 1)}
#: Samples around 1 whose 95 % interval is 2 %, 30 % and 80 % wide.
CALM = (0.98, 0.985, 0.99, 0.995, 1.0, 1.005, 1.01)
WIDE = (0.8, 0.85, 0.9, 1.0, 1.05, 1.1, 1.15)
WILD = (0.5, 0.6, 0.8, 1.0, 1.2, 1.3, 1.4)


def timed(
    run: Run,
    seconds: Mapping[tuple[str, int | None], float],
    shape: Sequence[float] = CALM,
    **series: float,
) -> Run:
    """The run with these seconds by (design, stage); rows without one are not timed."""
    rows = []
    for row in run.rows:
        middle = seconds.get((row.design.name, row.part.stage))
        samples = tuple(middle * one for one in shape) if middle else ()
        extra = {name: tuple(share * s for s in samples) for name, share in series.items()}
        latency = Measurement(samples, series=extra) if samples else None
        rows.append(replace(row, latency=latency))
    return replace(run, rows=tuple(rows))


def times(
    mha: Sequence[float], conv: Sequence[float], pool: Sequence[float]
) -> dict[tuple[str, int | None], float]:
    """Milliseconds of the four stages and of the whole, of the three designs, as seconds."""
    those = {"mha": mha, "sra_conv": conv, "sra_pool": pool}
    places = (1, 2, 3, 4, None)
    return {
        (name, place): 1e-3 * one
        for name, found in those.items()
        for place, one in zip(places, found, strict=True)
    }


USUAL = times((28, 3.7, 1.62, 1.12, 162), (2.4, 1.7, 1.86, 1.12, 95), (1.8, 1.4, 1.6, 2.0, 94))
SLOW = times((1, 1, 1, 1, 20), (2, 2, 2, 1, 30), (3, 3, 3, 3, 40))


@cache
def base() -> Run:
    """The three designs of pvt_v2_b2 at 224, observed."""
    return observed_run()


@cache
def calibration() -> Calibration:
    """A machine that was never measured."""
    return made_up_calibration()


def own_run() -> Run:
    """Two modules of the user's own, the second larger and slower."""
    rows = []
    for name, size in (("a", 1), ("b", 3)):
        design = TargetDesign(name, f"m.py:{name}", shape=("b", 64, "h", "w"))
        setting = Setting(0, 0, device="cpu", sizes=(("b", 1), ("h", 8), ("w", 8)))
        rows.append(
            Row(
                *(design, MODEL, setting, name, None, None, None, 1, None, None, None),
                macs=size * 10**6,
                params=size * 1000,
                ops=(),
                peak=Moment(size * 4096, "addmm"),
                moved=(100, 100),
                latency=Measurement(tuple(1e-3 * size * one for one in CALM)),
            )
        )
    return Run(ENVIRONMENT, tuple(rows), "pvtprof compare --target m.py:a --target m.py:b")


def _not_run(run: Run) -> Run:
    rows = tuple(
        replace(row, latency=None, not_run="ran out of memory") if row.design.name == "mha" else row
        for row in run.rows
    )
    return replace(run, rows=rows)


def _on_gpu(run: Run) -> Run:
    rows = tuple(replace(row, setting=replace(row.setting, device="cuda:0")) for row in run.rows)
    return timed(replace(run, rows=rows), USUAL, wall=2.0)


#: Every run by what is special about it.
RUNS: Mapping[str, Callable[[], Run]] = {
    "formulas alone": lambda: pvtprof.compare(analytic=True),
    "measured at 224": lambda: pvtprof.load(REPORTS / "xeon-2-cores-224.json"),
    "measured at 512": lambda: pvtprof.load(REPORTS / "xeon-2-cores-512.json"),
    "training": lambda: pvtprof.load(REPORTS / "xeon-2-cores-224-training.json"),
    "predicted": lambda: pvtprof.compare(analytic=True, calibration=calibration()),
    "predicted on a busy machine": lambda: pvtprof.compare(
        analytic=True, calibration=replace(calibration(), waited=0.9)
    ),
    "usual times": lambda: timed(base(), USUAL),
    "reductions are slower": lambda: timed(base(), SLOW),
    "all are as fast": lambda: timed(base(), dict.fromkeys(USUAL, 0.01)),
    "wide intervals": lambda: timed(base(), USUAL, WIDE),
    "all over the place": lambda: timed(base(), USUAL, WILD),
    "waited for a core": lambda: timed(base(), USUAL, waited=0.5),
    "too few samples": lambda: timed(base(), USUAL, (1.0, 1.01)),
    "the whole alone was timed": lambda: timed(
        base(), {key: its for key, its in USUAL.items() if key[1] is None}
    ),
    "one design was not timed": lambda: timed(
        base(), {key: its for key, its in USUAL.items() if key[0] != "sra_conv"}
    ),
    "mha ran out of memory": lambda: _not_run(timed(base(), USUAL)),
    "one design": lambda: observed_run(**SMALL, designs=["sra_pool"]),
    "R is 1 everywhere": lambda: timed(
        observed_run(sr_ratios=(1, 1, 1, 1), img=64),
        times((2, 2, 2, 2, 30), (2.2, 2.2, 2.2, 2.2, 33), (1, 1, 1, 1, 20)),
    ),
    "R is 1, and no pooling": lambda: pvtprof.compare(
        img=64, sr_ratios=(1, 1, 1, 1), designs=["mha", "sra_conv"], analytic=True
    ),
    "designs of one's own": lambda: timed(
        observed_run(designs=["sra_conv", "late=sra_pool,sra_pool,sra_pool,mha", "mha"]),
        {("sra_conv", None): 0.095, ("late", None): 0.091, ("mha", None): 0.162},
    ),
    "PVT v1": lambda: pvtprof.compare("pvt_tiny", analytic=True),
    "pvt_v2_b2_li": lambda: timed(observed_run(model="pvt_v2_b2_li"), USUAL),
    "a detector": lambda: pvtprof.compare(img=(800, 1333), task="retinanet", analytic=True),
    "a pyramid of v1": lambda: pvtprof.compare("pvt_small", 512, task="pyramid", analytic=True),
    "a PVT of one's own": lambda: pvtprof.compare(MINE, analytic=True),
    "own modules": own_run,
    "on a GPU": lambda: _on_gpu(base()),
    "a counter disagrees": lambda: with_witness(base(), 1, "mha", "fvcore", 1),
    "Ctrl-C": lambda: replace(timed(base(), {("mha", 1): 0.028}), interrupted=True),
    "a batch in bfloat16": lambda: pvtprof.compare(batch=8, dtype="bfloat16", analytic=True),
    "a small image, a large pool": lambda: pvtprof.compare(img=64, pool_size=16, analytic=True),
    "fused": lambda: pvtprof.compare(attention="sdpa", analytic=True),
    "one row is wide": lambda: with_row(
        timed(base(), USUAL), 3, "sra_conv", latency=Measurement(tuple(2e-3 * s for s in WIDE))
    ),
}
