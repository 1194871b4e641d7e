"""What fits, held against the witness of live bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pvtprof.analytic.fit import Fits, squared
from pvtprof.designs.setting import Workload


def checks(found: Fits) -> Iterator[tuple[str, int, int]]:
    """(what, formula, observed) at every edge and one step beyond, by the witness of live bytes.

    On fake tensors: seconds, without memory. Where no size fits, at the one that was tried.
    """
    for fit in found.fits:
        work = replace(found.workload, mode=fit.mode)
        for what, edge in (("pixels", fit.image), ("images", fit.batch)):
            for size, ours in ((edge.tried, edge.needs), (edge.tried + 1, edge.next_needs)):
                if ours is not None:
                    sized = squared(work, size) if what == "pixels" else replace(work, batch=size)
                    label = f"{fit.variant}, {fit.mode}, {size} {what}"
                    yield label, ours, _observed_needs(sized, fit.variant)


def _observed_needs(workload: Workload, variant: str) -> int:
    from pvtprof.observe.subject import model_subject

    subject = model_subject(
        workload.spec(variant), (workload.height, workload.width), workload.batch,
        workload.dtype, workload.attention,
    )  # fmt: skip
    watch = subject.step()[0] if workload.mode == "training" else subject.forward()
    return subject.resident_bytes() + watch.peak.bytes
