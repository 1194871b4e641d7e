"""A sweep as one function of plain values, as the command line does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pvtprof.designs.chosen import Given, words_of
from pvtprof.designs.words import REFERENCE_S, ROW_BUDGET_S, ROW_LIMIT_S
from pvtprof.errors import PvtprofError, SpecError
from pvtprof.sweep import connection, stream
from pvtprof.sweep.closed_forms import ClosedForms
from pvtprof.sweep.grid import AXES, Grid, grid_of
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.words import parts_of, ratio_texts, texts

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration

#: Where the store is, if nothing else is said.
DEFAULT_OUT = "reports/sweep.sqlite"

Progress: TypeAlias = Callable[[str], None]
#: One value of an axis, or several: numbers, words, ranges such as "224..1024:32".
Axis: TypeAlias = int | str | Sequence[int | str]


@dataclass(frozen=True, slots=True)
class Swept:
    """How far a sweep is: ``rows`` in the grid, and what became of them.

    ``done`` have their figures (in a store: a time too), ``failed`` were tried without success,
    ``refused`` have no closed form, ``left`` are still to be measured. ``path`` has them.
    ``notes`` say which devices are not here, and what became of workers.
    """

    path: str
    rows: int
    done: int
    refused: int = 0
    failed: int = 0
    left: int = 0
    reason: str = ""
    reasons: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is swept, and how: see ``sweep`` for each word."""

    words: Mapping[str, Sequence[str]]
    out: str = DEFAULT_OUT
    analytic: bool = False
    sample: int | None = None
    seed: int = 0
    budget_s: float = ROW_BUDGET_S
    limit_s: float = ROW_LIMIT_S
    reference_s: float = REFERENCE_S
    again: bool = False
    workers: int | None = None
    scheduler: str | None = None
    yes: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        suffix = Path(self.out).suffix
        if suffix not in (*connection.SUFFIXES, *stream.SUFFIXES):
            raise SpecError(
                f"{self.out} has no known format; use a name that ends in .sqlite (a store), "
                ".parquet or .csv (closed forms)"
            )
        if self.analytic and suffix not in stream.SUFFIXES:
            raise SpecError(
                f"{self.out} is a store, and --analytic measures nothing; write its closed forms "
                "to a .parquet or .csv, as -o rows.parquet"
            )
        if self.is_analytic and (self.workers is not None or self.scheduler is not None):
            raise SpecError(
                f"workers measure, and {self.out} has closed forms alone; use a .sqlite"
            )

    @property
    def is_analytic(self) -> bool:
        """Whether closed forms alone are asked for, as into every file that is no store."""
        return Path(self.out).suffix in stream.SUFFIXES

    @property
    def grid(self) -> Grid:
        """The grid; raises SpecError for words that are wrong, or for too many rows."""
        from pvtprof.observe.asking import resolved_device

        words = dict(self.words)
        if "device" in words:
            words["device"] = [
                resolved_device(one) if one == "auto" else one for one in parts_of(words["device"])
            ]
        found = grid_of(words)
        if self.sample is None:
            found.check_size(self.yes)
        return found


def rows_of(plan: Plan, grid: Grid) -> tuple[int, Iterable[Planned]]:
    """Return the number of rows that are swept, and the rows."""
    if plan.sample is None:
        return grid.count, grid
    return plan.sample, grid.sample(plan.sample, plan.seed)


def swept(plan: Plan, progress: Progress = lambda text: None) -> Swept:
    """Sweep what a plan asks for: closed forms into a file, or measured rows into a store."""
    grid = plan.grid
    if plan.is_analytic:
        return _streamed(plan, grid, progress)
    _check_any(rows_of(plan, grid)[1])
    return _measured(plan, grid, progress)


def _streamed(plan: Plan, grid: Grid, progress: Progress) -> Swept:
    count, rows = rows_of(plan, grid)
    stream.check_writable(plan.out, plan.force)
    forms = ClosedForms(_calibrations(grid))
    found = stream.write(rows, count, plan.out, force=plan.force, forms=forms, progress=progress)
    done = found.rows - found.refused
    return Swept(found.path, found.rows, done, found.refused, reason=found.reason)


def _calibrations(grid: Grid) -> dict[tuple[str, str], Calibration]:
    """Return the calibrations that are kept for the devices and dtypes of a grid."""
    from pvtprof.predict.kept import kept_calibration

    found = {}
    for device, dtype in dict.fromkeys(
        (device, dtype)
        for block in grid.blocks
        for device in block.axes[9]
        for dtype in block.axes[6]
    ):
        calibration, _ = kept_calibration(device, dtype, "inference")
        if calibration:
            found[device, dtype] = calibration
    return found


def _check_any(rows: Iterable[Planned]) -> None:
    """Raise SpecError where no row has a closed form; the first that has one ends the search."""
    forms, first = ClosedForms(), ""
    for planned in rows:
        try:
            forms.of(planned)
        except PvtprofError as error:
            first = first or str(error)
        else:
            return
    raise SpecError(f"no row of this sweep has a closed form; the first says: {first}")


def _measured(plan: Plan, grid: Grid, progress: Progress) -> Swept:
    """Add the rows to the store, measure what is left of it, and return how far it is."""
    from pvtprof.sweep.cluster import measurer
    from pvtprof.sweep.measuring import Sweeping
    from pvtprof.sweep.store import Store
    from pvtprof.sweep.worker import Timing

    how = Sweeping(Timing(plan.budget_s, plan.limit_s), plan.reference_s)
    with (
        measurer(plan.workers, plan.scheduler) as measure,
        Store.open(plan.out, create=True) as store,
    ):
        count, rows = rows_of(plan, grid)
        if not plan.words and plan.sample is None and store.progress().rows:
            rows = [its.planned for its in store.rows()]  # no axis: those that are there
        else:
            progress(f"adding {count:,} rows to {plan.out}")
            store.add(rows, plan.seed)
            rows = rows_of(plan, grid)[1]  # a sample is gone through once
        if plan.again:
            store.measure_again(rows)
        its = measure(store, how, progress)
        reasons = store.failures()
        refused = 'SELECT refused FROM "row" WHERE refused IS NOT NULL ORDER BY id LIMIT 1'
        reason = next((row["refused"] for row in store.read(refused)), "")
    counts = (its.rows, its.done, its.refused, its.failed, its.left)
    return Swept(plan.out, *counts, reason, reasons, its.notes)


def sweep(
    model: str | Sequence[str] | None = None,
    img: Axis | None = None,
    sr_ratios: Sequence[int] | Sequence[Sequence[int]] | None = None,
    *,
    designs: Given = (),
    pool_size: Axis | None = None,
    batch: Axis | None = None,
    dtype: str | Sequence[str] | None = None,
    attention: str | Sequence[str] | None = None,
    mode: str | Sequence[str] | None = None,
    task: str | Sequence[str] | None = None,
    part: str | Sequence[str] | None = None,
    device: str | Sequence[str] | None = None,
    threads: Axis | None = None,
    changes: str | Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    at: str | Sequence[str] | None = None,
    file: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    sample: int | None = None,
    seed: int | None = None,
    budget_s: float | None = None,
    limit_s: float | None = None,
    reference_s: float | None = None,
    again: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    yes: bool = False,
    force: bool = False,
    progress: Progress = lambda text: None,
) -> Swept:
    """Sweep over every combination of some settings: closed forms, or measured rows.

    Each axis takes one value or a list; ``img``, ``batch``, ``pool_size`` and ``threads`` take
    ranges too, as "224..1024:32". ``sr_ratios`` is R of each stage, or a list of such; ``designs``
    and the other words are those of ``compare``. ``target`` and ``at`` are modules of your own,
    and their sizes. ``file`` is a TOML file with the same axes; what is given here comes before it.

    ``out`` decides: a .parquet or .csv gets the closed forms of every row, a .sqlite is a store of
    measured rows, in which a sweep goes on where it was ended (default: reports/sweep.sqlite);
    without an axis, with the rows that are in it.
    ``sample`` takes so many rows at random, by ``seed``. In a store each row is timed for
    ``budget_s`` seconds and given up after ``limit_s``; every ``reference_s`` seconds a reference
    is timed; ``again`` times the rows of this sweep once more, and no others. ``workers`` are so
    many processes here, ``scheduler`` is the address of a dask cluster: see docs/many-machines.md.
    ``yes`` allows more than 10 million rows.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = sweep("pvt_v2_b0", "224..512:32", designs=["mha"], out=f"{folder}/rows.csv")
    >>> made.rows, made.done, made.refused
    (10, 10, 0)
    """
    given = dict(locals())  # every word by its name
    del given["progress"]
    return swept(_plan_of_words(given), progress)


#: What the words of ``sweep`` are called as options of the command line, where that differs.
CALLED = {"pool_size": "pool-size", "changes": "set", "designs": "design", "sr_ratios": "R"}


def _plan_of_words(given: Mapping[str, Any]) -> Plan:
    """Return the plan of the words of ``sweep``."""
    words, options = {}, {}
    for name, value in given.items():
        option = CALLED.get(name, name)
        if value is None or name == "file" or value == ():
            continue
        if name == "designs":
            words[option] = words_of(value)
        elif name == "sr_ratios":
            words[option] = ratio_texts(value)
        elif option in AXES:
            words[option] = texts(value)
        else:
            options[name] = os.fspath(value) if name == "out" else value
    return plan_of(given["file"], words, options)


def plan_of(
    file: str | os.PathLike[str] | None,
    words: Mapping[str, Sequence[str]],
    options: Mapping[str, Any],
) -> Plan:
    """Return the plan of a file and of what is given beside it, which comes first."""
    if file is None:
        return Plan(words, **options)
    from pvtprof.sweep import grid_file

    found = grid_file.read(file)
    of_file = dict(found.options)
    for name in ("budget", "limit"):
        if name in of_file:
            of_file[f"{name}_s"] = of_file.pop(name)
    if "reference" in of_file:
        of_file["reference_s"] = 60 * of_file.pop("reference")
    return Plan({**found.words, **words}, **{**of_file, **options})
