"""What a run says of a GPU: times of the device, in all and by a graph; state; memory; notes.

The terminal and Markdown show FIGURES, a page the sheets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pvtprof import units
from pvtprof.observe.measurement import median_interval
from pvtprof.report.sheet import Figure, Sheet, place_of
from pvtprof.run.on_card import busy_batch
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.witnesses import WITNESSES

#: Predictions on CUDA rest on what kernels of a processor depend on, until errors are measured.
EXPERIMENTAL = (
    "Predictions on CUDA are experimental: their kinds of kernels are those of a processor; how "
    "far they are off has not been measured on a GPU."
)
#: The times of a row, by what they are called; "device" is its latency.
TIMES = ("device", "wall", "graph")
Interval: TypeAlias = tuple[float, float] | None


def time_of(row: Row, name: str) -> tuple[float | None, Interval]:
    """The median and the 95 % interval of "wall", "graph", or of the latency, in seconds."""
    its = row.latency
    if its is None or name not in ("wall", "graph"):
        return row.latency_median_s, row.latency_interval_s
    values = its.series.get(name)
    return its.middle(name), median_interval(values) if values else None


def _series(row: Row, name: str) -> float | None:
    return row.latency.middle(name) if row.latency else None


def _launch_ratio(row: Row) -> float | None:
    return row.latency.launch_ratio if row.latency else None


def _throttled_s(row: Row) -> float | None:
    """Seconds of throttling in all samples together."""
    values = row.latency.series.get("throttled_s") if row.latency else None
    return None if values is None else sum(values)


def _worded(value: float | None, words: str) -> str:
    return "-" if value is None else words.format(value)


def _times(name: str) -> tuple[Figure, Figure]:
    return (
        Figure(
            name,
            lambda row: units.milliseconds(time_of(row, name)[0]),
            lambda row: time_of(row, name)[0],
        ),
        Figure("95 %", lambda row: units.interval(time_of(row, name)[1])),
    )


#: What a GPU says of a row, in the order of the tables; one that no row has is left out.
FIGURES: tuple[Figure, ...] = (
    *(figure for name in TIMES for figure in _times(name)),
    Figure("wall/device", lambda row: _worded(_launch_ratio(row), "{:.2f}")),
    Figure("busy from", lambda row: _worded(busy_batch(row), "batch {}")),
    Figure("backend", lambda row: row.backend or "-"),
    Figure("clock", lambda row: _worded(_series(row, "sm_mhz"), "{:.0f} MHz")),
    Figure("heat", lambda row: _worded(_series(row, "celsius"), "{:.0f} °C")),
    Figure("throttled", lambda row: units.milliseconds(_throttled_s(row))),
    Figure(
        "energy",
        lambda row: _worded(_series(row, "joules"), "{:.3g} J"),
        lambda row: _series(row, "joules"),
    ),
)


def latencies(run: Run) -> Sheet:
    """Device, wall and graph time of every row, what would keep the GPU busy, and the intervals."""
    names = [name for name in TIMES if any(time_of(row, name)[0] is not None for row in run.rows)]
    header = (
        *("place", "design", *(f"{name} (ms)" for name in names)),
        *("wall/device", "busy from batch"),
        *(f"{name} 95 % {end} (ms)" for name in names for end in ("low", "high")),
        *("samples", "calls a sample", "ended by", "remark"),
    )
    return Sheet(
        "Time on the GPU, of one attention module and of the whole model",
        header,
        tuple(_line(row, names) for row in run.rows),
    )


def _line(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    taken = row.latency
    times = [time_of(row, name) for name in names]
    bounds = [seconds for _, interval in times for seconds in interval or (None, None)]
    return (
        *place_of(row),
        *(units.bare_milliseconds(median) for median, _ in times),
        _worded(_launch_ratio(row), "{:.3g}"),
        units.integer(busy_batch(row)),
        *map(units.bare_milliseconds, bounds),
        units.integer(len(taken.samples) if taken else 0),
        units.integer(taken.calls if taken else None),
        (taken and taken.stopped) or "-",
        "; ".join(taken.warnings) if taken else row.not_run or "",
    )


def states(run: Run) -> Sheet:
    """What the card did while rows were timed, and the kernel of fused attention that it ran."""
    header = (
        *("place", "design", "backend", "clock (MHz)", "heat (°C)", "throttled (ms)"),
        *("energy a call (J)", "processor time (ms)"),
    )
    lines = tuple(
        (
            *place_of(row),
            row.backend or "-",
            _worded(_series(row, "sm_mhz"), "{:.0f}"),
            _worded(_series(row, "celsius"), "{:.0f}"),
            units.bare_milliseconds(_throttled_s(row)),
            _worded(_series(row, "joules"), "{:.4g}"),
            units.bare_milliseconds(_series(row, "cpu")),
        )
        for row in run.rows
    )
    return Sheet("State of the GPU while each row was timed", header, lines)


#: The witnesses of a GPU's memory.
_MEMORY = ("requested bytes", "allocator", "reserved bytes", "taken bytes")


def memory(run: Run) -> Sheet:
    """What each row asks of the GPU's memory and what is held of it, beside the formula."""
    header = (
        *("place", "design", "formula, requested", "requested", "formula, in blocks"),
        *("in blocks", "reserved", "context and other programs"),
    )
    lines = []
    for row in run.rows:
        found = [row.witnesses.get(name) for name in _MEMORY]
        requested, allocated, reserved, taken = (its.counted if its else None for its in found)
        formulas = [its.formula if its else None for its in found]
        cells = (formulas[0], requested, formulas[1], allocated, reserved, taken)
        lines.append((*place_of(row), *map(units.integer, cells)))
    return Sheet("Memory of the GPU (bytes)", header, tuple(lines))


def has_memory(run: Run) -> bool:
    """Whether the GPU said of any row what it takes of its memory."""
    return any(name in row.witnesses for row in run.rows for name in _MEMORY)


def notes(run: Run) -> Iterator[str]:
    """Yield the notes that a GPU adds to a run; nothing on other devices."""
    if not run.setting.on_cuda:
        return
    if run.failure:
        yield f"The measuring ended early: {run.failure}."
    if run.setting.dtype == "float32" and run.environment.tf32:
        yield (
            f"TF32 is {run.environment.tf32}, for convolutions and matrix products alike "
            "(--tf32 off|on)."
        )
    if run.measured:
        yield (
            "device: kernels back to back, launches not counted; wall: what eager code takes. "
            "Where wall/device is above 1.2, the GPU waits for launches; from about the batch in "
            "the table on it would not."
        )
    yield from _backends(run)
    yield from _held(run)
    if run.measured and not any(row.latency and row.latency.middle("sm_mhz") for row in run.rows):
        yield "Clocks and heat were not read: NVML (pip install nvidia-ml-py) did not say them."
    if any(row.predicted for row in run.rows):
        yield EXPERIMENTAL


def _held(run: Run) -> Iterator[str]:
    """The most memory that the allocator, and what is not the allocator's, held with any row."""
    said = [
        f"{WITNESSES[name].label.removesuffix(' (bytes)')} {units.size(max(held))}"
        for name in _MEMORY[2:]
        if (held := [row.witnesses[name].counted for row in run.rows if name in row.witnesses])
    ]
    if said:
        yield f"At most: {', '.join(said)}."


def _backends(run: Run) -> Iterator[str]:
    by_backend: dict[str, list[str]] = {}
    for row in run.rows:
        if row.backend:
            by_backend.setdefault(row.backend, []).append(row.name)
    for backend, rows in by_backend.items():
        yield f"Fused attention ran torch's {backend} backend: {', '.join(rows)}."
