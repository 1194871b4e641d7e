"""The result of one gate, and of several together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pvtprof.check.case import FAILED, PASSED, SKIPPED, UNDECIDED, Case

#: From what may pass to what must be looked at first.
GRAVITY = (PASSED, SKIPPED, UNDECIDED, FAILED)


@dataclass(frozen=True)
class GateResult:
    """The result of one gate: its text, a case for every row, and the summary line."""

    text: str
    cases: Sequence[Case]
    summary: str

    @property
    def status(self) -> str:
        """The gravest status of its cases."""
        return max((case.status for case in self.cases), key=GRAVITY.index, default=PASSED)


def result(lines: Sequence[str], cases: Sequence[Case]) -> GateResult:
    """Return the result of a gate whose last line is the summary.

    >>> result(["- stage 1: 3 -> 4", "check: 1 exact figure changed"], []).summary
    'check: 1 exact figure changed'
    """
    return GateResult("".join(f"{line}\n" for line in lines), cases, lines[-1])


def together(results: Sequence[GateResult]) -> GateResult:
    """Return the cases of all results, and the summary of the gravest; of equals, of the first.

    The text repeats that summary where another gate's line is the last on the screen.
    """
    gravest = max(results, key=lambda found: GRAVITY.index(found.status))
    cases = [case for found in results for case in found.cases]
    again = f"{gravest.summary}\n" if results[-1].summary != gravest.summary else ""
    return GateResult(again, cases, gravest.summary)
