"""Checks of which options of `pvtprof check` can be combined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvtprof.errors import SpecError

if TYPE_CHECKING:
    from pvtprof.check.request import Request


def check_usage(request: Request) -> None:
    """Raise SpecError if the options of a request cannot be combined."""
    words = {"BASELINE": request.baseline, "--base": request.base, "--samples": request.samples}
    for option, word in words.items():
        if word == "":
            raise SpecError(f"{option} is empty; give a value, or leave it out")
    if request.samples and not request.baseline and not request.base:
        raise SpecError(
            "--samples needs the earlier file first; "
            "use `pvtprof check before.json --samples now.json`"
        )
    if not request.baseline and not request.base and not request.update:
        raise SpecError(
            "there is nothing to compare with; give a file (`pvtprof check baseline.json`), "
            "a version (`pvtprof check --base main`), or both; --update makes the file"
        )
    _check_update(request)
    _check_baseline(request)
    if request.base_python and not request.base:
        raise SpecError("--base-python needs a base to run; give --base too")
    if {"--target", "--dtype"} <= set(request.given):
        raise SpecError("--dtype and --target exclude each other; set the dtype in your factory")
    of_models = [name for name in request.given if name not in ("--target", "--device", "--mode")]
    if "--target" in request.given and of_models:
        raise SpecError(
            f"{of_models[0]} is for PVT's models, and --target names a module of your own; give "
            "one of them"
        )
    if request.rows and not request.base:
        raise SpecError("--row chooses what is timed against a base; give --base too")
    if request.given and request.baseline and not request.update:
        raise SpecError(
            f"{request.baseline} says what runs, and {', '.join(request.given)} cannot change "
            "that; leave it out, or add --update to write the file again"
        )


def _check_update(request: Request) -> None:
    if request.latency and not request.update:
        raise SpecError("--latency stores times in a new baseline; add --update, or leave it out")
    if request.update and (request.base or not request.baseline or request.samples):
        raise SpecError(
            "--update writes a baseline and compares nothing; give the file "
            "(`pvtprof check baseline.json --update`), without --base and --samples"
        )


def _check_baseline(request: Request) -> None:
    required, baseline = request.require_latency, request.baseline
    if required and (request.update or not baseline):
        raise SpecError(
            "--require-latency compares the times in a baseline; give the file, without --update"
        )
    if request.samples and (request.base or not baseline or request.given or required):
        raise SpecError(
            "--samples compares two files of pytest-benchmark; use "
            "`pvtprof check before.json --samples now.json`, without other options"
        )
