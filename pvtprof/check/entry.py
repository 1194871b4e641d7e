"""A whole check as one function: the gates that were asked for, and one result of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

from pvtprof.check.request import WHAT_RUNS, request
from pvtprof.check.result import GateResult, together
from pvtprof.designs.named import Model
from pvtprof.designs.words import CHECK_BUDGET_S


def check(
    baseline: str | None = None,
    *,
    update: bool = False,
    latency: bool = False,
    require_latency: bool = False,
    samples: str | None = None,
    base: str | None = None,
    base_python: str | None = None,
    rows: Sequence[str] = (),
    target: str | None = None,
    model: Model | None = None,
    img: int | tuple[int, int] | None = None,
    sr_ratios: Sequence[int] | None = None,
    batch: int | None = None,
    dtype: str | None = None,
    device: str | None = None,
    attention: str | None = None,
    mode: str | None = None,
    tf32: bool = False,
    pool_size: int | None = None,
    task: str | None = None,
    proposals: int | None = None,
    budget_s: float = CHECK_BUDGET_S,
    tolerance: float | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> GateResult:
    """Compare attention with a ``baseline``, or time it against a ``base``; return one result.

    The parameters are the options of the command ``check``. ``target``, or the parameters from
    ``model`` to ``proposals``, say what runs. ``status`` of the result is "passed", "failed" or
    "undecided"; ``cases`` has the verdict of every row. With ``update`` the baseline is written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path, mine = f"{folder}/baseline.json", "tests.targets.designs:attention"
    ...     written = check(path, update=True, target=mine, device="cpu")
    ...     found = check(path)
    >>> found.status, len(found.cases)
    ('passed', 1)
    """
    options = dict(locals())  # the parameters, by name
    del options["progress"]
    from pvtprof.check.gates import results

    given = tuple(f"--{name}" for name in WHAT_RUNS if options.get(name) is not None)
    found = list(results(request(options, given), lambda: nullcontext(progress)))
    whole = together(found)
    return replace(whole, text="".join(one.text for one in (*found, whole)))
