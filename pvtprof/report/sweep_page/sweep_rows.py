"""The rows of a store as values: what was asked for, and what each machine says of it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pvtprof import units
from pvtprof.sweep.closed_forms import EXACT as EXACT
from pvtprof.sweep.frame import COLUMNS as OF_A_FRAME
from pvtprof.sweep.halving import BETWEEN_PROCESSES

#: Columns that say where a design runs, and those that say which it is.
SETTING = (
    *("model", "changes", "content", "target", "at", "part", "height", "width"),
    *("batch", "dtype", "attention", "mode", "task", "threads", "device"),
)
DESIGN = ("design", "sr_ratios", "pool_size")
#: Columns of a row on a machine; and all columns in the order of ``to_frame()``.
TIMED = ("latency_s", "latency_low_s", "latency_high_s", "predicted_s", "tries", "failure")
COLUMNS = tuple(OF_A_FRAME)
#: So many letters of a machine's hash tell it from others of the same device.
OF_HASH = 6
#: From so many designs of a model on, the first view shows one model alone.
MANY_DESIGNS = 3


@dataclass(frozen=True)
class Reference:
    """One time of the row that is measured again and again: where, which row, when, how long."""

    machine: str
    row: str
    date: str
    seconds: float


@dataclass(frozen=True)
class Stored:
    """What a store holds, as plain lists: a line for each row and machine.

    ``columns`` are those of ``to_frame()`` (None where there is nothing). ``keys`` are the words of
    each line as JSON, ``samples`` its seconds; both may be empty. ``environments`` are by machine.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    keys: Sequence[str] = ()
    samples: Sequence[Sequence[float]] = ()
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    references: Sequence[Reference] = ()

    @property
    def count(self) -> int:
        """The number of lines."""
        return len(self.columns.get("model", ()))

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines as mappings by column."""
        return [
            dict(zip(self.columns, line, strict=True))
            for line in zip(*self.columns.values(), strict=True)
        ]


@dataclass(frozen=True)
class Timed:
    """A row on a machine: its time with the 95 % interval, what was predicted, why it failed."""

    latency_s: float | None = None
    latency_low_s: float | None = None
    latency_high_s: float | None = None
    predicted_s: float | None = None
    tries: int = 0
    failure: str | None = None
    samples: tuple[float, ...] = ()

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The interval, no narrower than two processes differ by; None where there is none."""
        middle, low, high = self.latency_s, self.latency_low_s, self.latency_high_s
        if middle is None or low is None or high is None:
            return None
        apart = BETWEEN_PROCESSES * middle
        return min(low, middle - apart), max(high, middle + apart)

    def is_level(self, other: Timed) -> bool | None:
        """Return whether the bounds overlap; None where one has no interval."""
        ours, theirs = self.bounds, other.bounds
        if ours is None or theirs is None:
            return None
        return ours[0] <= theirs[1] and theirs[0] <= ours[1]


@dataclass(frozen=True)
class Row:
    """One row that was asked for: ``words`` by column, its design's name, and times by machine.

    ``refused`` is why the closed form says no. ``changes`` are those of ``--set``, one by one.
    """

    words: Mapping[str, Any]
    name: str
    timed: Mapping[str, Timed]
    refused: str | None
    predicted_s: float | None
    changes: tuple[str, ...]

    @property
    def is_measured(self) -> bool:
        """Whether there is a time of any machine."""
        return any(one.latency_s is not None for one in self.timed.values())

    @property
    def is_failed(self) -> bool:
        """Whether there is no time, and a reason for it."""
        return not self.is_measured and bool(
            self.refused or any(one.failure for one in self.timed.values())
        )

    @property
    def side(self) -> str:
        """The image, or the sizes of a module of the user's own, as the command line has them."""
        if self.words["target"]:
            return str(self.words["at"] or "")
        return units.sides(self.words["height"] or 0, self.words["width"] or 0)

    @property
    def setting(self) -> tuple[Any, ...]:
        """Where the design runs: designs of the same setting are compared."""
        return tuple(self.words[name] for name in SETTING)


@dataclass(frozen=True)
class Sweep:
    """All rows of a store, each once, and its machines with the names that people read."""

    stored: Stored
    rows: tuple[Row, ...]
    machines: Mapping[str, str]

    @cached_property
    def varying(self) -> tuple[str, ...]:
        """The columns of a setting that have more than one value."""
        return tuple(n for n in SETTING if len({row.words[n] for row in self.rows}) > 1)

    @cached_property
    def measured(self) -> int:
        """The number of rows with a time."""
        return sum(row.is_measured for row in self.rows)

    @cached_property
    def failed(self) -> int:
        """The number of rows without a time, and with a reason."""
        return sum(row.is_failed for row in self.rows)

    @cached_property
    def left(self) -> int:
        """The number of rows that nobody measured yet."""
        return len(self.rows) - self.measured - self.failed

    @cached_property
    def designs(self) -> tuple[str, ...]:
        """The names of the designs, in the order in which they come."""
        return tuple(dict.fromkeys(row.name for row in self.rows))

    @cached_property
    def main_machine(self) -> str | None:
        """The machine with the most times."""
        return max(self.machines, key=self.times_on, default=None)

    @cached_property
    def first_view(self) -> dict[str, Any]:
        """The value of each column that the page shows at first: one setting, all designs.

        It is the setting with the most times on the first machine; with few designs, of all models.
        """
        names = [name for name in self.varying if name != "model"]
        timed = [
            row
            for row, on in zip(self.rows, self.on(self.main_machine), strict=True)
            if on.latency_s is not None
        ]
        counts = Counter(tuple(row.words[name] for name in names) for row in timed or self.rows)
        if not counts:
            return {}
        (values, _), *_ = counts.most_common(1)
        only = dict(zip(names, values, strict=True))
        there = [row for row in timed or self.rows if all(row.words[n] == only[n] for n in names)]
        model, count = Counter(row.words["model"] for row in there).most_common(1)[0]
        is_one = count >= MANY_DESIGNS and "model" in self.varying
        return {**({"model": model} if is_one else {}), **only}

    def times_on(self, machine: str) -> int:
        """Return the number of rows with a time of a machine."""
        return sum(on.latency_s is not None for on in self.on(machine))

    def on(self, machine: str | None) -> Iterator[Timed]:
        """Yield what a machine says of each row."""
        none = Timed()
        return (row.timed.get(machine or "", none) for row in self.rows)


def sweep_of(stored: Stored) -> Sweep:
    """Return the rows of a store, each once."""
    lines = [dict(zip(stored.columns, line, strict=True)) for line in _lines(stored)]
    keys = [_identity(stored, lines, i) for i in range(len(lines))]
    places: dict[Any, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        places[key].append(i)
    names = _names([lines[at[0]] for at in places.values()])
    rows = [
        _row(stored, [(i, lines[i]) for i in at], name)
        for at, name in zip(places.values(), names, strict=True)
    ]
    return Sweep(stored, tuple(rows), _machines(stored, lines))


def _lines(stored: Stored) -> Iterator[tuple[Any, ...]]:
    """Yield the lines; what is missing is None, as a frame's NaN."""
    for line in zip(*stored.columns.values(), strict=True):
        yield tuple(None if value != value else value for value in line)


def _identity(stored: Stored, lines: Sequence[Mapping[str, Any]], i: int) -> Any:
    if stored.keys:
        return stored.keys[i]
    return tuple(lines[i].get(name) for name in (*SETTING, *DESIGN))


def _row(stored: Stored, lines: Sequence[tuple[int, Mapping[str, Any]]], name: str) -> Row:
    first, line = lines[0]
    timed, refused, predicted = {}, None, None
    for i, one in lines:
        samples = tuple(stored.samples[i]) if stored.samples else ()
        found = {key: one.get(key) for key in TIMED} | {"tries": one.get("tries") or 0}
        if one.get("machine"):
            timed[str(one["machine"])] = Timed(**found, samples=samples)
        else:
            refused, predicted = one.get("failure"), one.get("predicted_s")
    words = {column: line.get(column) for column in (*SETTING, *DESIGN, *EXACT)}
    key = json.loads(stored.keys[first]) if stored.keys else {}
    changes = tuple(map(str, key.get("changes", ())))
    return Row(words, str(words["target"] or name), timed, refused, predicted, changes)


def _names(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the shortest names that tell designs apart: with R and pool size where they vary."""
    ratios, pools = defaultdict(set), defaultdict(set)
    for line in lines:
        network = tuple(line.get(name) for name in ("model", "changes", "content"))
        of = (network, line["design"])
        ratios[of].add(line.get("sr_ratios"))
        pools[of].add(line.get("pool_size"))
    several_r = {design for (_, design), values in ratios.items() if len(values) > 1}
    several_pools = {design for (_, design), values in pools.items() if len(values) > 1}
    found = []
    for line in lines:
        design = str(line["design"] or line.get("model") or "module")
        parts = [f"R {line['sr_ratios']}"] if line["design"] in several_r else []
        parts += [f"pool {line['pool_size']}"] if line["design"] in several_pools else []
        found.append(f"{design} ({', '.join(parts)})" if parts else design)
    return found


def _machines(stored: Stored, lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the name of each machine: its device, with its hash where others have the same."""
    found = [str(line["machine"]) for line in lines if line.get("machine")]
    hashes = list(dict.fromkeys([*found, *stored.environments]))
    devices = [str(stored.environments.get(one, {}).get("device") or "") for one in hashes]
    return {
        one: _machine_name(device, "" if devices.count(device) == 1 else one[:OF_HASH])
        for one, device in zip(hashes, devices, strict=True)
    }


def _machine_name(device: str, told_apart_by: str) -> str:
    """Return a name without a comma, for sentences that list machines.

    >>> _machine_name("AMD EPYC 9354, 2 cores", ""), _machine_name("AMD EPYC 9354, 2 cores", "a1b2")
    ('AMD EPYC 9354 (2 cores)', 'AMD EPYC 9354 (2 cores, a1b2)')
    >>> _machine_name("", "a1b2"), _machine_name("", "")
    ('machine a1b2', 'an unknown machine')
    """
    first, *rest = device.split(", ")
    if not first:
        return f"machine {told_apart_by}" if told_apart_by else "an unknown machine"
    rest += [told_apart_by] if told_apart_by else []
    return f"{first} ({', '.join(rest)})" if rest else first
