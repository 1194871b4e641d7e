"""What a run says, in sentences: the same words in the terminal, in Markdown and on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from statistics import fmean

from pvtprof import units
from pvtprof.designs.variants import PLAIN, VARIANTS
from pvtprof.observe.machine import WITHHELD, differing
from pvtprof.predict.kernels import VECTORS
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from pvtprof.run.witnesses import COUNTERS, WITNESSES


def setting(run: Run) -> str:
    """What ran, after the model and the image: batch, dtype, attention, and whether it learns."""
    its = run.setting
    parts = [f"batch {its.batch}", its.dtype, f"{its.attention} attention"]
    return ", ".join([*parts, "training step"] if its.mode == "training" else parts)


def title(run: Run) -> str:
    """What ran, in one line: model, image, and the setting."""
    spec = run.designs[0].spec
    return (
        f"{place(run)}, {setting(run)}, R {','.join(map(str, spec.sr_ratios))}, "
        f"pooling to {spec.pool_size}x{spec.pool_size}"
    )


def place(run: Run) -> str:
    """The model and the image of one comparison: "pvt_v2_b2 at 224x224"."""
    return f"{run.model} at {run.setting.height}x{run.setting.width}"


def agreement(run: Run) -> str:
    """Whether formula and witnesses agree: over how many rows, and where they do not."""
    if not run.counted:
        return "Formulas alone: nothing was counted or measured."
    by_title: dict[str, list[str]] = {}
    for name, witness in WITNESSES.items():
        if witness.is_exact:
            by_title.setdefault(witness.title, []).append(name)
    parts = []
    for title, names in by_title.items():
        rows = [row for row in run.rows if any(name in row.witnesses for name in names)]
        equal = sum(_agrees(row, names) for row in rows)
        of_rows = " rows" if WITNESSES[names[0]].by_module else ""
        parts.append(f"{title} in {equal} of {len(rows)}{of_rows}")
    head = "Formula and counters agree" if run.agrees else "FORMULA AND COUNTERS DISAGREE"
    return f"{head}, to the last digit and submodule by submodule: {', '.join(parts)}."


def _agrees(row: Row, names: Sequence[str]) -> bool:
    return all(row.witnesses[name].equal for name in names if name in row.witnesses)


def sentences(run: Run) -> Iterator[str]:
    """All that a run says, one sentence each."""
    yield agreement(run)
    yield from savings(run)
    yield from surprises(run)
    yield from predictions(run)


def savings(run: Run) -> tuple[str, ...]:
    """One sentence for each reduced variant: what the whole model saves against plain attention."""
    if PLAIN not in run.variants:
        return ()
    plain = run.row(None, PLAIN)
    return tuple(_saving(run.row(None, v), plain) for v in run.variants if v != PLAIN)


def _saving(row: Row, plain: Row) -> str:
    parts = [
        f"{units.percent(row.macs, plain.macs)} of mha's MACs "
        f"({units.giga(row.macs)} of {units.giga(plain.macs)})",
        f"{units.percent(row.peak.bytes, plain.peak.bytes)} of its peak memory "
        f"({units.size(row.peak.bytes)} of {units.size(plain.peak.bytes)})",
    ]
    time = ""
    if row.latency and plain.latency:
        ours, theirs = row.latency.median, plain.latency.median
        time = (
            f", and runs in {units.percent(ours, theirs)} of its time "
            f"({units.milliseconds(ours)} of {units.milliseconds(theirs)})"
        )
    return f"{row.design.name} needs {' and '.join(parts)}{time}, whole model."


def surprises(run: Run) -> Iterator[str]:
    """Where theory and clock part company: fewer MACs than mha but clearly more time."""
    if PLAIN not in run.variants:
        return
    for row in run.rows:
        plain = run.row(row.part.stage, PLAIN)
        ours, theirs = (r.latency and r.latency.interval for r in (row, plain))
        if ours and theirs and row.macs < plain.macs and ours[0] > theirs[1]:
            time = units.percent(row.latency_median_s or 0, plain.latency_median_s or 0)
            yield (
                f"{row.name}: {units.percent(row.macs, plain.macs)} of mha's MACs but {time} "
                "of its time: fewer MACs are not faster here."
            )


#: The predictors of a run, from the simplest on, in words.
PREDICTORS = {
    "flops": "FLOPs over the machine's best",
    "roofline": "a roofline of the whole",
    "per operator": "a roofline of each operator",
    "calibrated": "the calibration",
}


def timed_and_predicted(run: Run) -> dict[str, list[tuple[Row, float, float]]]:
    """Every row that was both timed and predicted, with its seconds as measured and as predicted.

    By predictor; of those, the ones that all such rows have.
    """
    said = [
        (row, row.latency.median, row.predicted.by_predictor)
        for row in run.rows
        if row.predicted and row.latency
    ]
    return {
        name: [(row, measured, by[name]) for row, measured, by in said]
        for name in PREDICTORS
        if said and all(name in by for _, _, by in said)
    }


def errors(run: Run) -> dict[str, float]:
    """Mean absolute error of each predictor over the rows that were timed, as a share."""
    return {
        name: fmean(abs(said / measured - 1) for _, measured, said in its)
        for name, its in timed_and_predicted(run).items()
    }


def predictions(run: Run) -> Iterator[str]:
    """How far each predictor was from what was measured."""
    if found := errors(run):
        said = [f"{PREDICTORS[name]} {units.percent(error, 1)}" for name, error in found.items()]
        yield f"Predictions of latency, off on average: {', '.join(said)}."
    if furthest := furthest_off(run):
        row, name = furthest
        part, predicted = next((part, said) for its, _, part, said in row.residuals if its == name)
        yield (
            f"Furthest from what was predicted: {name} in {row.name}, "
            f"{units.milliseconds(part)} for {units.milliseconds(predicted)}."
        )


def furthest_off(run: Run) -> tuple[Row, str] | None:
    """The operator whose part of its row's latency is the most seconds off.

    Of those that are further off than nine in ten of what was predicted so.
    """
    off = {
        (row.key, name): abs(part - predicted)
        for row in run.rows
        if (said := row.predicted)
        for name, _, part, predicted in row.residuals
        if not said.low <= part / predicted * said.seconds <= said.high
    }
    if not off:
        return None
    key, name = max(off, key=off.__getitem__)
    return run.by_key[key], name


def disagreements(run: Run) -> Iterator[str]:
    """Each row and submodule in which a witness and a formula differ, with both figures."""
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


def facts(run: Run) -> dict[str, object]:
    """What tells one comparison from another, by name: model, setting, R and pooled grid."""
    spec = run.designs[0].spec
    return {
        "model": run.model,
        **asdict(run.setting),
        "sr_ratios": spec.sr_ratios,
        "pool_size": spec.pool_size,
    }


def difference(a: Run, b: Run) -> str:
    """In what two comparisons differ, in one sentence."""
    now = facts(b)
    said = [f"{name.replace('_', ' ')} {one} and {now[name]}"
            for name, one in facts(a).items() if one != now[name]]  # fmt: skip
    return f"A and B differ in: {'; '.join(said)}." if said else "A and B ran the same."


def incomparable(a: Run, b: Run) -> Iterator[str]:
    """Why the times of two runs cannot be held against each other; nothing where they can."""
    if untimed := [name for name, run in (("A", a), ("B", b)) if not run.measured]:
        yield f"{' and '.join(untimed)} {'has' if len(untimed) == 1 else 'have'} none"
        return
    if WITHHELD in (a.environment.device, b.environment.device):
        yield "devices are withheld"
        return
    for name, one, other in differing(a.environment, b.environment):
        yield f"{name.replace('_', ' ')} is {one} in A, {other} in B"


def changes(a: Run, b: Run) -> Iterator[str]:
    """One sentence a design: what the whole model needs in B of what it needs in A."""
    comparable = not any(incomparable(a, b))
    for variant in (v for v in a.variants if v in b.variants):
        one, other = a.row(None, variant), b.row(None, variant)
        said = (
            f"{variant}, whole model: B needs {units.percent(other.macs, one.macs)} of A's MACs, "
            f"{units.percent(other.params, one.params)} of its params and "
            f"{units.percent(other.peak.bytes, one.peak.bytes)} of its peak memory"
        )
        if comparable and one.latency and other.latency:
            ours, theirs = other.latency.median, one.latency.median
            said += f", and runs in {units.percent(ours, theirs)} of its time"
        yield f"{said}."


#: What ended the measuring of a place, in words.
STOPS = {
    "interval": "the 95 % interval of every ratio was narrower than 2 %",
    "budget": "its share of --budget was spent",
    "rounds": "200 rounds were made",
}


def _unpredicted(run: Run) -> Iterator[str]:
    """Rows without a prediction, and modules whose operators could not be held against theirs."""
    if missing := [row.name for row in run.rows if run.ceilings and not row.predicted]:
        yield f"Not predicted, for kernels that the calibration has not seen: {', '.join(missing)}."
    if untimed := [row.name for row in run.rows if row.latency and row.predicted
                   and row.part.stage is not None and not row.parts_s]:  # fmt: skip
        yield (
            "Operators not timed by themselves, for want of time or since torch runs others than "
            f"pvtprof knows of: {', '.join(untimed)}."
        )


def _short_rows(run: Run) -> Iterator[str]:
    """Reductions that leave fewer keys than a vector holds, which a CPU's softmax pays for."""
    its, size = run.setting, run.setting.bytes_each
    if short := [f"{row.name} ({row.kv_tokens})" for row in run.rows
                 if VARIANTS[row.runs_as].has_ratio and row.kv_tokens and its.attention == "eager"
                 and row.kv_tokens * size < VECTORS[-1] and not its.on_cuda
                 ]:  # fmt: skip
        yield (
            f"Fewer keys than a vector of AVX-512 holds ({VECTORS[-1] // size}), so that a softmax "
            f"takes them one by one: {', '.join(short)}. On such a processor a smaller R can be "
            "faster."
        )


def _stops(run: Run) -> Iterator[str]:
    """What ended the measuring, by place: a stage, or the model."""
    places: dict[str, dict[str, None]] = {}
    for row in run.rows:
        if row.latency and row.latency.stopped:
            place = f"stage {row.part.stage}" if row.part.stage else "the model"
            places.setdefault(STOPS[row.latency.stopped], {})[place] = None
    for why, those in places.items():
        yield f"Timed until {why}: {', '.join(those)}."


def notes(run: Run) -> Iterator[str]:
    """What a reader must know to read the figures rightly; nothing missing in silence."""
    for row in run.rows:
        if row.part.stage is not None and row.runs_as != row.design.name:
            why = "R is 1" if row.sr_ratio == 1 else "the class token cannot be pooled"
            yield f"{row.name} is plain mha here: {why}."
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
        yield f"fvcore alone counts {', '.join(taught)} as 0; pvtprof registered a handle for it."
    yield from _unpredicted(run)
    yield from _short_rows(run)
    yield from _stops(run)
    remarks: dict[str, list[str]] = {}
    for row in run.rows:
        if row.not_run:
            remarks.setdefault(f"not measured: {row.not_run}", []).append(row.name)
        for warning in row.latency.warnings if row.latency else ():
            remarks.setdefault(warning, []).append(row.name)
    for remark, rows in remarks.items():
        yield f"{', '.join(rows)}: {remark}."
