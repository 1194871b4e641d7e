"""What happens inside, submodule by submodule: of users' own modules, of a task's neck and head.

A box is a submodule here: its area is what it writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pvtprof import spoken
from pvtprof.analytic.cost import Cost
from pvtprof.analytic.dense import PARTS, part_of
from pvtprof.designs.part import ITSELF, MODEL
from pvtprof.designs.tasks import TASKS
from pvtprof.report.figures.style import color_of
from pvtprof.report.sections.picture import MODULE, Drawn, Step
from pvtprof.run.row import Row
from pvtprof.run.rows import terms_of
from pvtprof.run.run import Run


def of_own(run: Run) -> tuple[Drawn, ...]:
    """The modules of the user's own whose submodules have rows, each as a row of boxes."""
    found = []
    for design in run.designs:
        rows = [row for row in run.rows if row.design == design and row.part.module is not None]
        if rows:
            found.append(module(design.name, [_own_step(row) for row in rows]))
    return tuple(found)


def _own_step(row: Row) -> Step:
    cost = Cost(row.macs, row.params, *row.moved_bytes)
    return module_step(row.part.name, cost, row.blocks)


def module_step(name: str, cost: Cost, calls: int) -> Step:
    """A submodule of a user's own module; ``cost`` has bytes read and written."""
    often = f"; called {calls:,} times" if calls > 1 else ""
    moved = cost.reads + cost.writes
    return _step(name, cost.writes, (cost.macs, moved), f"{cost.params:,} params{often}")


def of_task(run: Run) -> Iterator[tuple[str, tuple[Drawn, ...]]]:
    """The neck and the head of a task, each with its designs; one where all have the same."""
    wholes = [row for row in run.rows if row.part == MODEL and not row.is_own]
    if not wholes or TASKS[wholes[0].design.spec.task].neck is None:
        return
    for part in PARTS[1:]:
        found = [module(row.design.name, list(_steps(row, part))) for row in wholes]
        if len(found) > 1 and all(one.steps == found[0].steps for one in found):
            found = [replace(found[0], name="every design")]
        if all(one.steps for one in found):
            yield part, tuple(found)


def _steps(row: Row, part: str) -> Iterator[Step]:
    """The submodules of a part of a network, each with all of its calls."""
    by_module: dict[str, list[Cost]] = {}
    for term in terms_of(row):
        if part_of(term.op, row.design.spec) == part:
            by_module.setdefault(term.op.module or ITSELF, []).append(term.cost)
    for module, costs in by_module.items():
        cost = sum(costs, Cost())
        each = row.setting.bytes_each
        moved = each * (cost.reads + cost.writes)
        more = f"{cost.params:,} params; {len(costs):,} operators"
        yield _step(module, each * cost.writes, (cost.macs, moved), more)


def _step(name: str, written: int, costs: tuple[int, int], more: str) -> Step:
    macs, moved = costs
    text = f"{macs:,} MACs; {more}; {moved:,} bytes moved, {written:,} of them written"
    sizes = {"e": max(1, written)}
    return Step(name, MODULE, "", "", "e", sizes, (), (macs, moved, None), text=text)


def module(name: str, steps: Sequence[Step]) -> Drawn:
    """A module as the picture has it: a row of submodules, each after the one before it."""
    before = ((), *((step.name,) for step in steps))
    chain = tuple(replace(step, of=of) for step, of in zip(steps, before, strict=False))
    macs, moved = (sum(int(step.costs[k] or 0) for step in steps) for k in (0, 1))
    many = f"{len(steps):,} submodule{'s' * (len(steps) != 1)}"
    said = f"{many}, {spoken.compact(macs)} MACs, {spoken.compact(moved, 1024)} moved"
    return Drawn(name, color_of(name), said, (1, 1), chain)


def title(part: str, designs: Sequence[Drawn], measure: int = 0) -> str:
    """Which submodule has the most of a measure (MACs, bytes moved), in one sentence.

    ``part`` is "neck" or "head" of a task, or "" for whole modules.
    """
    found, what = [], ("MACs", "bytes moved")[measure]
    for design in designs:
        costs = [int(step.costs[measure] or 0) for step in design.steps]
        most = design.steps[costs.index(max(costs))]
        name = "code outside of any submodule" if most.name == ITSELF else most.name
        where = design.name if not part else f"the {part} of {design.name}"
        where = f"the {part}" if part and len(designs) == 1 else where
        found.append(
            f"in {where}, {name} has {spoken.people(max(costs), sum(costs))} of the {what}"
        )
    text = "; ".join(found)
    return f"{text[0].upper()}{text[1:]}."
