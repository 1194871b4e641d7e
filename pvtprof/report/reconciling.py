"""What gives a printed figure, as text or as values for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pvtprof import units
from pvtprof.analytic.reconcile import Explanation, Reconciled

#: So many explanations are printed; JSON has all.
SHOWN = 5


def render(found: Reconciled, form: str) -> str:
    """Return the answer as "table" or "json"."""
    if form == "json":
        return json.dumps(_values(found), indent=1) + "\n"
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Reconciled) -> Iterator[str]:
    figure = found.printed.text
    if found.explanations:
        yield f"{figure} for {found.model} is:"
        yield from (_line(one) for one in found.explanations[:SHOWN])
        if (more := len(found.explanations) - SHOWN) > 0:
            yield f"and {more} less likely ways (--format json lists all)"
    else:
        yield f"No convention of ours gives {figure} for {found.model}. The nearest:"
        for one in found.nearest:
            off = units.percent(abs(one.value - found.printed.value), found.printed.value)
            yield f"{_line(one)}: {off} off"
    if found.params:
        yield from _params(found)


def _line(one: Explanation) -> str:
    how = "" if one.how in ("", "rounded") else f" ({one.how})"
    return f"- {units.integer(one.value)}{how}: {one.sentence}"


def _params(found: Reconciled) -> Iterator[str]:
    assert found.params
    if not found.weights:
        yield f"No part of {found.model} has {found.params.text} params."
        return
    yield f"{found.params.text} params is:"
    for one in found.weights:
        how = "" if one.how == "rounded" else f" ({one.how})"
        yield f"- {units.integer(one.value)}{how}: {one.sentence}"


def _values(found: Reconciled) -> dict[str, Any]:
    def of(one: Explanation) -> dict[str, Any]:
        return {
            "value": one.value,
            "how": one.how or None,
            "counted": one.counted,
            "at": one.at,
            "task": one.task,
            "without": list(one.left_out),
        }

    weights = [{"value": w.value, "how": w.how, "counted": w.sentence} for w in found.weights]
    return {
        "printed": found.printed.text,
        "model": found.model,
        "explanations": [of(one) for one in found.explanations],
        "nearest": [] if found.explanations else [of(one) for one in found.nearest],
        "params": found.params.text if found.params else None,
        "params_explanations": weights,
    }
