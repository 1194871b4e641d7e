"""The request of a check as values: what runs, how it is timed, what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pvtprof.check.usage import check_usage
from pvtprof.designs.words import CHECK_BUDGET_S
from pvtprof.designs.workload import WORDS, Workload, workload
from pvtprof.errors import SpecError
from pvtprof.observe.deadline import SLOWEST_S, Limit, of_budget

Progress = Callable[[str], None]
#: The slowdown that matters: of two versions side by side, and of times taken at two times.
SIDE_BY_SIDE, AT_TWO_TIMES = 0.05, 0.10
#: The options that say what runs.
WHAT_RUNS = ("target", "device", *(word for word in WORDS if word != "designs"))


@dataclass(frozen=True, slots=True)
class Timing:
    """How a row is timed and judged.

    ``budget_s`` is about so many seconds for each row; ``tolerance`` is the slowdown that matters,
    as a share; ``seed`` says which random inputs the processes get.
    """

    budget_s: float = CHECK_BUDGET_S
    tolerance: float = SIDE_BY_SIDE
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.budget_s < float("inf"):
            raise SpecError(
                f"budget is {self.budget_s:g} s; use more than 0, such as {CHECK_BUDGET_S:g}"
            )
        if not 0 < self.tolerance <= 1:
            raise SpecError(f"tolerance is {self.tolerance:g}; use a share up to 1, such as 0.05")


@dataclass(frozen=True, slots=True)
class Checked:
    """What runs: pvtprof's own rows of a workload, or a user's ``target``, package.module:factory.

    With a target, the workload says how it is run: device, dtype and mode alone.
    ``tf32`` lets products and convolutions of float32 run in TF32 on a GPU; ``limit`` is on each
    call of a target.
    """

    workload: Workload
    target: str | None = None
    tf32: bool = False
    limit: Limit = field(default_factory=Limit)

    @property
    def patience_s(self) -> float:
        """How long a timed process may take for an answer: pvtprof's own rows return for sure."""
        return self.limit.seconds if self.target else SLOWEST_S

    def on_device(self) -> Checked:
        """Return the same on the device that its name means here.

        Raises UnavailableError where there is no such device.
        """
        from pvtprof.observe.asking import resolved_device

        device = resolved_device(self.workload.device)
        return replace(self, workload=replace(self.workload, device=device))


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `pvtprof check`, by their names.

    ``given`` are the options that say what runs and were given: without any, a baseline that is
    updated says it itself. ``tolerance`` None means the gate's own.
    """

    checked: Checked
    given: tuple[str, ...] = ()
    baseline: str | None = None
    update: bool = False
    latency: bool = False
    require_latency: bool = False
    samples: str | None = None
    base: str | None = None
    base_python: str | None = None
    rows: tuple[str, ...] = ()
    budget_s: float = CHECK_BUDGET_S
    tolerance: float | None = None
    force: bool = False

    def __post_init__(self) -> None:
        check_usage(self)
        self.timing(SIDE_BY_SIDE)

    def timing(self, tolerance: float) -> Timing:
        """Return how rows are timed by a gate whose own tolerance is ``tolerance``."""
        return Timing(self.budget_s, tolerance if self.tolerance is None else self.tolerance)


def request(options: dict[str, Any], given: tuple[str, ...], may_exit: bool = False) -> Request:
    """Return what the options of a check ask for, by their names; None means the default.

    ``given`` are those that say what runs, as the command line spells them. ``may_exit``: the
    process may be ended for a target that never returns.
    """
    options = {name: value for name, value in options.items() if value is not None}
    asked = workload(**{name: options.pop(name) for name in WORDS if name in options})
    asked = replace(asked, device=options.pop("device", "auto"))
    limit = of_budget(options.get("budget_s", CHECK_BUDGET_S), may_exit)
    checked = Checked(asked, options.pop("target", None), options.pop("tf32", False), limit)
    return Request(checked, given, **options)
