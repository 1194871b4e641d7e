"""Which way of counting gives a printed figure, of a module by its derived closed form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pvtprof import units
from pvtprof.analytic.reconcile import Explanation, Reconciled, Weight, answer, unusual_digits
from pvtprof.analytic.tools import OPERATIONS, TOOLS
from pvtprof.derive.closed import Closed
from pvtprof.derive.evaluate import PartCosts
from pvtprof.derive.show import point_text
from pvtprof.designs.printed import Printed
from pvtprof.designs.tasks import CLASSIFY

#: A form knows multiply-accumulates alone: those, and two operations for each.
_PER_MAC = {next(iter(TOOLS)): 1, OPERATIONS: 2}


def reconciled_form(
    figure: Printed, form: Closed, sizes: Sequence[tuple[int, int]], params: Printed | None
) -> Reconciled:
    """Return what gives a printed figure for a derived form: whole, or without one submodule.

    ``sizes`` are (height, width), for a form with free sizes h and w; another is taken at the sizes
    of its example.
    """
    ways = (way for at, point in _points(form, sizes) for way in _ways(figure, form, at, point))
    weights = tuple(_weights(params, form)) if params else ()
    return answer(figure, form.name, ways, params, weights)


def _points(
    form: Closed, sizes: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, Mapping[str, int]]]:
    if not {"h", "w"} <= set(form.names):
        yield point_text(form.example), form.example
        return
    for height, width in sizes:
        point = {**form.example, "h": height, "w": width} | ({"b": 1} if "b" in form.names else {})
        if form.covers(**point):
            yield units.grid(height, width), point


def _ways(
    figure: Printed, form: Closed, at: str, point: Mapping[str, int]
) -> Iterator[Explanation]:
    parts = form.parts(**point)
    for counted, times in _PER_MAC.items():
        for left_out, kept in _kept(parts):
            value = times * sum(part.macs for part in kept)
            how = figure.match(value)
            steps = times - 1 + 2 * len(left_out) + unusual_digits(how)
            yield Explanation(value, how, counted, at, CLASSIFY, left_out, steps)


def _kept(parts: Sequence[PartCosts]) -> Iterator[tuple[tuple[str, ...], list[PartCosts]]]:
    """Yield all submodules, and all but each of the outermost."""
    yield (), list(parts)
    for name in dict.fromkeys(part.module.partition(".")[0] for part in parts):
        if kept := [part for part in parts if part.module.partition(".")[0] != name]:
            yield (name or "the operators of the module itself",), kept


def _weights(params: Printed, form: Closed) -> Iterator[Weight]:
    parts = form.parts(**form.example)
    for left_out, kept in _kept(parts):
        value = sum(part.params for part in kept) if left_out else form.params
        if how := params.match(value):
            without = f", without {left_out[0]}" if left_out else ""
            yield Weight(value, how, f"the whole module{without}")
