"""Which parts of a request to `pvtprof check` go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvtprof.errors import SpecError

if TYPE_CHECKING:
    from pvtprof.check.request import Request


def check_usage(request: Request) -> None:
    """Raise SpecError where what was asked for does not go together."""
    words = {"BASELINE": request.baseline, "--base": request.base, "--samples": request.samples}
    for option, word in words.items():
        if word == "":
            raise SpecError(f"{option} is empty; name something, or leave it out")
    if not request.baseline and not request.base:
        raise SpecError("name a BASELINE, or a --base to time against, or both")
    _check_update(request)
    _check_baseline(request)
    if request.base_python and not request.base:
        raise SpecError("--base-python runs a --base: name one")
    if {"--target", "--dtype"} <= set(request.given):
        raise SpecError("--dtype is of pvtprof's own rows; a --target builds what it is")
    if request.rows and not request.base:
        raise SpecError("--row says what is timed: it needs a --base to time against")
    if request.given and request.baseline and not request.update:
        raise SpecError(
            f"{', '.join(request.given)} belong to --update: without it {request.baseline} says "
            "what runs"
        )


def _check_update(request: Request) -> None:
    if request.latency and not request.update:
        raise SpecError("--latency belongs to --update: without it the file says what it has")
    if request.update and (request.base or not request.baseline or request.samples):
        raise SpecError("--update writes a BASELINE, and compares nothing: give that alone")


def _check_baseline(request: Request) -> None:
    required, baseline = request.require_latency, request.baseline
    if required and (request.update or not baseline):
        raise SpecError("--require-latency is of a BASELINE's times: name one to hold to")
    if request.samples and (request.base or not baseline or request.given or required):
        raise SpecError("--samples goes with a BASELINE of pytest-benchmark, and no more")
