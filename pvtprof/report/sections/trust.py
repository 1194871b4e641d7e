"""Why trust it: the witnesses of a run, the error of its predictions, and what was not counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pvtprof import units
from pvtprof.designs.part import MODEL
from pvtprof.report import phrases, sentences, sheets
from pvtprof.report.figures import CHARTS, all_infos
from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Agreement
from pvtprof.run.run import Run
from pvtprof.run.witnesses import WITNESSES, exact_agreements, label_of, witnesses_of

#: What each witness watches, in words; of another one nothing is said.
WATCHES = {
    "fvcore": "operators, as traced: 1 a MAC, 5 an element of a layer norm, 1 a pooled element, "
    "4 an interpolated element",
    "torch": "operators, as dispatched: 2 a MAC, and nothing else",
    "params": "the parameters of the module that was built",
    "peak bytes": "live tensors while the module runs: the most bytes at once",
    "saved bytes": "live tensors after a training forward pass",
    "allocator": "the blocks of CUDA's allocator, which also hold workspaces",
}
#: The side of the axis of predictions: from half to twice what was predicted.
AXIS = 2.0


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One witness: what it watches, in how many rows and submodules it equals the formula."""

    name: str
    watches: str
    rows: str
    submodules: str
    difference: str
    is_equal: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """One timed row beside its prediction: places on the axis in per cent, and words."""

    name: str
    low: float
    high: float
    at: float
    is_inside: bool
    spoken: str


@dataclass(frozen=True, slots=True)
class Trust:
    """What a reader may rest on, and what not."""

    title: str
    compared: str
    agrees: bool
    witnesses: tuple[Witnessed, ...]
    disagreements: tuple[str, ...]
    predictions: str
    others: str
    forecasts: tuple[Forecast, ...]
    furthest: str
    not_counted: tuple[str, ...]
    sheets: tuple[Sheet, ...]

    @property
    def differs(self) -> bool:
        """Whether a witness saw anything else than the formula says, in any row."""
        return any(one.difference != "0" for one in self.witnesses)


def trust(run: Run) -> Trust:
    """Return the section of a run of one comparison."""
    forecasts = tuple(_forecasts(run))
    off = [text for text in sentences.predictions(run) if text.startswith("Furthest")]
    return Trust(
        _title(run),
        _rows(run),
        run.agrees,
        tuple(_witnessed(run, name) for name in witnesses_of(run)),
        tuple(sentences.disagreements(run)),
        _predictions(run, forecasts),
        _others(run),
        forecasts,
        off[0] if off else "",
        tuple(_not_counted(run)),
        tuple(_sheets(run)),
    )


#: What of the formulas each exact witness is held against.
AGAINST = {
    "fvcore": "MACs",
    "torch": "MACs",
    "params": "parameters",
    "peak bytes": "peak memory",
    "saved bytes": "memory kept for backward",
}


def _title(run: Run) -> str:
    """Return what was compared with what, and whether all is equal."""
    found = exact_agreements(run)
    if not found:
        return "Formulas alone: nothing was counted or measured in this run."
    compared = _pairs([name for name, _ in found])
    if wrong := sum(not one.equal for _, one in found):
        return f"{wrong} of {len(found)} FORMULAS DIFFER from what was counted: {compared}."
    return f"All {len(found)} formulas equal what was counted, to the last digit: {compared}."


def _pairs(names: Sequence[str]) -> str:
    """Return which formulas are held against which witnesses."""
    titles: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        titles.setdefault(AGAINST.get(name, name), []).append(WITNESSES[name].title)
    what: dict[tuple[str, ...], list[str]] = {}
    for figure, those in titles.items():
        what.setdefault(tuple(dict.fromkeys(those)), []).append(figure)
    return ", ".join(
        f"{phrases.several(figures)} against {phrases.several(those)}"
        for those, figures in what.items()
    )


def _rows(run: Run) -> str:
    """Return which rows were counted, in words; "" where none was."""
    counted = [row for row in run.rows if row.witnesses]
    if not counted:
        return ""
    places = sum(max(1, len(one.by_module)) for row in counted for one in row.witnesses.values())
    designs = len({row.design.name for row in counted})
    whole = "the whole module" if run.is_own else "the whole network"
    parts = [whole] * any(row.part == MODEL for row in counted)
    parts += ["an attention module of each stage"] * any(row.part.stage for row in counted)
    parts += ["submodules"] * any(row.part.module is not None for row in counted)
    many = f", of {designs} designs" * (designs > 1)
    return f"Compared for {phrases.several(parts)}{many}: in {units.integer(places)} places."


def _witnessed(run: Run, name: str) -> Witnessed:
    found = [row.witnesses[name] for row in run.rows if name in row.witnesses]
    places = [pair for one in found for pair in one.by_module.values()]
    equal = sum(_equals(one) for one in found)
    alike = sum(ours == theirs for ours, theirs in places)
    is_exact = name not in WITNESSES or WITNESSES[name].is_exact
    rests = [one.rest for one in found]
    largest = max(rests, key=abs) if rests else 0
    return Witnessed(
        label_of(name),
        WATCHES.get(name, ""),
        f"{equal} of {len(found)}" if is_exact else "-",
        f"{units.integer(alike)} of {units.integer(len(places))}" if len(places) > 1 else "-",
        units.integer(largest) if largest else "0",
        equal == len(found) or not is_exact,
    )


def _equals(found: Agreement) -> bool:
    return found.formula == found.counted and not found.differing


def _forecasts(run: Run) -> Iterator[Forecast]:
    """Yield each row that was timed and predicted, as measured over predicted time."""
    for row in run.rows:
        its = row.predicted
        if not (its and row.latency) or row.is_doubtful or its.is_doubtful:
            continue
        measured = row.latency.median
        is_inside = its.low <= measured <= its.high
        yield Forecast(
            row.name,
            _place(its.low / its.seconds),
            _place(its.high / its.seconds),
            _place(measured / its.seconds),
            is_inside,
            f"predicted {units.milliseconds(its.seconds)} "
            f"({units.interval((its.low, its.high))}), measured {units.milliseconds(measured)}",
        )


def _place(ratio: float) -> float:
    """Return where a ratio lies on an axis from 0 to AXIS, in per cent; the ends hold the rest."""
    return round(100 * min(max(ratio, 0.0), AXIS) / AXIS, 1)


def _predictions(run: Run, forecasts: tuple[Forecast, ...]) -> str:
    if not forecasts:
        return ""
    inside = sum(one.is_inside for one in forecasts)
    error = sentences.errors(run).get("calibrated")
    outside = ", ".join(one.name for one in forecasts if not one.is_inside)
    named = f" (outside: {outside})" if outside and inside else ""
    count = f"all {len(forecasts)} are" if len(forecasts) > 1 else "it is"
    off = "" if error is None else f"; {count} off by {units.percent(error, 1)} on average"
    return (
        f"Of {len(forecasts)} predicted times {inside} lie within the interval that was stated "
        f"for nine in ten{named}{off}. {sentences.bias(run)}"
    )


def _others(run: Run) -> str:
    """Return how far simpler models of the machine are off."""
    parts = [
        f"{sentences.PREDICTORS[name]} {units.percent(error, 1)}"
        for name, error in sentences.errors(run).items()
        if name != "calibrated"
    ]
    return f"Simpler models are off by: {', '.join(parts)}." if parts else ""


def _not_counted(run: Run) -> Iterator[str]:
    for name in witnesses_of(run):
        found = [row.witnesses[name] for row in run.rows if name in row.witnesses]
        if skipped := sorted({op for one in found for op in one.skipped}):
            names = ", ".join(op.removeprefix("aten::") for op in skipped)
            yield f"Not counted by {label_of(name)}: {names}."
        if taught := sorted({op for one in found for op in one.handles}):
            yield f"{label_of(name)} itself counts {', '.join(taught)} as 0; pvtprof taught it."
    yield (
        "Norms, softmax, GELU and pooling are no MACs; their memory and their traffic are counted."
    )


def _sheets(run: Run) -> Iterator[Sheet]:
    if run.counted:
        yield sheets.agreement(run)
        yield sheets.modules(run)
    if any(row.predicted for row in run.rows):
        yield sheets.predictions(run)
    infos = all_infos(run)
    for name in ("residuals",):
        if name in infos and (sheet := CHARTS[name].sheet):
            yield sheet(infos[name])
