"""The closed form of a user's own module in a baseline: as text by figure, and its changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvtprof.derive.form import Form
    from pvtprof.derive.piece import Piece

#: What a baseline holds where a module has no closed form, before the reason.
UNDERIVED = "not derived"
#: Longer formulas are shown by the terms that differ.
SHOWN = 100


def held(target: str, mode: str) -> dict[str, str]:
    """The closed form of a module as text, by figure; where there is none, the reason."""
    from pvtprof.derive.entry import Reach, derived
    from pvtprof.derive.failures import DeriveError
    from pvtprof.observe.inputs import example
    from pvtprof.observe.target import load

    module, given = load(target)
    try:
        form = derived(module, example(given), mode, target, Reach())
    except DeriveError as error:
        return {UNDERIVED: " ".join(str(error).split())}
    return dict(_lines(form))


def _lines(form: Form) -> Iterator[tuple[str, str]]:
    for number, piece in enumerate(form.pieces):
        where = f", piece {number + 1}" if number else ""
        for name, text in _figures(piece):
            yield f"{name}{where}", text


def _figures(piece: Piece) -> Iterator[tuple[str, str]]:
    from pvtprof.derive.show import definition_text, polynomial_text

    yield "domain", str(piece.domain) or "every size from 2 on"
    yield "sizes", ", ".join(f"{name} = {definition_text(made)}" for name, made in piece.used)
    yield "MACs", polynomial_text(piece.macs)
    for part in piece.parts:
        if part.macs:
            yield f"MACs of {part.module or 'the module itself'}", polynomial_text(part.macs)
    yield "parameters", str(piece.params)
    yield "bytes read", polynomial_text(piece.read_bytes)
    yield "bytes written", polynomial_text(piece.written_bytes)
    yield "peak bytes", "; ".join(sorted(polynomial_text(live) for live, _ in piece.peaks))
    yield "saved bytes", polynomial_text(piece.saved_bytes)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Every figure whose closed form changed, with both forms.

    >>> list(changes({"MACs": "2 b n"}, {"MACs": "2 b n + 4 b"}))
    ['closed form of MACs: 2 b n -> 2 b n + 4 b']
    """
    for name in dict.fromkeys((*before, *after)):
        then, now = before.get(name, "absent"), after.get(name, "absent")
        if then != now:
            yield f"closed form of {name}: {_changed(then, now)}"


def _changed(then: str, now: str) -> str:
    """Both texts; of long ones what only one of them has."""
    if max(len(then), len(now)) <= SHOWN:
        return f"{then} -> {now}"
    terms = [re.split(r" (?=[+-] )|; ", text) for text in (then, now)]
    gone, new = (
        [term for term in mine if term not in other] for mine, other in (terms, reversed(terms))
    )
    return f"{_some(gone)} -> {_some(new)}"


def _some(terms: list[str]) -> str:
    more = f" and {len(terms) - 3} more terms" if len(terms) > 3 else ""
    return " ".join(terms[:3]) + more or "nothing else"
