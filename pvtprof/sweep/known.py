"""The times of a store as times of the designs of a search."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median

from pvtprof import units
from pvtprof.decode import decoded
from pvtprof.designs.published import as_run
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.words import DEFAULT_POOL_SIZE
from pvtprof.errors import PvtprofError, SpecError
from pvtprof.observe.measurement import BESIDE, Measurement
from pvtprof.predict import calibration as calibrations
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.choose import evaluated
from pvtprof.predict.prediction import Prediction
from pvtprof.predict.space import Option
from pvtprof.predict.wanted import DesignKey, key_of, name_of
from pvtprof.sweep.halving import BETWEEN_PROCESSES, Candidate, beside_s
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.stored import measurement_of

#: So many measured designs correct the predictions of the others.
FEWEST_TO_CORRECT = 3


@dataclass(frozen=True)
class Known:
    """What a store knows of a network in a setting on one machine, with ``threads`` threads.

    ``paired`` of the times are of designs that were timed beside one and the same other; the rest
    was timed alone, by a sweep.
    """

    times: Mapping[DesignKey, Prediction]
    threads: int | None = None
    paired: int = 0


def known(
    opened: sqlite3.Connection,
    model: ModelSpec,
    setting: Setting,
    machine: str,
    threads: int | None = None,
) -> Known:
    """Return the measured times of the designs of a network; raises SpecError for unclear threads.

    ``threads`` None means the one number of threads that there is.
    """
    base = _base(model)
    found: dict[int, dict[int, tuple[DesignKey, Prediction]]] = {}  # by threads, by row
    for line in opened.execute(
        "SELECT id, key, threads, latency_s, latency_low_s, latency_high_s FROM rows "
        "WHERE machine = ? AND latency_s IS NOT NULL AND part = 'model' AND mode = 'inference' "
        "AND target = '' AND (height, width, batch, dtype, attention) = (?, ?, ?, ?, ?)",
        (machine, *setting.image, setting.batch, setting.dtype, setting.attention),
    ):
        spec = _spec(line["key"])
        if spec is not None and _base(spec) == base:
            found.setdefault(line["threads"], {})[line["id"]] = _key(spec), _time(line)
    if threads is None and len(found) > 1:
        raise SpecError(
            f"the store has times with {units.ratios(sorted(found))} threads (0: as many as torch "
            "takes); name one of them with --threads"
        )
    threads = next(iter(found), None) if threads is None else threads
    by_id = found.get(threads, {}) if threads is not None else {}
    beside = _paired_times(opened, machine, {number: key for number, (key, _) in by_id.items()})
    return Known(dict(by_id.values()) | beside, threads, len(beside))


def _paired_times(
    opened: sqlite3.Connection, machine: str, by_id: Mapping[int, DesignKey]
) -> dict[DesignKey, Prediction]:
    """Return the times of the rows that were timed beside another, by their ratios to it."""
    found = paired(opened, machine, by_id)
    unit_s = beside_s(one for its in found.values() for one in its)
    times = [Candidate(key, 0.0, its, beside_s=unit_s) for key, its in found.items()]
    return {one.what: Prediction(one.seconds, *one.interval) for one in times}


def paired(
    opened: sqlite3.Connection, machine: str, by_id: Mapping[int, DesignKey]
) -> dict[DesignKey, list[Measurement]]:
    """Return the measurements of rows on a machine in which another row was timed beside."""
    found: dict[DesignKey, list[Measurement]] = {}
    for line in opened.execute(
        'SELECT m."row", m.measurement FROM measured AS m JOIN environment AS e '
        "ON e.id = m.environment WHERE e.machine = ? AND instr(m.measurement, ?) "
        'AND m."row" IN (SELECT value FROM json_each(?)) ORDER BY m.id',
        (machine, f'"{BESIDE}"', json.dumps(list(by_id))),
    ):
        found.setdefault(by_id[line["row"]], []).append(measurement_of(line["measurement"]))
    return found


def rows_of(
    opened: sqlite3.Connection, model: ModelSpec, setting: Setting, threads: int, device: str
) -> dict[DesignKey, tuple[int, Planned]]:
    """Return the rows of the designs of a network, measured or not, by their numbers."""
    base, found = _base(model), dict[DesignKey, tuple[int, Planned]]()
    for line in opened.execute(
        "SELECT id, key FROM \"row\" WHERE threads = ? AND device = ? AND part = 'model' "
        "AND mode = 'inference' AND target = '' "
        "AND (height, width, batch, dtype, attention) = (?, ?, ?, ?, ?)",
        (threads, device, *setting.image, setting.batch, setting.dtype, setting.attention),
    ):
        spec = _spec(line["key"])
        if spec is not None and _base(spec) == base:
            found.setdefault(_key(spec), (line["id"], Planned.from_key(line["key"])))
    return found


def _spec(key: str) -> ModelSpec | None:
    """Return the network of a row; None where it can no longer be read, as a design file that is
    gone."""
    try:
        return Planned.from_key(key).workload.designs[0].spec
    except PvtprofError:
        return None


def _base(spec: ModelSpec) -> ModelSpec:
    """Return a network without what a search chooses: attention, R and the pooled grid."""
    return as_run(spec.with_attention("mha"))


def options_of(spec: ModelSpec) -> tuple[Option, ...]:
    """Return (variant, R) of each stage as a search has them: plain attention has R 1.

    >>> from pvtprof.designs.published import MODELS
    >>> options_of(MODELS["pvt_v2_b0"])
    (('sra_conv', 8), ('sra_conv', 4), ('sra_conv', 2), ('sra_conv', 1))
    """
    return tuple(
        ("sra_pool", 1)
        if stage.runs_as == "sra_pool"
        else ("sra_conv", 1 if stage.runs_as == "mha" else stage.sr_ratio)
        for stage in spec.stages
    )


def in_words(planned: Planned) -> str:
    """Return the design of a row of a network, as a search calls it."""
    spec = planned.workload.designs[0].spec
    return name_of(options_of(spec), spec.pool_size)


def _key(spec: ModelSpec) -> DesignKey:
    return key_of(options_of(spec), spec.pool_size)


def _time(line: sqlite3.Row) -> Prediction:
    """Return a measured time with its interval, which is no narrower than processes differ by."""
    seconds = line["latency_s"]
    low = min(line["latency_low_s"] or seconds, seconds * (1 - BETWEEN_PROCESSES))
    high = max(line["latency_high_s"] or seconds, seconds * (1 + BETWEEN_PROCESSES))
    return Prediction(seconds, low, high)


def planned_of(key: DesignKey, setting: Setting, words: Planned) -> Planned:
    """Return the row of a sweep that is one design of a search; ``words`` names the network.

    >>> words = Planned("pvt_v2_b0", "", 0, 0, (), 7, threads=1)
    >>> key = ((("sra_conv", 8), ("sra_conv", 1), ("sra_pool", 1), ("sra_conv", 1)), 5)
    >>> one = planned_of(key, Setting(128, 128), words)
    >>> one.design, one.sr_ratios, one.pool_size
    ('sra_conv,mha,sra_pool,mha', (8, 1, 1, 1), 5)
    """
    options, pool_size = key
    variants = ["mha" if option == ("sra_conv", 1) else option[0] for option in options]
    if set(variants) == {"mha", "sra_conv"}:
        variants = ["sra_conv"]  # as a sweep with --design sra_conv has it
    is_one = len(set(variants)) == 1
    return replace(
        words,
        design=variants[0] if is_one else ",".join(variants),
        height=setting.height,
        width=setting.width,
        batch=setting.batch,
        dtype=setting.dtype,
        attention=setting.attention,
        sr_ratios=tuple(ratio for _, ratio in options),
        pool_size=pool_size or DEFAULT_POOL_SIZE,
    )


def stored_calibration(
    opened: sqlite3.Connection, machine: str, dtype: str, threads: int | None = None
) -> Calibration | None:
    """Return the last calibration of a machine that is in the store.

    ``threads`` are those that it must be of; 0 and None allow any.
    """
    kinds: dict[str | None, type[Calibration]] = {calibrations.SCHEMA: Calibration}
    for (text,) in opened.execute(
        "SELECT json FROM calibration WHERE machine = ? AND dtype = ? ORDER BY rowid DESC",
        (machine, dtype),
    ):
        way_out = "make one with `calibrate --from`"
        found = decoded(text, "the store's calibration", kinds, way_out)
        if not threads or found.environment.threads == threads:
            return found
    return None


def ratios(known: Known, model: ModelSpec, setting: Setting, by: Calibration) -> Iterator[float]:
    """Yield measured over predicted seconds of the designs that were measured."""
    for (options, pool_size), time in known.times.items():
        pooled = replace(model, pool_size=pool_size or model.pool_size)
        yield time.seconds / evaluated(pooled, setting, by, options).latency.seconds


def corrected(
    known: Known, model: ModelSpec, setting: Setting, by: Calibration
) -> tuple[Calibration, float | None]:
    """Return a calibration whose predictions are right, in the middle, for what was measured.

    And by what factor it was corrected; None where fewer than FEWEST_TO_CORRECT were measured.
    """
    if len(known.times) < FEWEST_TO_CORRECT:
        return by, None
    factor = median(ratios(known, model, setting, by))
    return replace(by, scale=by.scale * factor, call_s=by.call_s * factor), factor


def dumped(found: Calibration) -> str:
    """Return a calibration as the text that a store keeps."""
    return json.dumps(json.loads(calibrations.dumps(found)), separators=(",", ":"))
