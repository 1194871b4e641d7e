"""Notes that a reader needs to read the figures of a run rightly."""

from __future__ import annotations

from collections.abc import Iterator

from pvtprof import units
from pvtprof.analytic.parts import costs_by_part
from pvtprof.designs.part import MODEL
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import DETECTIONS, TASKS
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.predict.prediction import VECTORS
from pvtprof.report import gpu
from pvtprof.run.row import Row
from pvtprof.run.rows import terms_of
from pvtprof.run.run import Run
from pvtprof.run.witnesses import WITNESSES

#: What ended the measuring of a place, in words.
STOPS = {
    "interval": "the 95 % interval of every ratio was narrower than 2 %",
    "budget": "its share of --budget was spent",
    "rounds": "200 rounds were made",
}


def _unpredicted(run: Run) -> Iterator[str]:
    """Yield rows without a prediction, and modules whose operators could not be timed."""
    if missing := [
        row.name for row in run.rows if run.ceilings and not row.predicted and not row.is_own
    ]:
        yield (
            "Not predicted, because the calibration has not seen their kernels: "
            f"{', '.join(missing)}."
        )
    if untimed := [
        row.name
        for row in run.rows
        if row.latency and row.predicted and row.part.stage is not None and not row.parts_s
    ]:
        yield (
            "Operators were not timed one by one, because time was short or torch ran other "
            f"operators than expected: {', '.join(untimed)}."
        )


def _short_rows(run: Run) -> Iterator[str]:
    """Yield reductions that leave fewer keys than a vector holds, which slows softmax on a CPU."""
    setting, size = run.setting, run.setting.bytes_each
    if short := [
        f"{row.name} ({row.kv_tokens})"
        for row in run.rows
        if (row.sr_ratio or 1) > 1
        and row.kv_tokens
        and setting.attention == "eager"
        and row.kv_tokens * size < VECTORS[-1]
        and not setting.on_cuda
    ]:
        yield (
            f"Fewer keys than a vector of AVX-512 holds ({VECTORS[-1] // size}): "
            f"{', '.join(short)}. A softmax then takes them one by one, and a smaller R can be "
            "faster."
        )


def _stops(run: Run) -> Iterator[str]:
    """Yield what ended the measuring, by stage or model."""
    places: dict[str, dict[str, None]] = {}
    for row in run.rows:
        if row.latency and row.latency.stopped:
            place = f"stage {row.part.stage}" if row.part.stage else "the model"
            places.setdefault(STOPS[row.latency.stopped], {})[place] = None
    for why, stopped in places.items():
        yield f"Timed until {why}: {', '.join(stopped)}."


def _task(run: Run) -> Iterator[str]:
    """Yield the MACs of backbone, neck and head, and what the head leaves out."""
    for row in run.rows:
        if row.is_own or row.part != MODEL:
            continue
        if costs := costs_by_part(terms_of(row), row.design.spec):
            parts = (f"{name} {units.giga(cost.macs)}" for name, cost in costs.items())
            yield f"{row.design.name}, MACs: {', '.join(parts)}."
    if not run.is_own:
        yield from left_out(run.designs[0].spec, run.setting.mode)


def left_out(spec: ModelSpec, mode: str = "inference") -> Iterator[str]:
    """Yield what the head of a task leaves out, and the proposals that it takes."""
    if names := TASKS[spec.task].leaves_out(mode):
        step = "a training step of " if mode == "training" else ""
        yield f"Left out of {step}{spec.task}: {', '.join(names)}."
    if spec.task == "mask-rcnn":
        yield (
            f"The box head takes {units.integer(spec.proposals)} proposals of each image, the mask "
            f"head {DETECTIONS} detections."
        )


def _why_plain(row: Row) -> str:
    """Return why a stage runs plain attention though its design is another; "" where it does not.

    The design of one variant leaves the stage with a class token plain where it pools.
    """
    if row.part.stage is None or row.runs_as != PLAIN:
        return ""
    asked = row.design.spec.stages[row.part.stage - 1].variant
    if asked != PLAIN:
        return "R is 1"
    is_pooling = row.design.name in VARIANTS and VARIANTS[row.design.name].pools
    return "the class token cannot be pooled" if is_pooling else ""


def notes(run: Run) -> Iterator[str]:
    """Yield the notes that a reader needs to read the figures rightly."""
    yield from facts(run)
    yield from remarks(run)


def facts(run: Run) -> Iterator[str]:
    """Yield the notes without what is doubtful about times."""
    for row in run.rows:
        if why := _why_plain(row):
            yield f"{row.name} is plain mha here: {why}."
    yield from _task(run)
    for witness in WITNESSES:
        found = [row.witnesses[witness] for row in run.rows if witness in row.witnesses]
        if skipped := sorted({op for agreement in found for op in agreement.skipped}):
            names = ", ".join(op.removeprefix("aten::") for op in skipped)
            yield f"Not counted by {witness}: {names}."
    if rest := [
        row.witnesses["allocator"].rest for row in run.rows if "allocator" in row.witnesses
    ]:
        yield (
            f"CUDA's allocator holds between {units.integer(min(rest))} and "
            f"{units.integer(max(rest))} bytes beside the tensors in its blocks of 512: workspaces "
            "of kernels, other kernels than the CPU's, and large blocks that it does not split."
        )
    taught = sorted(
        {h for row in run.rows for found in row.witnesses.values() for h in found.handles}
    )
    if taught:
        yield f"fvcore itself counts {', '.join(taught)} as 0; pvtprof registered a handle for it."
    yield from _unpredicted(run)
    yield from _short_rows(run)
    yield from _stops(run)
    yield from gpu.notes(run)
    for row in run.rows:
        for remark in row.remarks:
            yield f"{row.design.name}: {remark}."


def remarks(run: Run) -> Iterator[str]:
    """Yield what is doubtful about times, one line a kind, with its rows and by how much."""
    found: dict[str, list[str]] = {}
    for row in run.rows:
        if row.not_run:
            found.setdefault(f"not measured: {row.not_run}", []).append(row.name)
        for one in row.latency.remarks if row.latency else ():
            name = f"{row.name} ({one.figure})" if one.figure else row.name
            found.setdefault(f"{one.what}; {one.remedy}", []).append(name)
    for remark, rows in found.items():
        yield f"{', '.join(rows)}: {remark}."
