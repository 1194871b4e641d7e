"""A printed figure of a PVT, or of a module of the user's own, and what explains it."""

from __future__ import annotations

from collections.abc import Sequence

from pvtprof.analytic import reconcile as operations
from pvtprof.analytic.printed import printed
from pvtprof.analytic.reconcile import Reconciled
from pvtprof.analytic.reconcile_params import reconcile_params
from pvtprof.designs.checks import image_size
from pvtprof.designs.spec import ModelSpec


def reconcile(
    spec: ModelSpec,
    figure: str | None,
    params: str | None = None,
    images: Sequence[tuple[int, int]] = (),
    task: str | None = None,
) -> list[Reconciled]:
    """Return what explains a printed number of operations, and one of parameters; those given."""
    figures = (printed(figure) if figure else None, printed(params, True) if params else None)
    spec.used_for(task)  # refused here where there is no such task
    found = []
    if figures[0]:
        sizes = [image_size(image) for image in dict.fromkeys(images)]
        found.append(operations.reconcile(figures[0], spec, sizes or None, task))
    if figures[1]:
        found.append(reconcile_params(figures[1], spec, task))
    return found
