"""What a fit of a store's rows found, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from pvtprof import units
from pvtprof.sweep.calibrating import FromRows


def sentences(found: FromRows) -> Iterator[str]:
    """Yield what was fitted to what, how well each fit met rows that it had not seen, and the one
    that was taken.
    """
    here = found.calibration.environment
    yield (
        f"{units.integer(found.rows)} rows of machine {found.machine}, {here.threads} threads, "
        f"{found.calibration.dtype}. Mean error on rows that a fit has not seen:"
    )
    for name, error in found.errors.items():
        taken = " (taken)" if name == found.taken else ""
        yield f"  {name}: {units.percent(error, 1)}{taken}"
    if "every coefficient" not in found.errors:
        yield "The rows do not carry a fit of every coefficient: too few, or too much alike."
    if found.factors:
        factors = ", ".join(f"{name} {factor:.3f}" for name, factor in found.factors.items())
        yield f"Factors on the calibration below: {factors}."
