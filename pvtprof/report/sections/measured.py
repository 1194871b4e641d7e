"""How it was measured: the warnings of a run, each once with its rows, and how timing ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pvtprof import units
from pvtprof.report import notes, own, sentences
from pvtprof.run.run import Run

#: Notes that the section about trust has.
ELSEWHERE = ("Not counted by ", "fvcore itself counts ")
#: What a reader meets on the page and may not know.
WORDS = {
    "MAC": 'One multiply-accumulate; papers print GMACs as "GFLOPs". A FLOP here is half a MAC.',
    "peak": "The most bytes of live tensors at once, above input and parameters.",
    "moved": "Bytes read and written, each operand of each operator once.",
    "saved": "Bytes that a training forward pass keeps for the backward pass.",
    "witness": "What watches a real module run and knows no formula of pvtprof.",
    "place": "A submodule, or the operator that holds the peak.",
    "mha": "Plain attention: every token is a key.",
    "sra_conv": "Keys reduced by a strided convolution of R x R.",
    "sra_pool": "Keys pooled to a fixed grid.",
    "mix": "The product of softmax and values. A mix of designs is one that differs by stage.",
}


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning: what is doubtful, what to do, and the rows that it concerns."""

    what: str
    remedy: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """How a comparison was measured."""

    title: str
    place: str
    image: str
    setting: str
    warnings: tuple[Warned, ...]
    notes: tuple[str, ...]


def measured(run: Run) -> Measured:
    """Return the section of a run of one comparison."""
    warned = tuple(_warnings(run))
    if run.is_own:
        setting = own.setting(run)
    else:
        setting = f"{sentences.setting(run)}, {sentences.reductions(run)}"
    image = "" if run.is_own else units.grid(*run.setting.image)
    rest = [text for text in notes.facts(run) if not text.startswith(ELSEWHERE)]
    return Measured(_title(run, warned), _place(run), image, setting, warned, tuple(rest))


def _place(run: Run) -> str:
    """Return what was measured and greys where the bar says something else."""
    return own.title(run) if run.is_own else sentences.place(run)


def _title(run: Run, warned: tuple[Warned, ...]) -> str:
    timed = [row for row in run.rows if row.latency]
    if not timed:
        counted = "counted, and not timed" if run.counted else "computed by formula alone"
        return f"This run was {counted}; `pvtprof compare` without --analytic times it too."
    samples = sum(len(row.latency.samples) for row in timed if row.latency)
    where = f"on {run.environment.device}" + _threads(run)
    doubtful = {name for one in warned for name in one.rows}
    text = f"{len(timed)} rows were timed {where}, {units.integer(samples)} samples in turns"
    rows = f"{len(doubtful)} row{'s' * (len(doubtful) != 1)}"
    return f"{text}; {rows} with a warning." if doubtful else f"{text}."


def _threads(run: Run) -> str:
    count = run.environment.threads
    return "" if count is None else f" with {count} thread{'s' * (count != 1)}"


def _warnings(run: Run) -> Iterator[Warned]:
    """Yield what is doubtful, once each, with the rows of which it is and by how much."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in run.rows:
        if row.not_run:
            found.setdefault((f"not measured: {row.not_run}", ""), []).append(row.name)
        for one in row.latency.remarks if row.latency else ():
            name = f"{row.name} ({one.figure})" if one.figure else row.name
            found.setdefault((one.what, one.remedy), []).append(name)
    for (what, remedy), rows in found.items():
        yield Warned(what, remedy, tuple(rows))
