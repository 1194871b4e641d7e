"""The section "As the image grows": MACs, memory and predicted time from 64 to 4,096 pixels.

What it says is chosen here by rules; the page's script ``curves.js`` has the same rules for other
settings. Lines end where a design takes no image, and those of time where none fits into memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pvtprof import units
from pvtprof.designs.checks import MAX_SIDE
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.setting import Setting
from pvtprof.designs.variants import VARIANTS
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.probes import LARGEST_IMAGE
from pvtprof.predict.program import key
from pvtprof.report import sentences as sentences_of_run
from pvtprof.report.figures.style import color_of
from pvtprof.report.page import explorer
from pvtprof.report.sections import curves, loglog
from pvtprof.report.sections.growth_pictures import BESIDE, Picture, pictures, sheet
from pvtprof.report.sections.growth_words import AXES, Found, remarks, sentences, title
from pvtprof.report.sheet import Sheet
from pvtprof.run.run import Run

#: What is said under the pictures where the setting is one of training.
OF_INFERENCE = "Memory and time by image size are of inference here; MACs are those of both modes."
#: What is assumed where the run does not know how much memory there is.
MEMORY_BYTES = 24 * 2**30


@dataclass(frozen=True)
class Growth:
    """The section: a finding, what else is to be said, three panels and the table behind them.

    ``data`` is what the page's script starts from; None where it does not follow the explorer.
    """

    title: str
    sentences: tuple[str, ...]
    pictures: tuple[Picture, ...]
    sheet: Sheet
    remarks: tuple[str, ...] = ()
    data: dict[str, Any] | None = None


def growth(run: Run) -> Growth | None:
    """Return the section of a run of one comparison; None where no design takes such an image."""
    if run.is_own:
        return _own(run)
    found = find(run)
    if not found.curves:
        return None
    return Growth(
        title(found),
        sentences(found),
        tuple(pictures(found)),
        sheet(found),
        remarks(found) + ((OF_INFERENCE,) if run.setting.mode == "training" else ()),
        data(run, found) if explorer.is_explorable(run) else None,
    )


def _own(run: Run) -> Growth | None:
    """Return the section of modules of the user's own."""
    from pvtprof.report.sections import own_growth

    found = own_growth.grown(run)
    if not found:
        return None
    return Growth(
        own_growth.title(found),
        (),
        own_growth.pictures(found),
        own_growth.sheet(found),
        own_growth.sentences(found),
    )


def find(run: Run) -> Found:
    """Return all figures of the section."""
    setting = curves.in_inference(run.setting)
    known = run.memory_bytes
    designs = {d.name: d for d in run.designs if isinstance(d, PvtDesign)}
    dots = tuple(
        (row.design.name, row.latency.median)
        for row in run.rows
        if row.part == MODEL and row.latency and row.setting.mode == "inference"
    )
    found = at(designs, setting, known or MEMORY_BYTES, run.calibration)
    how = "assumed" if known is None else "of this machine"
    return replace(found, how=how, place=place(run), dots=dots)


def at(
    designs: Mapping[str, PvtDesign],
    setting: Setting,
    memory: int,
    calibration: Calibration | None,
) -> Found:
    """Return the figures of some designs in a setting of inference."""
    drawn = (curves.curve(design, setting, memory, calibration) for design in designs.values())
    found = tuple(one for one in drawn if one)
    macs = curves.fewest_macs(found, designs)
    return Found(
        found,
        macs,
        curves.least_time(found),
        memory,
        setting.image,
        is_predicted=calibration is not None,
    )


def place(run: Run) -> str:
    """Return by what times are predicted: its date, its place and its interval; or how to be."""
    its = run.calibration
    if its is None and run.setting.mode != "inference":
        return "Time is predicted for inference alone, and this run is of training."
    if its is None:
        words = f" --dtype {run.setting.dtype}" * (run.setting.dtype != "float32")
        words += " --device cuda" * run.setting.on_cuda
        return (
            f"No time is predicted: this run has no calibration. Run `pvtprof calibrate{words}`, "
            f"then `{run.command}`."
        )
    low, high = (100 * bound for bound in (its.quality["model"].low, its.quality["model"].high))
    threads = its.environment.threads
    where = f"{its.environment.device}, {units.integer(threads)} thread{'s' * (threads != 1)}"
    doubt = " It was made on a busy machine." if its.is_doubtful else ""
    side = sentences_of_run.bias(run)
    return (
        f"Times are predicted by a calibration of {_date(its)} ({_age(run, its)}; {where}, "
        f"{its.dtype}); nine in ten lie between {low:.0f} and {high:.0f} % of their line.{doubt} "
        f"It was measured on images of at most {LARGEST_IMAGE} pixels a side: beyond, it "
        f"extrapolates.{' ' * bool(side)}{side}"
    )


def _date(its: Calibration) -> str:
    return its.environment.date.partition("T")[0]


def _age(run: Run, its: Calibration) -> str:
    """Return how old a calibration was when the run was made."""
    try:
        then, now = (datetime.fromisoformat(e.date) for e in (its.environment, run.environment))
        days = (now - then).days
    except (TypeError, ValueError):  # withheld
        return "of unknown age"
    return (
        "the same day as this run" if days < 1 else f"{days} day{'s' * (days > 1)} before this run"
    )


def data(run: Run, found: Found) -> dict[str, Any]:
    """Return what the page's script needs beside the explorer's program and calibration."""
    return {
        "sides": curves.SIDES,
        "step": curves.STEP,
        "memory": str(found.memory),
        "how": found.how,
        "place": found.place,
        "of_inference": OF_INFERENCE,
        "calibration": run.calibration and key(run.calibration),
        "axes": AXES,
        "beside": BESIDE,
        "texts": explorer.texts(run),
        "dots": found.dots,
        "keeps": {design.name for design in run.designs} != set(VARIANTS),
        "most": MAX_SIDE,
        "colors": {name: color_of(name) for name in VARIANTS},
        "plot": (loglog.WIDTH, loglog.HEIGHT, *loglog.PLOT, loglog.LINE, loglog.LETTER),
    }
