"""The rows of a user's own module: its closed form at a setting, beside what witnesses saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pvtprof.designs.part import MODEL, Part, path_to, submodule
from pvtprof.moment import Moment, module_at
from pvtprof.observe.witness import Count
from pvtprof.run.row import Row, joined
from pvtprof.run.targets import Target

if TYPE_CHECKING:
    from pvtprof.derive.evaluate import PartCosts

#: A figure of each submodule by its path, those of its submodules left out.
ByModule: TypeAlias = Mapping[str, int]


def rows(target: Target, depth: int) -> tuple[Row, ...]:
    """The rows of a module by its closed form: the whole, then its submodules down to a depth.

    The submodules add up to the whole; the peak of one is the most that is alive while it runs.
    """
    point, mode = target.setting.point, target.setting.mode
    costs, step = target.forms["inference"](**point), target.forms[mode](**point)
    whole = replace(
        _row(target, MODEL, (costs.macs, costs.params, costs.read_bytes, costs.written_bytes)),
        peak=Moment(int(step.peak_bytes), step.peak_at),
        saved_bytes=int(step.saved_bytes) if mode == "training" else None,
        remarks=target.remarks,
    )
    return (whole, *(_part(target, part) for part in parts(target, depth)))


def parts(target: Target, depth: int) -> list[PartCosts]:
    """The submodules down to a depth, each with what lies below it; none at depth 0."""
    from pvtprof.derive.evaluate import folded

    if not depth:
        return []
    forward, step = (
        folded(target.forms[mode].parts(**target.setting.point), depth)
        for mode in ("inference", target.setting.mode)
    )
    peaks = {part.module: part.peak_bytes for part in step}
    return [replace(part, peak_bytes=peaks.get(part.module, 0)) for part in forward]


def _part(target: Target, part: PartCosts) -> Row:
    figures = (part.macs, part.params, part.read_bytes, part.written_bytes)
    row = _row(target, submodule(part.module), figures)
    return replace(row, blocks=part.calls, peak=Moment(part.peak_bytes, ""))


def _row(target: Target, part: Part, figures: Sequence[Any]) -> Row:
    macs, params, read, written = map(int, figures)
    return Row(
        design=target.design,
        part=part,
        setting=target.setting,
        runs_as=target.design.name,
        dim=None,
        num_heads=None,
        sr_ratio=None,
        blocks=1,
        grid=None,
        tokens=None,
        kv_tokens=None,
        macs=macs,
        params=params,
        ops=(),
        peak=Moment(0, ""),
        saved_bytes=None,
        moved=(read, written),
    )


def _fvcore(target: Target) -> Count:
    return target.subject.fvcore_count("cpu")  # off a GPU, where the timed process is


def _torch(target: Target) -> Count:
    return target.subject.torch_count()


def _params(target: Target) -> Count:
    return Count(target.subject.params(), target.subject.params_by_module())


def _peak(target: Target) -> Count:
    watch = target.subject.watched(target.setting.mode)
    found: dict[str, int] = {}
    for moment in watch.timeline:
        module = module_at(moment.at)
        found[module] = max(found.get(module, 0), moment.bytes)
    return Count(max(found.values(), default=0), found)


def _saved(target: Target) -> Count:
    saved = target.subject.step[1]
    return Count(saved, {"": saved})


#: How each witness watches a user's own module, by its name in a row.
WATCHES: Mapping[str, Callable[[Target], Count]] = {
    "torch": _torch,
    "params": _params,
    "peak bytes": _peak,
    "saved bytes": _saved,
}
#: Those that need the module with weights.
ON_REAL: Mapping[str, Callable[[Target], Count]] = {"fvcore": _fvcore}


def witnessed(target: Target, its: Sequence[Row], name: str, count: Count) -> list[Row]:
    """The rows of a module with what one witness saw of it, each with its part of the figure."""
    if name in ("peak bytes", "saved bytes"):
        return [_with_largest(row, name, count, _path(row, its)) for row in its]
    formula = _formula(target, name)
    return [_with_sum(row, name, formula, count, _path(row, its)) for row in its]


def _path(row: Row, its: Sequence[Row]) -> Callable[[str], bool]:
    """Whether a submodule lies in the part of a row."""
    paths = {one.part.module for one in its}
    depth = max((path.count(".") + 1 for path in paths if path), default=1)
    return lambda module: row.part == MODEL or path_to(module, depth) == row.part.module


def _with_sum(
    row: Row, name: str, formula: ByModule, count: Count, lies_in: Callable[[str], bool]
) -> Row:
    ours = {module: figure for module, figure in formula.items() if figure and lies_in(module)}
    theirs = {module: found for module, found in count.by_module.items() if lies_in(module)}
    skipped = count.skipped if row.part == MODEL else {}
    total = count.counted if row.part == MODEL else sum(theirs.values())
    found = joined(ours, Count(total, theirs, skipped, count.handles))
    return replace(row, witnesses={**row.witnesses, name: found})


def _with_largest(row: Row, name: str, count: Count, lies_in: Callable[[str], bool]) -> Row:
    if name == "saved bytes":
        if row.saved_bytes is None:
            return row
        formula, seen = row.saved_bytes, count.counted
    else:
        formula = row.peak.bytes
        seen = max((found for at, found in count.by_module.items() if lies_in(at)), default=0)
    found = joined({"": formula}, Count(seen, {"": seen}))
    return replace(row, witnesses={**row.witnesses, name: found})


def _formula(target: Target, name: str) -> ByModule:
    """What the closed form says of each submodule, in the unit of a witness."""
    its = target.forms["inference"].parts(**target.setting.point)
    if name == "params":
        return {part.module: part.params for part in its}
    worth = {"fvcore": 1, "torch": 2}[name]
    return {part.module: worth * part.macs for part in its}
