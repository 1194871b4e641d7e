"""Where it goes: time, MACs, bytes moved and parameters, of each stage and the whole, by operator.

``assets/where.js`` follows the explorer by the same rules: for the same figures it gives the same
sentences, labels and widths as ``bars_drawn`` and ``bars_time_drawn`` here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pvtprof.designs.variants import VARIANTS
from pvtprof.predict.program import key
from pvtprof.report import phrases, sheets
from pvtprof.report.figures.style import palette
from pvtprof.report.page import explorer
from pvtprof.report.sections import bars_time, bars_time_drawn
from pvtprof.report.sections.bars import GROUPS, Frame, frames_of, own_frames
from pvtprof.report.sections.bars_drawn import QUANTITIES, SCALES, DrawnFrame, drawn
from pvtprof.report.sections.clock_reasons import NAMES
from pvtprof.report.sections.clock_shares import MEASURED
from pvtprof.report.sheet import Sheet
from pvtprof.run.run import Run

#: How strong the hue of a design is in an operator's segment; of one that is not here: 0.5.
SHADES = {
    "q": 0.4,
    "pool": 0.55,
    "sr": 0.7,
    "norm": 0.3,
    "act": 0.4,
    "kv": 0.55,
    "scores": 0.7,
    "scale": 0.3,
    "softmax": 0.4,
    "mix": 0.55,
    "merge": 0.3,
    "proj": 0.4,
    "MLPs": 0.2,
    "embeddings": 0.1,
    "neck": 0.16,
    "head": 0.22,
    "norms, sums, copies": 0.06,
    bars_time.REST: 0.12,
    bars_time.ALL: 0.4,
}
#: Of a user's own module, one after the other.
OWN_SHADES = (0.6, 0.3, 0.45, 0.2)


@dataclass(frozen=True)
class Where:
    """The section: its finding, its frames as drawn, and the data of all switches.

    They are drawn for the first of ``quantities``: time where it is known, else MACs.
    """

    title: str
    text: str
    names: tuple[str, ...]
    reference: str
    drawn: tuple[DrawnFrame, ...]
    colors: dict[str, str]
    shades: dict[str, float]
    data: dict[str, Any]
    follows: bool
    sheets: tuple[Sheet, ...]
    quantities: Mapping[str, str]
    timed: str = ""

    @property
    def scales(self) -> Mapping[str, str]:
        """How bars can be drawn, in words."""
        scales = {name: text.format(self.reference) for name, text in SCALES.items()}
        return scales if len(self.colors) > 1 else {"absolute": scales["absolute"]}


def where(run: Run) -> Where | None:
    """Return where the costs of a comparison go; None where no part of it has any."""
    frames = own_frames(run) if run.is_own else frames_of(run)
    if not any(segment.macs for bar in frames[-1].bars for segment in bar.segments):
        return None
    timed = bars_time.time_frames(run)
    title, shown = bars_time_drawn.drawn(timed) if timed else drawn(frames, "macs")
    shades = _shades(run, frames)
    return Where(
        title,
        _text(run),
        tuple(frame.name for frame in frames),
        run.reference,
        shown,
        palette(run.variants),
        shades,
        {
            "frames": [] if follows(run) else packed(frames),  # the explorer computes them
            "groups": [] if run.is_own else GROUPS,
            "shades": {**SHADES, **shades},
            "words": {} if run.is_own else phrases.OPERATORS,
            **_time_data(run, timed),
        },
        follows(run),
        tuple(_sheets(run)),
        {**({"time": "time"} if timed else {}), **QUANTITIES},
        _timed(run, timed),
    )


def _shades(run: Run, frames: Sequence[Frame]) -> dict[str, float]:
    """Return how strong the hue is in each segment that is drawn."""
    names = list(dict.fromkeys(s.name for f in frames for bar in f.bars for s in bar.segments))
    if run.is_own:
        return {name: OWN_SHADES[i % len(OWN_SHADES)] for i, name in enumerate(names)}
    names += [bars_time.REST, bars_time.ALL]
    return {name: SHADES.get(name, 0.5) for name in names}


def _time_data(run: Run, timed: Sequence[bars_time.TimeFrame]) -> dict[str, Any]:
    """Return the seconds of the run for the page's script, and what it predicts others with."""
    if not timed:
        return {}
    calibration = key(run.calibration) if run.calibration else None
    return {
        "time": bars_time.packed(timed),
        "calibration": calibration,
        "operators": NAMES,
    }


def _timed(run: Run, timed: Sequence[bars_time.TimeFrame]) -> str:
    """Return how the times came about; "" where there are none."""
    kinds = {bar.kind for frame in timed for bar in frame.bars if bar.segments}
    if not kinds:
        return ""
    return "Timed" if MEASURED in kinds else "Predicted"


def _text(run: Run) -> str:
    if run.is_own:
        return "The submodules of each module add up to the whole."
    training = " MACs are those of the forward pass." if run.setting.mode == "training" else ""
    return (
        "A bar is the attention of all blocks of a stage, operator by operator, from left to "
        f"right as they run. Each frame has its own scale; predicted times are outlines.{training}"
    )


def _sheets(run: Run) -> Iterator[Sheet]:
    if run.is_own:
        from pvtprof.report import own

        yield from [its] if (its := own.submodules(run)).lines else []
    else:
        yield sheets.costs(run)
        yield sheets.operators(run)


def follows(run: Run) -> bool:
    """Whether a page's explorer has every design of the run, so that the frames can follow it."""
    return explorer.is_explorable(run) and all(
        design.name in VARIANTS and design.spec == run.designs[0].spec.with_attention(design.name)
        for design in run.designs
    )


def packed(frames: Sequence[Frame]) -> list[Any]:
    """Return the frames for JSON; whole numbers as text, since JavaScript rounds large ones."""
    return [
        [
            frame.name,
            [
                [
                    bar.design,
                    [[s.name, str(s.macs), str(s.moved), str(s.params)] for s in bar.segments],
                ]
                for bar in frame.bars
            ],
        ]
        for frame in frames
    ]
