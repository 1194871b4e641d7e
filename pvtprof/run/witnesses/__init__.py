"""The witnesses of a run: counters, and meters of memory.

A witness is an entry of ``WITNESSES`` in a file here; compare, table, page and file find it. Those
that watch a user's own module are in ``WATCHES`` or ``ON_REAL`` of ``run/target_rows`` too.

In: an operator list, and a module that can be built. Out: a formula beside a count.
It may import what its room, run, may import: formula and observation meet here alone, and neither
can see the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from pvtprof.observe.witness import Count
from pvtprof.registry import entries
from pvtprof.run.row import Agreement, Row, joined
from pvtprof.run.rows import terms_of
from pvtprof.run.run import Run
from pvtprof.run.witnesses.witness import Witness


def _registered() -> Iterator[Witness]:
    for module in entries(__name__, __path__):
        yield from getattr(module, "WITNESSES", ())


#: Every witness by its name, in the order in which it is asked and shown.
WITNESSES: Mapping[str, Witness] = {
    witness.name: witness for witness in sorted(_registered(), key=lambda one: one.place)
}
#: The names of the counters of operators, which report submodule by submodule.
COUNTERS = tuple(name for name, witness in WITNESSES.items() if witness.by_module)


def witnessed(row: Row, watch: Callable[[Witness], Count | None]) -> Row:
    """Return the row with what the witnesses saw for which ``watch`` returns a count."""
    terms, found = terms_of(row), dict(row.witnesses)
    for name, witness in WITNESSES.items():
        if witness.applies(row.setting) and (count := watch(witness)) is not None:
            found[name] = joined(witness.formula(terms, row.setting), count, witness.is_exact)
    return replace(row, witnesses={name: found[name] for name in WITNESSES if name in found})


def witnesses_of(run: Run) -> tuple[str, ...]:
    """Return the names of a run's witnesses: those registered in their order, then those of a file
    that a later version wrote."""
    present = dict.fromkeys(name for row in run.rows for name in row.witnesses)
    return (*(name for name in WITNESSES if name in present), *(present.keys() - WITNESSES.keys()))


def exact_agreements(run: Run) -> list[tuple[str, Agreement]]:
    """Return each formula of a run that was held against an exact witness, with its name."""
    return [
        (name, row.witnesses[name])
        for name, witness in WITNESSES.items()
        if witness.is_exact
        for row in run.rows
        if name in row.witnesses
    ]


def label_of(name: str) -> str:
    """Return the name of a witness in tables; its own name if it is not registered."""
    return WITNESSES[name].label if name in WITNESSES else name
