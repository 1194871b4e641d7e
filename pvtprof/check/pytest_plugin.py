"""A pytest plugin on pytest-benchmark: what a module costs, in a user's own test.

The fixture ``pvt_benchmark`` takes a module and its inputs, observes all that is exact and times
it; the figures go into pytest-benchmark's JSON as ``extra_info``. The marker ``pvt_budget`` limits
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor, nn

#: What a budget may limit; all are counts but the last, seconds.
LIMITS = ("macs", "params", "peak_bytes", "saved_bytes", "latency_s")
#: Seconds of measuring; more for a module of which ten rounds take longer.
MEASURED_S, ROUNDS = 1.0, 10


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"pvt_budget({', '.join(f'{name}=...' for name in LIMITS)}): the most that what "
        "pvt_benchmark measures may cost; latency_s is exceeded when its 95 % interval is.",
    )


@pytest.fixture
def pvt_benchmark(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """A function of (module, *inputs): observes and times, checks the budget, returns the figures.

    Figures: ``macs`` (torch's count, halved), ``params``, ``peak_bytes`` and ``saved_bytes`` (live
    tensors of a forward pass, and kept for backward), ``latency_s`` and its 95 % interval.
    """
    limits = _limits(request.node.get_closest_marker("pvt_budget"))
    benchmark = request.getfixturevalue("benchmark")

    from pvtprof.observe.building import call_of

    def measured(module: nn.Module, *inputs: Tensor) -> dict[str, Any]:
        figures = _figures(module, inputs)
        benchmark.extra_info.update(figures)
        benchmark(_synchronised(call_of(module, inputs, "inference"), inputs))
        over = [
            f"{name} {_of(figures, name)}, at most {limit}"
            for name, limit in limits.items()
            if _of(figures, name) > limit
        ]
        if over:
            pytest.fail(f"over budget: {'; '.join(over)}", pytrace=False)
        return figures

    return measured


def _limits(marker: pytest.Mark | None) -> dict[str, float]:
    if marker is None:
        return {}
    unknown = set(marker.kwargs) - set(LIMITS)
    if marker.args or unknown or not marker.kwargs:
        raise pytest.UsageError(
            f"pvt_budget takes {', '.join(LIMITS)} by name; got "
            f"{sorted(unknown) or list(marker.args) or 'nothing'}"
        )
    return dict(marker.kwargs)


def _of(figures: dict[str, Any], name: str) -> float:
    """A figure as a budget sees it: of a latency, what it surely is at least."""
    low: float = figures["latency_interval_s"][0] if name == "latency_s" else figures[name]
    return low


def _synchronised(call: Callable[[], object], inputs: tuple[Tensor, ...]) -> Callable[[], object]:
    """The call, and on CUDA the end of its kernels: pytest-benchmark would time the launches."""
    used = sorted({str(x.device) for x in inputs if x.is_cuda})
    if not used:
        return call
    from pvtprof.observe import device as seam

    devices = [seam.of(name) for name in used]

    def synchronised() -> object:
        output = call()
        for device in devices:
            device.synchronize()
        return output

    return synchronised


def _figures(module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, Any]:
    import torch

    from pvtprof.observe import device as seam
    from pvtprof.observe import exact, latency
    from pvtprof.observe.building import call_of

    seen = exact.of_module(module, inputs, "inference")
    device = str(inputs[0].device) if inputs else "cpu"
    seam.of(device).start()  # events and synchronisation are of the current device
    sampler = latency.sampler(call_of(module, inputs, "inference"), device)
    budget_s = max(MEASURED_S, 2 * ROUNDS * sampler(1)["wall"])
    sample = latency.measure({"module": sampler}, budget_s, device)["module"]
    low, high = sample.interval or (sample.median, sample.median)
    return {
        "torch": torch.__version__,
        "threads": str(torch.get_num_threads()),
        "macs": seen.counts["torch"].counted // 2,
        "params": seen.params,
        "peak_bytes": seen.peak.bytes,
        "peak_at": seen.peak.at,
        "saved_bytes": seen.saved_bytes,
        "latency_s": sample.median,
        "latency_interval_s": [low, high],
    }
