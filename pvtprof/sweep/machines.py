"""Which of the machines of a store is meant: times of one are never compared with another's."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from pvtprof import units
from pvtprof.errors import PvtprofError, SpecError
from pvtprof.observe.machine import Environment, differing
from pvtprof.sweep.stored import environment_of, machine_of


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that measured for a store: its short name, its environment, and its times."""

    name: str
    environment: Environment
    times: int

    def __str__(self) -> str:
        """Such as "1a2b3c4d5e (Intel(R) Xeon(R) Processor, 2 cores; 200 times)"."""
        return f"{self.name} ({self.environment.device}; {units.integer(self.times)} times)"

    def is_here(self, here: Environment) -> bool:
        """Return whether it is a machine such as ``here``, as far as ``here`` says.

        The number of threads is each row's own.
        """
        return not [
            name
            for name, _, now in differing(self.environment, here)
            if now is not None and name != "threads"
        ]


def machines(opened: sqlite3.Connection) -> list[Machine]:
    """Return the machines of a store that measured a time, the one with most times first."""
    found = opened.execute(
        "SELECT e.machine, max(e.json), max(m.date), count(*) FROM measured AS m "
        "JOIN environment AS e ON e.id = m.environment "
        "WHERE m.median_s IS NOT NULL AND NOT m.is_reference GROUP BY 1 ORDER BY 4 DESC, 1"
    )
    return [Machine(name, environment_of(text, date), n) for name, text, date, n in found]


def named(found: list[Machine], word: str | None, device: str) -> Machine | None:
    """Return the machine that ``word`` names by its first letters; None means this machine.

    None comes back where this machine has no times in the store. Raises SpecError where nothing or
    more than one is named so, or may be this machine.
    """
    if word is None:
        alike = _alike(found, device)
        if len(alike) > 1:
            raise SpecError(
                f"{len(alike)} machines of the store are like this one but for their threads or "
                f"settings: {', '.join(map(str, alike))}; name one with --machine"
            )
        return alike[0] if alike else None
    fitting = [machine for machine in found if machine.name.startswith(word)]
    if len(fitting) != 1 or not word:
        raise SpecError(
            f"--machine {word!r} names {len(fitting) or 'none'} of the store's machines: "
            f"{', '.join(map(str, found)) or 'it has no times yet'}"
        )
    return fitting[0]


def this_one(found: list[Machine], device: str) -> Machine | None:
    """Return this very machine as torch runs here now, for times that are compared with new ones.

    None comes back where it has no times in the store.
    """
    if not _alike(found, device):
        return None
    name = name_here(device)
    return next((machine for machine in found if machine.name == name), None)


def name_here(device: str) -> str:
    """Return what a store calls this machine as torch runs here now."""
    from pvtprof.observe.asking import resolved_device
    from pvtprof.observe.environment import environment

    return machine_of(environment(resolved_device(device), timed=True))


def _alike(found: list[Machine], device: str) -> list[Machine]:
    """Return the machines that may be this one, as far as can be told without importing torch."""
    from pvtprof.observe.asking import resolved_device
    from pvtprof.observe.environment import without_torch

    try:
        here = without_torch(resolved_device(device))
    except PvtprofError:
        return []
    return [machine for machine in found if machine.is_here(here)]
