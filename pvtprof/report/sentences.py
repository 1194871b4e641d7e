"""A run in sentences: its name, whether formulas and counters agree, savings, doubts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median

from pvtprof import spoken, units
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.witnesses import COUNTERS, WITNESSES


def setting(run: Run) -> str:
    """Return the setting in one line: batch, dtype, attention, and what a training step does."""
    one, tf32 = run.setting, run.environment.tf32
    number = f"{one.dtype}, TF32 {tf32}" if tf32 and one.dtype == "float32" else one.dtype
    parts = [f"batch {one.batch}", number, f"{one.attention} attention"]
    if one.mode == "training":
        parts += ["training step", *one.training.words]
    return ", ".join(parts)


def title(run: Run) -> str:
    """Return the title of a run in one line: model, image, setting and reductions."""
    return f"{place(run)}, {setting(run)}, {reductions(run)}"


def reductions(run: Run) -> str:
    """Return R of every stage, and the grid to which ``sra_pool`` pools."""
    spec = run.designs[0].spec
    return f"R {units.ratios(spec.sr_ratios)}, pooling to {units.grid(*2 * (spec.pool_size,))}"


def place(run: Run) -> str:
    """Return the model and the image of one comparison: "pvt_v2_b2 at 224x224"."""
    model = run.model if run.is_own else used(run.designs[0].spec)
    return f"{model} at {units.grid(*run.setting.image)}"


def used(spec: ModelSpec) -> str:
    """Return the name of a model, and the task that it is used for if it does not classify."""
    return spec.name if spec.task == CLASSIFY else f"{spec.name} for {spec.task}"


def agreement(run: Run) -> str:
    """Return one sentence: whether formulas and counters agree, and in how many rows."""
    if not run.counted:
        return "Formulas alone: nothing was counted or measured."
    by_title: dict[str, list[str]] = {}
    for name, witness in WITNESSES.items():
        if witness.is_exact and witness.applies(run.setting):
            by_title.setdefault(witness.title, []).append(name)
    parts = []
    for title, names in by_title.items():
        rows = [row for row in run.rows if any(name in row.witnesses for name in names)]
        equal = sum(_agrees(row, names) for row in rows)
        of_rows = " rows" if WITNESSES[names[0]].by_module else ""
        parts.append(f"{title} in {equal} of {len(rows)}{of_rows}")
    head = "Formula and counters agree" if run.agrees else "FORMULA AND COUNTERS DISAGREE"
    return f"{head} exactly, submodule by submodule: {', '.join(parts)}."


def _agrees(row: Row, names: Sequence[str]) -> bool:
    return all(row.witnesses[name].equal for name in names if name in row.witnesses)


def sentences(run: Run) -> Iterator[str]:
    """Yield all sentences of a run."""
    yield agreement(run)
    yield from doubts(run)
    yield from savings(run)
    yield from surprises(run)
    yield from predictions(run)


def latency(row: Row) -> str:
    """The median latency in words, marked where it cannot be trusted."""
    return units.marked(units.milliseconds(row.latency_median_s), row.is_doubtful)


def predicted(row: Row) -> str:
    """The predicted latency in words, marked where the calibration cannot be trusted."""
    is_doubtful = row.predicted is not None and row.predicted.is_doubtful
    return units.marked(units.milliseconds(row.predicted_s), is_doubtful)


def is_doubtful(run: Run) -> bool:
    """Whether a time of the run, or a prediction, cannot be trusted."""
    return any(map(_doubts, run.rows))


def _doubts(row: Row) -> bool:
    return row.is_doubtful or (row.predicted is not None and row.predicted.is_doubtful)


def doubts(run: Run) -> Iterator[str]:
    """What times cannot be trusted, and what to do."""
    timed = [row for row in run.rows if row.latency]
    if found := sum(row.is_doubtful for row in timed):
        quota = run.environment.cpu_quota
        why = f"under a CPU quota of {quota:g} cores" if quota else "on a busy machine"
        out = "lift the quota" if quota else "close other programs"
        yield (
            f"{found} of {len(timed)} times were taken {why} and cannot be trusted (marked ?): "
            f"{out} and run it again. All other figures are exact."
        )
    if any(row.predicted and row.predicted.is_doubtful for row in run.rows):
        yield (
            "The calibration was made on a busy machine, and its predictions cannot be trusted "
            "(marked ?): run `pvtprof calibrate` when no other program is running."
        )


def savings(run: Run) -> tuple[str, ...]:
    """Return one sentence for each other design: its cost relative to the first."""
    first = run.row(None, run.reference)
    return tuple(_saving(run.row(None, v), first) for v in run.variants[1:])


def _saving(row: Row, first: Row) -> str:
    parts = [
        f"{units.percent(row.macs, first.macs)} of {first.design.name}'s MACs "
        f"({units.giga(row.macs)} of {units.giga(first.macs)})",
        f"{units.percent(row.peak.bytes, first.peak.bytes)} of its peak memory "
        f"({units.size(row.peak.bytes)} of {units.size(first.peak.bytes)})",
    ]
    time = ""
    if row.latency and first.latency and not (row.is_doubtful or first.is_doubtful):
        ours, theirs = row.latency.median, first.latency.median
        seconds = f"({units.milliseconds(ours)} of {units.milliseconds(theirs)})"
        time = f", and runs in {units.ratio(ours, theirs)} of its time {seconds}"
        if equally_fast(row, first):
            time = f", and is as fast within the noise {seconds}"
    return f"{row.design.name} needs {' and '.join(parts)}{time}, whole model."


def equally_fast(row: Row, other: Row) -> bool:
    """Return whether both rows were timed and their 95 % intervals overlap."""
    if not (row.latency and other.latency):
        return False
    ours, theirs = row.latency.interval, other.latency.interval
    return bool(ours and theirs and ours[0] <= theirs[1] and theirs[0] <= ours[1])


def surprises(run: Run) -> Iterator[str]:
    """Yield the rows with fewer MACs than the first design but clearly more time."""
    for row in run.rows:
        first = run.row(row.part.stage, run.reference)
        ours, theirs = (r.latency and r.latency.interval for r in (row, first))
        if row.is_doubtful or first.is_doubtful:
            continue
        if ours and theirs and row.macs < first.macs and ours[0] > theirs[1]:
            time = units.percent(row.latency_median_s or 0, first.latency_median_s or 0)
            yield (
                f"{row.name}: {units.percent(row.macs, first.macs)} of {first.design.name}'s MACs "
                f"but {time} of its time: fewer MACs are not faster here."
            )


#: What stands in a table in place of a ratio of two times whose 95 % intervals overlap.
EQUAL = "equal"

#: The predictors of a run, from the simplest on, in words.
PREDICTORS = {
    "flops": "FLOPs over the machine's best",
    "roofline": "a roofline of the whole",
    "per operator": "a roofline of each operator",
    "calibrated": "the calibration",
}


def timed_and_predicted(run: Run) -> dict[str, list[tuple[Row, float, float]]]:
    """Return the rows that were timed and predicted, with measured and predicted seconds.

    By predictor; of those, the ones that all such rows have.
    """
    both = [
        (row, row.latency.median, row.predicted.by_predictor)
        for row in run.rows
        if row.predicted and row.latency and not _doubts(row)
    ]
    return {
        name: [(row, measured, by[name]) for row, measured, by in both]
        for name in PREDICTORS
        if both and all(name in by for _, _, by in both)
    }


def errors(run: Run) -> dict[str, float]:
    """Return the mean absolute error of each predictor over the timed rows, as a share."""
    return {
        name: fmean(abs(predicted / measured - 1) for _, measured, predicted in rows)
        for name, rows in timed_and_predicted(run).items()
    }


def bias(run: Run) -> str:
    """Return on which side of measured times predicted ones lie; "" where nothing has both."""
    rows = timed_and_predicted(run).get("calibrated", [])
    if not rows:
        return ""
    off = median(predicted / measured for _, measured, predicted in rows) - 1
    times = "Predicted times lie" if len(rows) > 1 else "The predicted time lies"
    those = "measured ones" if len(rows) > 1 else "the measured one"
    middle = f" in the median of {len(rows)} rows" if len(rows) > 1 else ""
    if 200 * abs(off) < 1:
        return f"{times} neither above nor below {those}{middle}."
    side = "above" if off > 0 else "below"
    return f"{times} {spoken.people(abs(off), 1)} {side} {those}{middle}."


def predictions(run: Run) -> Iterator[str]:
    """Yield the errors of the predictors, their side, and the operator that is furthest off."""
    if found := errors(run):
        parts = [f"{PREDICTORS[name]} {units.percent(error, 1)}" for name, error in found.items()]
        yield f"Predictions of latency, off on average: {', '.join(parts)}. {bias(run)}"
    if furthest := furthest_off(run):
        row, name = furthest
        part, predicted = next(
            (part, expected) for op_name, _, part, expected in row.residuals if op_name == name
        )
        yield (
            f"Furthest from its prediction: {name} in {row.name}, "
            f"measured {units.milliseconds(part)}, predicted {units.milliseconds(predicted)}."
        )


def furthest_off(run: Run) -> tuple[Row, str] | None:
    """Return the operator whose share of its row's latency is the most seconds off.

    Of those that are further off than nine in ten of what was predicted so.
    """
    off = {
        (row.key, name): abs(part - predicted)
        for row in run.rows
        if (prediction := row.predicted) and not _doubts(row)
        for name, _, part, predicted in row.residuals
        if not prediction.low <= part / predicted * prediction.seconds <= prediction.high
    }
    if not off:
        return None
    key, name = max(off, key=off.__getitem__)
    return run.by_key[key], name


def disagreements(run: Run) -> Iterator[str]:
    """Yield each row and submodule in which a counter and a formula differ, with both figures."""
    for row in run.rows:
        for name, found in row.witnesses.items():
            if not found.is_exact or found.equal:
                continue
            places = {_where(name, place): found.by_module[place] for place in found.differing}
            total = " in total" if name in COUNTERS else ""
            for where, (ours, theirs) in (
                places or {total: (found.formula, found.counted)}
            ).items():
                yield (
                    f"{row.name}: {name}{where}: formula {units.integer(ours)}, "
                    f"counted {units.integer(theirs)}"
                )


def _where(witness: str, place: str) -> str:
    if place:
        return f" in {place}"
    return " in the module itself" if witness in COUNTERS else ""
