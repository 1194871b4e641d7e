"""Why a row takes more time than its MACs say: its operator with the most time beyond its MACs."""

from __future__ import annotations

from collections.abc import Mapping

from pvtprof import spoken
from pvtprof.designs.part import MODEL
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: An operator stands out whose share of the time is at least this much above its share of the MACs.
STANDS_OUT = 0.03
#: Operators of attention in a sentence; see ``_named`` for the two reductions.
NAMES = {
    "q": "the projection to queries",
    "pool": "the pooling",
    "sr": "the reduction's convolution",
    "norm": "the norm of the reduced tokens",
    "act": "the GELU of the reduced tokens",
    "kv": "the projection to keys and values",
    "scores": "the product of queries and keys",
    "scale": "the scaling of the scores",
    "softmax": "the softmax",
    "mix": "the product of weights and values",
    "merge": "the copy that joins the heads",
    "proj": "the output projection",
}


def reason(run: Run, row: Row) -> str:
    """Return in words why a row takes more time than its MACs say; "" where nothing tells."""
    if row.part == MODEL:
        return _of_network(run, row)
    if parts := row.parts_s:
        return _furthest(row, parts, "")
    if row.latency is None:
        predicted = {op.name: op.predicted_s for op in row.ops if op.predicted_s is not None}
        return _furthest(row, predicted, "by prediction ") if predicted else ""
    if row.is_own or row.setting.mode == "training":
        return ""
    return "its operators were not timed: raise --budget to see why"


def _furthest(row: Row, seconds: Mapping[str, float], by: str) -> str:
    """Return the operator that takes most time beyond its MACs."""
    whole = sum(seconds.values())
    macs = {op.name: op.macs / row.macs for op in row.ops}
    shares = {name: taken / whole for name, taken in seconds.items()}
    name = max(shares, key=lambda one: shares[one] - macs.get(one, 0.0))
    if shares[name] - macs.get(name, 0.0) < STANDS_OUT:
        return "no operator stands out"
    return _said(NAMES.get(name, f"the operator {name}"), shares[name], macs.get(name, 0.0), by)


def _said(name: str, time: float, macs: float, by: str = "") -> str:
    of_macs = f"{spoken.people(macs, 1)} of the MACs" if macs else "has no MACs"
    return f"{by}{name} takes {spoken.people(time, 1)} of the time and {of_macs}"


def _of_network(run: Run, row: Row) -> str:
    """Return whether attention, or what is outside of it, takes the time beyond its MACs."""
    rows = [one for one in run.rows if one.design == row.design and one.part.stage is not None]
    timed = [one.blocks * one.latency.median for one in rows if one.latency and not one.is_doubtful]
    if not rows or row.latency is None or len(timed) < len(rows):
        return ""
    time = sum(timed) / row.latency.median
    macs = sum(one.blocks * one.macs for one in rows) / row.macs
    if abs(time - macs) < STANDS_OUT or time >= 1:
        return ""
    if time > macs:
        return _said("attention", time, macs)
    return _said("what is not attention", 1 - time, 1 - macs)
