"""Charts of a run, in two steps: ``..._info`` decides every number, ``draw_...`` none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

from pvtprof.report.figures.agreement import AgreementInfo, agreement_info, draw_agreement
from pvtprof.report.figures.cost import StackInfo, draw_stack, stack_info
from pvtprof.report.figures.latency import (
    LatencyInfo,
    SharesInfo,
    draw_latency,
    draw_shares,
    latency_info,
    shares_info,
)
from pvtprof.report.figures.memory import (
    SIDES,
    LiveInfo,
    ResolutionInfo,
    draw_live,
    draw_resolution,
    live_info,
    resolution_info,
)
from pvtprof.report.figures.prediction import (
    PredictionInfo,
    ResidualInfo,
    RooflineInfo,
    draw_prediction,
    draw_residuals,
    draw_roofline,
    prediction_info,
    residual_info,
    roofline_info,
)
from pvtprof.run.run import Run

__all__ = [
    "SIDES",
    "AgreementInfo",
    "LatencyInfo",
    "LiveInfo",
    "PredictionInfo",
    "ResidualInfo",
    "ResolutionInfo",
    "RooflineInfo",
    "SharesInfo",
    "StackInfo",
    "agreement_info",
    "all_figures",
    "all_infos",
    "draw_agreement",
    "draw_latency",
    "draw_live",
    "draw_prediction",
    "draw_residuals",
    "draw_resolution",
    "draw_roofline",
    "draw_shares",
    "draw_stack",
    "drawn",
    "latency_info",
    "live_info",
    "prediction_info",
    "residual_info",
    "resolution_info",
    "roofline_info",
    "shares_info",
    "stack_info",
]  # fmt: skip


_DRAW: dict[str, Callable[[Any], go.Figure]] = {
    "macs": draw_stack, "latency": draw_latency, "shares": draw_shares,
    "prediction": draw_prediction, "residuals": draw_residuals, "roofline": draw_roofline,
    "resolution": draw_resolution, "live": draw_live, "agreement": draw_agreement,
}  # fmt: skip


def all_infos(run: Run) -> dict[str, Any]:
    """What every chart shows that a run has figures for, by name, in the order of the page."""
    infos: dict[str, Any] = {"macs": stack_info(run)}
    if run.measured:
        infos["latency"] = latency_info(run)
    if (shares := shares_info(run)).points:
        infos["shares"] = shares
    if (predicted := prediction_info(run)).points:
        infos["prediction"] = predicted
    if (residuals := residual_info(run)).points:
        infos["residuals"] = residuals
    if run.ceilings and run.measured:
        infos["roofline"] = roofline_info(run, run.ceilings)
    infos["resolution"] = resolution_info(run)
    if (live := live_info(run)).moments:
        infos["live"] = live
    if run.counted:
        infos["agreement"] = agreement_info(run)
    return infos


def drawn(infos: dict[str, Any]) -> dict[str, go.Figure]:
    """The charts of infos, by name."""
    return {name: _DRAW[name](info) for name, info in infos.items()}


def all_figures(run: Run) -> dict[str, go.Figure]:
    """Every chart that a run has figures for, by name, in the order of the page."""
    return drawn(all_infos(run))
