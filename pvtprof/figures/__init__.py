"""Charts of a run, in two steps: ``..._info`` decides every number, ``draw_...`` none."""

from __future__ import annotations

import plotly.graph_objects as go

from pvtprof.figures.agreement import AgreementInfo, agreement_info, draw_agreement
from pvtprof.figures.cost import StackInfo, draw_stack, stack_info
from pvtprof.figures.latency import (
    LatencyInfo,
    SharesInfo,
    draw_latency,
    draw_shares,
    latency_info,
    shares_info,
)
from pvtprof.figures.memory import (
    SIDES,
    LiveInfo,
    ResolutionInfo,
    draw_live,
    draw_resolution,
    live_info,
    resolution_info,
)
from pvtprof.figures.prediction import (
    PredictionInfo,
    RooflineInfo,
    draw_prediction,
    draw_roofline,
    prediction_info,
    roofline_info,
)
from pvtprof.records import Run

__all__ = [
    "SIDES",
    "AgreementInfo",
    "LatencyInfo",
    "LiveInfo",
    "PredictionInfo",
    "ResolutionInfo",
    "RooflineInfo",
    "SharesInfo",
    "StackInfo",
    "agreement_info",
    "all_figures",
    "draw_agreement",
    "draw_latency",
    "draw_live",
    "draw_prediction",
    "draw_resolution",
    "draw_roofline",
    "draw_shares",
    "draw_stack",
    "latency_info",
    "live_info",
    "prediction_info",
    "resolution_info",
    "roofline_info",
    "shares_info",
    "stack_info",
]  # fmt: skip


def all_figures(run: Run) -> dict[str, go.Figure]:
    """Every chart that a run has figures for, by name, in the order of the page."""
    live, shares = live_info(run), shares_info(run)
    found = {"macs": draw_stack(stack_info(run))}
    if run.measured:
        found["latency"] = draw_latency(latency_info(run))
    if shares.points:
        found["shares"] = draw_shares(shares)
    if (predicted := prediction_info(run)).points:
        found["prediction"] = draw_prediction(predicted)
    if run.ceilings and run.measured:
        found["roofline"] = draw_roofline(roofline_info(run, run.ceilings))
    found["resolution"] = draw_resolution(resolution_info(run))
    if live.moments:
        found["live"] = draw_live(live)
    if any(row.counts for row in run.rows):
        found["agreement"] = draw_agreement(agreement_info(run))
    return found
