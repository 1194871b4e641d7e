"""A pytest plugin on pytest-benchmark: the cost of a module in a user's own test.

The fixture ``pvt_benchmark`` takes a module and its inputs, observes all that is exact and times
it; the figures go into pytest-benchmark's JSON as ``extra_info``. The marker ``pvt_budget`` limits
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pvtprof.observe.witness import Observation

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
    """Return a function of (module, *inputs) that returns the figures and checks the budget.

    Figures: ``macs`` (torch's count, halved), ``params``, ``peak_bytes`` and ``saved_bytes`` (live
    tensors of a forward pass, and kept for backward), ``latency_s`` and its 95 % interval.
    """
    limits = _limits(request.node.get_closest_marker("pvt_budget"))
    benchmark = request.getfixturevalue("benchmark")

    from pvtprof.observe.building import call_of
    from pvtprof.observe.nesting import tensors
    from pvtprof.observe.untouched import untouched

    def measured(module: nn.Module, *inputs: Any) -> dict[str, Any]:
        with untouched(module, tensors(inputs)):
            figures = _figures(module, inputs)
            benchmark.extra_info.update(figures)
            benchmark(_synchronised(call_of(module, inputs, "inference"), tensors(inputs)))
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
    """Return a figure for comparison with a budget; of a latency, its lower bound."""
    low: float = figures["latency_interval_s"][0] if name == "latency_s" else figures[name]
    return low


def _synchronised(call: Callable[[], object], inputs: Sequence[Tensor]) -> Callable[[], object]:
    """Return the call; on CUDA it waits for the kernels, so that not only launches are timed."""
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


def _figures(module: nn.Module, inputs: tuple[Any, ...]) -> dict[str, Any]:
    import torch

    from pvtprof.observe import device as seam
    from pvtprof.observe import latency
    from pvtprof.observe.building import call_of
    from pvtprof.observe.nesting import tensors

    seen = _seen(module, inputs)
    device = next((str(x.device) for x in tensors(inputs)), "cpu")
    seam.of(device).start()  # events and synchronisation are of the current device
    sampler = latency.sampler(call_of(module, inputs, "inference"), device)
    budget_s = max(MEASURED_S, 2 * ROUNDS * sampler(1)["wall"])
    sample = latency.measure({"module": sampler}, latency.Plan(budget_s, device))["module"]
    low, high = sample.interval or (sample.median, sample.median)
    return {
        "torch": torch.__version__,
        "threads": str(torch.get_num_threads()),
        "macs": seen.counts["torch"].counted // 2,
        "params": seen.params,
        "peak_bytes": seen.peak.bytes if seen.peak else None,
        "peak_at": seen.peak.at if seen.peak else None,
        "saved_bytes": seen.saved_bytes,
        "latency_s": sample.median,
        "latency_interval_s": [low, high],
    }


def _seen(module: nn.Module, inputs: tuple[Any, ...]) -> Observation:
    """Return all exact figures; raise UnavailableError if a limited figure has no witness."""
    import torch

    from pvtprof.errors import UnavailableError
    from pvtprof.observe import exact
    from pvtprof.observe.flat import flat
    from pvtprof.observe.nesting import tensors
    from pvtprof.observe.untouched import untouched

    with untouched(module, tensors(inputs)), torch.no_grad():
        plain = isinstance(module(*inputs), torch.Tensor)
    if not plain or not all(isinstance(x, torch.Tensor) for x in inputs):
        seen = exact.of_module(*flat(module, inputs, {}), "inference")
    else:
        seen = exact.of_module(module, inputs, "inference")
    for witness in (exact.TORCH, exact.LIVE):
        if reason := seen.failures.get(witness):
            raise UnavailableError(f"{witness} cannot follow {type(module).__name__}: {reason}")
    return seen
