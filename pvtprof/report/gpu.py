"""What a run says of a GPU, in sentences: times, memory, clocks.

The same words in the terminal, in Markdown and on the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from pvtprof import units
from pvtprof.observe.measurement import LAUNCH_BOUND, median_interval
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: Predictions on CUDA rest on what kernels of a processor depend on, until errors are measured.
EXPERIMENTAL = (
    "Predictions on CUDA are experimental: their kinds of kernels are those of a processor; how "
    "far they are off has not been measured on a GPU."
)


def notes(run: Run) -> Iterator[str]:
    """Yield the notes that a GPU adds to a run; nothing on other devices."""
    if not run.setting.on_cuda:
        return
    if run.failure:
        yield f"The measuring ended early: {run.failure}."
    if run.setting.dtype == "float32":
        yield (
            f"TF32 is {run.environment.tf32}, for convolutions and matrix products alike "
            "(--tf32 off|on)."
        )
    yield from _backends(run)
    for row in run.rows:
        if row.latency:
            yield f"{row.name}: {times(row)}{cure(row)}."
        if "allocator" in row.witnesses:
            yield f"{row.name}: {memory(row)}."
    if run.measured and not any(row.latency and row.latency.middle("sm_mhz") for row in run.rows):
        yield "Clocks and heat were not read: NVML (pip install nvidia-ml-py) did not say them."
    if any(row.predicted for row in run.rows):
        yield EXPERIMENTAL


def times(row: Row) -> str:
    """Return device, wall and graph time with intervals, clock, heat, throttling and energy."""
    taken = row.latency
    assert taken is not None  # asked by who calls
    said = [f"device {_time(taken.samples)}"]
    for name in ("wall", "graph"):
        if values := taken.series.get(name):
            said.append(f"{name} {_time(values)}")
    if (clock := taken.middle("sm_mhz")) is not None:
        said.append(f"{clock:.0f} MHz")
    if (heat := taken.middle("celsius")) is not None:
        said.append(f"{heat:.0f} °C")
    if throttled := sum(taken.series.get("throttled_s", ())):
        said.append(f"throttled for {units.milliseconds(throttled)} in all, by the card's counters")
    if joules := taken.mean("joules"):
        said.append(f"{joules:.3g} J a call")
    return ", ".join(said)


def _time(values: tuple[float, ...]) -> str:
    interval = median_interval(values)
    within = f" ({units.interval(interval)})" if interval else ""
    return f"{units.milliseconds(median(values))}{within}"


def cure(row: Row) -> str:
    """Return how much a row waits for launches, and the batch or graph with which it would not.

    Launches cost the same at any batch, kernels grow with it: where wall time is k times the
    device's, k times the batch keeps the device busy.
    """
    taken = row.latency
    wall = taken.middle("wall") if taken else None
    if taken is None or not wall or wall <= LAUNCH_BOUND * taken.median:
        return ""
    ratio = wall / taken.median
    batch = 2 ** math.ceil(math.log2(row.setting.batch * ratio))
    graph = taken.middle("graph")
    by_graph = f" (a graph: {units.milliseconds(graph)})" if graph else " (or --cuda-graph)"
    return f"; launch-bound {ratio:.1f} times: about --batch {batch} would keep it busy{by_graph}"


def memory(row: Row) -> str:
    """Return the bytes that the allocator was asked for and holds, beside the formula."""
    its = row.witnesses
    parts = []
    if asked := its.get("requested bytes"):
        formula = units.integer(asked.formula)
        off = "as the formula says" if asked.equal else f"formula {formula}"
        parts.append(f"requested {units.integer(asked.counted)} bytes ({off})")
    blocks = its["allocator"]
    formula = units.integer(blocks.formula)
    parts.append(f"allocated {units.integer(blocks.counted)} bytes (formula {formula})")
    for name, words in (
        ("reserved bytes", "reserved"),
        ("taken bytes", "context and other programs"),
    ):
        if held := its.get(name):
            parts.append(f"{words} {units.size(held.counted)}")
    return ", ".join(parts)


def _backends(run: Run) -> Iterator[str]:
    by_backend: dict[str, list[str]] = {}
    for row in run.rows:
        if row.backend:
            by_backend.setdefault(row.backend, []).append(row.name)
    for backend, rows in by_backend.items():
        yield f"Fused attention ran torch's {backend} backend: {', '.join(rows)}."
