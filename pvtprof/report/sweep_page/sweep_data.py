"""What the page of a store carries as data: columns with dictionaries, times by machine."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pvtprof.designs.words import DEFAULT_POOL_SIZE
from pvtprof.report.figures.style import palette
from pvtprof.report.sweep_page.sweep_rows import COLUMNS, DESIGN, EXACT, SETTING, Row, Sweep
from pvtprof.sweep.halving import BETWEEN_PROCESSES

#: Columns that hold texts; every other one holds numbers.
TEXTS = (
    *("model", "changes", "content", "target", "at", "part", "dtype", "attention", "mode"),
    *("task", "device", "design", "sr_ratios"),
)
#: A number of JavaScript is exact up to here; larger ones travel as texts.
EXACT_IN_A_BROWSER = 2**53
#: The page carries so many samples at most, each with DIGITS digits.
MOST_SAMPLES, DIGITS = 250_000, 5
#: Words of a command that are left out where they say this.
USUAL: Mapping[str, Any] = {
    "part": "model",
    "batch": 1,
    "dtype": "float32",
    "attention": "eager",
    "mode": "inference",
    "task": "classify",
    "threads": 0,
    "device": "cpu",
}


def data(sweep: Sweep) -> dict[str, Any]:
    """Return the data, as values for JSON."""
    rows = sweep.rows
    plain = [name for name in (*SETTING, *DESIGN, *EXACT) if name not in TEXTS]
    return {
        "count": len(rows),
        "noise": BETWEEN_PROCESSES,
        "order": COLUMNS,
        "texts": {
            **{name: coded(row.words[name] for row in rows) for name in TEXTS},
            "name": coded(row.name for row in rows),
            "side": coded(row.side for row in rows),
            "command": coded(command(sweep, row) for row in rows),
            "refused": coded(row.refused for row in rows),
        },
        "numbers": {name: [_number(row.words[name]) for row in rows] for name in plain},
        "predicted": [row.predicted_s for row in rows],
        "machines": [_machine(sweep, one) for one in sweep.machines],
        "colors": palette(list(dict.fromkeys(str(row.words["design"]) for row in rows))),
        "start": {"machine": _place(sweep), "only": sweep.first_view},
    }


def coded(values: Iterable[Any]) -> dict[str, list[Any]]:
    """Return texts as a dictionary, and the place of each in it.

    >>> coded(["a", "b", "a", None])
    {'values': ['a', 'b', None], 'codes': [0, 1, 0, 2]}
    """
    places: dict[Any, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    return {"values": list(places), "codes": codes}


def _number(value: Any) -> int | float | str | None:
    is_large = isinstance(value, int) and value > EXACT_IN_A_BROWSER
    return str(value) if is_large else value


def _place(sweep: Sweep) -> int:
    machines = list(sweep.machines)
    return machines.index(sweep.main_machine) if sweep.main_machine else 0


def _machine(sweep: Sweep, machine: str) -> dict[str, Any]:
    on = list(sweep.on(machine))
    each = _samples_each(sweep)
    return {
        "hash": machine,
        "name": sweep.machines[machine],
        "latency_s": [one.latency_s for one in on],
        "latency_low_s": [one.latency_low_s for one in on],
        "latency_high_s": [one.latency_high_s for one in on],
        "predicted_s": [one.predicted_s for one in on],
        "tries": [one.tries for one in on],
        "failure": coded(one.failure for one in on),
        "taken": [len(one.samples) for one in on],
        "samples": [_microseconds(one.samples, each) for one in on],
    }


def _samples_each(sweep: Sweep) -> int:
    """Return how many samples of a row and machine are carried."""
    taken = [len(one.samples) for row in sweep.rows for one in row.timed.values()]
    return max(taken, default=0) if sum(taken) <= MOST_SAMPLES else MOST_SAMPLES // len(taken)


def _microseconds(samples: Sequence[float], most: int) -> list[float]:
    """Return some of the samples, evenly, in the order in which they were taken."""
    count = min(len(samples), most)
    kept = (samples[i * len(samples) // count] for i in range(count))
    return [_short(float(f"{1e6 * seconds:.{DIGITS}g}")) for seconds in kept]


def _short(value: float) -> float:
    return int(value) if value.is_integer() else value


def command(sweep: Sweep, row: Row) -> str:
    """Return the command that measures a row again, into the same store."""
    words = row.words
    parts = ["pvtprof", "sweep"]
    if words["target"]:
        parts += ["--target", str(words["target"])]
        parts += ["--at", str(words["at"])] if words["at"] else []
    else:
        parts += ["--model", str(words["model"]), "--img", row.side]
        parts += ["--design", str(words["design"])]
        ratios, pool = str(words["sr_ratios"] or ""), words["pool_size"]
        is_reduced = "sra_conv" in words["design"] or set(ratios) - set("1,")
        parts += ["--R", ratios] if is_reduced and ratios else []
        parts += ["--pool-size", str(pool)] if pool not in (None, 0, DEFAULT_POOL_SIZE) else []
    for name, usual in USUAL.items():
        if words[name] not in (None, "", usual):
            parts += [f"--{name}", str(words[name])]
    for change in row.changes:
        parts += ["--set", change]
    return shlex.join([*parts, "--again", "-o", sweep.stored.name])
