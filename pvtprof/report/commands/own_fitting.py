"""What fits of modules of the user's own, as a table, CSV or JSON."""

from __future__ import annotations

from typing import Any

from pvtprof import units
from pvtprof.report import listing
from pvtprof.run.target_fit import OwnEdge, OwnFits


def render(found: OwnFits, memory: str, form: str) -> str:
    """The answers as "table", "csv" or "json"; ``memory`` says whose memory it is."""
    if form != "table":
        return listing.render([_record(found, one) for one in found.edges], form)
    lines = [f"What fits into {units.size(found.memory_bytes)} ({memory}), where it is proven:", ""]
    table = listing.render([_line(one) for one in found.edges], "table")
    domains = dict.fromkeys(
        f"- {one.target.design.name}, {one.mode}: proven for "
        f"{one.target.forms[one.mode].domain or 'every size from 2 on'}."
        for one in found.edges
    )
    return "\n".join([*lines, table, *domains, *_remarks(found)]) + "\n"


def _names(one: OwnEdge) -> str:
    return " = ".join(one.sizes)


def _others(one: OwnEdge) -> str:
    rest = {n: size for n, size in one.target.setting.point.items() if n not in one.sizes}
    return ", ".join(f"{name}={size}" for name, size in rest.items()) or "-"


def _line(one: OwnEdge) -> dict[str, str]:
    edge = one.edge
    largest = f"{edge.size}" if edge.size else f"not even {edge.tried}"
    return {
        "design": one.target.design.name,
        "mode": one.mode,
        "size": _names(one),
        "at": _others(one),
        "largest": largest,
        "needs": units.size(edge.needs),
        "next": "-" if one.beyond is None else str(one.beyond),
        "next needs": units.size(edge.next_needs),
        "peak at": edge.at,
    }


def _record(found: OwnFits, one: OwnEdge) -> dict[str, Any]:
    return {
        "design": one.target.design.name,
        "mode": one.mode,
        "size": _names(one),
        "at": _others(one),
        "dtype": one.target.setting.dtype,
        "memory_bytes": found.memory_bytes,
        "largest": one.edge.size or None,
        "tried": one.edge.tried,
        "needs_bytes": one.edge.needs,
        "peak_at": one.edge.at,
        "next": one.beyond,
        "next_needs_bytes": one.edge.next_needs,
    }


def _remarks(found: OwnFits) -> list[str]:
    lines = []
    if any(one.edge.size and one.beyond is None for one in found.edges):
        lines.append(
            "- No next size: none is proven up to 16384 (4096 of a batch) that does not fit."
        )
    return [
        *lines,
        "- Needs are parameters, input and the peak of live tensors, in training with the "
        "gradients of the parameters, without an optimizer's state.",
    ]
