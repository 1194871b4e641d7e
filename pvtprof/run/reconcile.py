"""A printed figure of a PVT, or of a module of the user's own, and what explains it."""

from __future__ import annotations

from collections.abc import Sequence

from pvtprof.analytic import reconcile as operations
from pvtprof.analytic.printed import printed
from pvtprof.analytic.reconcile import Reconciled
from pvtprof.analytic.reconcile_params import reconcile_params
from pvtprof.designs.checks import image_size
from pvtprof.designs.named import Model, network
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.words import DEFAULT_MODEL
from pvtprof.run.compare import Size, sizes


def reconcile(
    figure: str | None = None,
    model: Model = DEFAULT_MODEL,
    *,
    params: str | None = None,
    img: Size | Sequence[Size] = (),
    task: str | None = None,
) -> list[Reconciled]:
    """Return the ways to count that give the digits of a printed number, such as "46.6G" (FLOPs).

    Each names a convention, size, parts and unit; the fewest assumptions come first. ``params`` is
    a printed number of parameters, such as "27.4M". The list has one ``Reconciled`` for each number
    given. ``img`` are the sizes to try (default: those of papers), ``task`` the only task to try.

    >>> (found,) = reconcile("4.0G", "pvt_v2_b2")
    >>> found.is_explained, found.explanations[0].count
    (True, 4026734592)
    """
    images = [image_size(size) for size in sizes(img)] if img else []
    return reconciled(network(model), figure, params, images, task)


def reconciled(
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
