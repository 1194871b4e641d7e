"""Calibrating and choosing as functions of plain values, as the command line does them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pvtprof.designs.checks import image_size
from pvtprof.designs.named import Model, network
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import checked_ratios
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import CALIBRATE_BUDGET_S, DEFAULT_MODEL
from pvtprof.predict.calibration import Calibration
from pvtprof.predict.kept import keep, kept_path, known_calibration

if TYPE_CHECKING:
    from pvtprof.designs.spec import ModelSpec
    from pvtprof.predict.choose import Found
    from pvtprof.predict.search import Search


def choose(
    model: Model = DEFAULT_MODEL,
    img: int | tuple[int, int] = 224,
    *,
    batch: int = 1,
    dtype: str = "float32",
    device: str = "auto",
    attention: str = "eager",
    within_s: float | None = None,
    memory_bytes: int | None = None,
    only: str | Sequence[str] = (),
    min_keys: int = 1,
    sr_ratios: Sequence[int] | None = None,
    pool_sizes: int | Sequence[int] = (),
    task: str | None = None,
    proposals: int | None = None,
    calibration: Calibration | str | os.PathLike[str] | None = None,
) -> Found:
    """Return the designs that no other design beats, over every R and variant of every stage.

    One design beats another if it is at least as good in predicted latency, MACs, params and
    memory, and better in one of them. ``within_s`` and ``memory_bytes`` are the most that a design
    may take. ``only`` names the variants that are searched (default: all). ``min_keys`` is the
    fewest keys that a stage may have, ``sr_ratios`` are the only R of ``sra_conv`` (one per stage),
    and ``pool_sizes`` are the only sides of pooled grids. ``task`` and ``proposals`` are
    those of ``compare``; latency is that of the backbone if the calibration has not seen the
    kernels of neck and head (``Found.is_whole`` is False then). ``calibration`` is a value or a
    file; None means the one stored for this machine. Raises StoreError if there is none, SpecError
    if no design is within the limits.

    >>> from tests.builders import made_up_calibration  # calibrate() measures a real one
    >>> found = choose("pvt_v2_b0", 64, only="sra_conv", calibration=made_up_calibration())
    >>> {variant for design in found.front for variant, _ in design.options}
    {'sra_conv'}
    """
    from pvtprof.predict import choose as choosing
    from pvtprof.predict.calibration import load_for

    spec = network(model).used_for(task, proposals)
    height, width = image_size(img)
    setting = Setting(height, width, batch=batch, dtype=dtype, attention=attention)
    search = search_of(
        spec, only=only, min_keys=min_keys, sr_ratios=sr_ratios, pool_sizes=pool_sizes
    )
    if calibration is None:
        calibration = known_calibration(device, dtype)
    elif not isinstance(calibration, Calibration):
        calibration = load_for(calibration, dtype)
    return choosing.choose(spec, setting, calibration, within_s, memory_bytes, search)


def search_of(
    spec: ModelSpec,
    *,
    only: str | Sequence[str] = (),
    min_keys: int = 1,
    sr_ratios: Sequence[int] | None = None,
    pool_sizes: int | Sequence[int] = (),
) -> Search:
    """Return what is searched for a network, from plain values as ``choose`` takes them."""
    from pvtprof.predict.search import Search

    return Search(
        tuple(dict.fromkeys([only] if isinstance(only, str) else only)) or tuple(VARIANTS),
        min_keys,
        None if sr_ratios is None else checked_ratios(sr_ratios, spec.last),
        tuple([pool_sizes] if isinstance(pool_sizes, int) else pool_sizes) or None,
    )


def calibrate(
    device: str = "auto",
    dtype: str = "float32",
    *,
    budget_s: float = CALIBRATE_BUDGET_S,
    seed: int = 0,
    path: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda text: None,
    tf32: bool = False,
) -> Calibration:
    """Measure this machine for about ``budget_s`` seconds, so that latency can be predicted.

    The calibration is kept at ``path``; None means where ``compare`` and ``choose`` look for it.
    A calibration of a busy machine does not replace a calm one without ``force``; ``progress``
    gets the reason. ``tf32`` lets products and convolutions of float32 run in TF32 on a GPU. Raises
    UnavailableError if there is no such device, or something cannot be timed on it.

    >>> calibrate(budget_s=0)
    Traceback (most recent call last):
    pvtprof.errors.SpecError: budget is 0 s; use more than 0, such as 20
    """
    from pvtprof import files
    from pvtprof.predict import calibrate as calibrating

    target = path or kept_path(device, dtype)
    files.check_writable(target, force, ".json")
    found = calibrating.calibrate(device, dtype, budget_s, seed, progress, tf32)
    progress(keep(found, target, force))
    return found
