"""The gate of exact figures: every difference from a baseline, in both directions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pvtprof import units
from pvtprof.check import form
from pvtprof.check.baseline import Baseline
from pvtprof.check.case import FAILED, PASSED, Case
from pvtprof.check.request import Checked, Progress
from pvtprof.check.result import GateResult, result
from pvtprof.designs.design_text import values_of
from pvtprof.designs.workload import Workload
from pvtprof.errors import UnavailableError
from pvtprof.moment import Moment
from pvtprof.observe.deadline import Limit
from pvtprof.observe.witness import Count, Observation
from pvtprof.run.observer import subject_of
from pvtprof.run.rows import analytic_rows

#: Operators that have MACs within: a counter that skips one counts too little.
HIDES_MACS = re.compile("attention|encoder_layer|conv|mm$|linear$|einsum|lstm|gru|rnn")
#: What each counter counts, in words.
COUNTED: Mapping[str, Callable[[int], str]] = {
    "torch": lambda flops: f"{units.integer(flops)} FLOPs, {units.integer(flops // 2)} MACs",
    "fvcore": lambda macs: f"{units.integer(macs)} MACs by its own convention",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One exact figure of a row that differs from the baseline.

    ``what`` is the figure, ``where`` the operator or submodule; None: not there on that side.
    """

    row: str
    what: str
    where: str
    before: int | None
    after: int | None

    def __str__(self) -> str:
        place = f" in {self.where}" if self.where else ""
        before, after = (
            "absent" if value is None else units.integer(value)
            for value in (self.before, self.after)
        )
        return f"{self.row}: {self.what}{place}: {before} -> {after}{self._difference()}"

    def _difference(self) -> str:
        if self.before is None or self.after is None:
            return ""
        more = self.after - self.before
        return f" ({'+' if more > 0 else ''}{units.integer(more)})" if more else ""


def observed(checked: Checked, progress: Progress) -> Baseline:
    """Observe now all that a baseline holds: of pvtprof's own rows, or of a user's target.

    Raises UnavailableError where a row needs more memory than is free.
    """
    from pvtprof.observe.environment import environment
    from pvtprof.observe.subject import check_settings, with_autograd

    workload, target = checked.workload, checked.target
    check_settings(workload.setting)
    closed = None
    with with_autograd():
        if target:
            rows, closed = _of_target(target, workload, checked.limit, progress)
        else:
            rows = _own_rows(workload, progress)
    return Baseline(environment(workload.device), workload, target, rows, form=closed)


def _own_rows(workload: Workload, progress: Progress) -> dict[str, Observation]:
    from pvtprof.observe import exact
    from pvtprof.observe.environment import free_bytes

    found = {}
    for row in analytic_rows(workload.designs, workload.setting):
        progress(f"watching {row.name}")
        subject = subject_of(row)
        needs, free = row.peak.bytes + subject.resident_bytes(), free_bytes(workload.device)
        if needs > free:
            raise UnavailableError(
                f"{row.name} needs {units.size(needs)}, {units.size(free)} are free; "
                "close other programs or check a smaller image"
            )
        found[row.name] = exact.of_subject(subject, workload.device, workload.mode)
    return found


def _of_target(
    target: str, workload: Workload, limit: Limit, progress: Progress
) -> tuple[dict[str, Observation], dict[str, str]]:
    """What is observed of a user's module, and its closed form as text."""
    from pvtprof.observe import exact
    from pvtprof.observe.target import built

    progress(f"watching {target}")
    with limit.over(target):
        module, inputs = built(target)
    found = exact.of_module(module, inputs, workload.mode, limit)
    progress(f"deriving {target}")
    return {target: found}, form.held(target, workload.mode)


def changes(before: Mapping[str, Observation], after: Mapping[str, Observation]) -> list[Change]:
    """Return every exact figure that differs; a row on one side only is a change too."""
    found: list[Change] = []
    for row in dict.fromkeys((*before, *after)):
        if row in before and row in after:
            found += _changes(row, before[row], after[row])
        else:
            present = int(row in before), int(row in after)
            found.append(Change(row, "rows of this name", "", *present))
    return found


def _changes(row: str, before: Observation, after: Observation) -> Iterator[Change]:
    if before.params != after.params:
        yield Change(row, "params", "", before.params, after.params)
    for witness in dict.fromkeys((*before.counts, *after.counts)):
        yield from _count_changes(
            row, witness, before.counts.get(witness), after.counts.get(witness)
        )
    yield from _differing(row, "runs", before.executed, after.executed)
    if before.peak != after.peak:
        (then, was), (now, at) = map(_peak, (before.peak, after.peak))
        yield Change(row, "peak bytes", was if was == at else f"{was}, now {at}", then, now)
    if before.saved_bytes != after.saved_bytes:
        yield Change(row, "bytes saved for backward", "", before.saved_bytes, after.saved_bytes)


def _peak(peak: Moment | None) -> tuple[int | None, str]:
    return (peak.bytes, peak.at) if peak else (None, "nothing")


def _count_changes(
    row: str, witness: str, before: Count | None, after: Count | None
) -> Iterator[Change]:
    if before is None or after is None:
        counted = (count.counted if count else None for count in (before, after))
        yield Change(row, f"{witness}'s count", "", *counted)
        return
    named = list(_differing(row, f"{witness}'s count", before.by_module, after.by_module))
    yield from named
    if before.counted != after.counted and not named:
        yield Change(row, f"{witness}'s count", "", before.counted, after.counted)
    yield from _differing(row, f"calls that {witness} skips", before.skipped, after.skipped)


def _differing(
    row: str, what: str, before: Mapping[str, int], after: Mapping[str, int]
) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Change(row, what, name or "the module itself", before.get(name), after.get(name))


def unfollowed(row: str, seen: Observation) -> Iterator[str]:
    """Yield the witnesses that could not follow a row, and why; they are not compared."""
    for witness, reason in seen.failures.items():
        yield f"- {row}: {witness} cannot follow it: {reason}"


def figures(row: str, seen: Observation) -> Iterator[str]:
    """Yield every exact figure of a row in total, and what its witnesses do not count."""
    yield f"- {row}: {units.integer(seen.params)} params"
    if seen.peak and seen.saved_bytes is not None:
        peak, saved = units.integer(seen.peak.bytes), units.integer(seen.saved_bytes)
        yield f"- {row}: peak {peak} bytes in {seen.peak.at}, {saved} bytes saved for backward"
    for witness, count in seen.counts.items():
        yield f"- {row}: {witness} counts {COUNTED[witness](count.counted)}"
        names = [name.removeprefix("aten::") for name in count.skipped]
        if hidden := [name for name in names if HIDES_MACS.search(name)]:
            yield f"- {row}: {witness} does not see {', '.join(hidden)}: its count is too small"
        if names:
            yield f"- {row}: {witness} does not count {', '.join(names)}"
    yield from unfollowed(row, seen)


def cases(before: Baseline, after: Baseline) -> list[Case]:
    """Return the case of every row on either side, with what changed in it."""
    lines: dict[str, list[str]] = {row: [] for row in (*before.rows, *after.rows)}
    for change in changes(before.rows, after.rows):
        lines[change.row].append(str(change))
    if before.form is not None and after.form is not None:
        (row,) = after.rows
        lines[row] += [f"{row}: {text}" for text in form.changes(before.form, after.form)]
    return [
        Case(row, "exact", FAILED if changed else PASSED, tuple(changed))
        for row, changed in lines.items()
    ]


def _other_design(before: Workload, after: Workload) -> Iterator[str]:
    """Yield what a design file says now, where it is not what it said."""
    then, now = values_of(before.model), values_of(after.model)
    for key in dict.fromkeys((*then, *now)):
        if then.get(key) != now.get(key):
            was, its = (
                "not said" if values.get(key) is None else values[key] for values in (then, now)
            )
            yield f"- {after.given}: {key} was {was} in the baseline, and is {its}"


def _holds_form(before: Baseline, after: Baseline) -> bool:
    found = (before.form, after.form)
    return all(its is not None and form.UNDERIVED not in its for its in found)


def verdict(path: str, before: Baseline, after: Baseline) -> GateResult:
    """Return every exact figure that changed, and the case of every row."""
    found = cases(before, after)
    lines = [f"- {line}" for case in found for line in case.lines]
    unseen = [line for row, seen in after.rows.items() for line in unfollowed(row, seen)]
    changed, rows = len(lines), f"{len(found)} row{'s' if len(found) > 1 else ''}"
    lines += _other_design(before.workload, after.workload)
    for name in ("pvtprof", "torch", "fvcore"):
        then, now = getattr(before.environment, name), getattr(after.environment, name)
        if then != now:
            lines.append(f"- the baseline was made with {name} {then}, this is {now}")
    lines += unseen
    if before.target and before.form is None:
        lines.append(
            f"- {path} holds no closed form: an earlier pvtprof wrote it; --update adds it"
        )
    if after.form is not None and (reason := after.form.get(form.UNDERIVED)):
        lines.append(f"- no closed form is held: {reason}")
    if not changed:
        held = ", and the closed form," if _holds_form(before, after) else ""
        lines.append(f"check: every exact figure of {rows}{held} is as in {path}")
    else:
        touched = sum(case.status == FAILED for case in found)
        lines.append(
            f"check: {changed} exact figures changed, in {touched} of {rows}; "
            f"if that is meant, accept it with `pvtprof check {path} --update`"
        )
    return result(lines, found)
