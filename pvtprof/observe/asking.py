"""What is known of the devices here: asked of a process that ends with the answer.

So this one has no CUDA context: it neither holds memory that a timed process needs, nor is it
spoilt for forks; and a GPU that is listed but does not start is one line, not a traceback.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pvtprof.designs.device import device_word
from pvtprof.errors import UnavailableError

ASKED = Path(__file__).with_name("asked.py")
#: Seconds after which a device that does not answer is given up: the first start can be slow.
SLOWEST_S = 180
#: What was asked, by every word that means the device.
_KNOWN: dict[str, Mapping[str, Any]] = {}
_ASSIGNED = r"^{name}\b[^=]*= *'([^']*)'"


@lru_cache
def installed_torch() -> tuple[str | None, str | None]:
    """Return torch's version and its CUDA version without importing torch; None if there is none.

    Package metadata lacks what the version says of the build: "2.11.0" for "2.11.0+cu130".
    """
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None or spec.loader is None:
        return None, None
    path = str(Path(spec.origin).with_name("version.py"))
    try:
        text = spec.loader.get_data(path).decode()  # type: ignore[attr-defined] # of a file's loader
    except (OSError, AttributeError):
        return None, None
    found = [re.search(_ASSIGNED.format(name=name), text, re.M) for name in ("__version__", "cuda")]
    version, cuda = (match[1] if match else None for match in found)
    return version, cuda


def gpu(device: str) -> Mapping[str, Any]:
    """Return the facts of the GPU that ``device`` ("auto", "cuda", "cuda:N") names, or of the CPU.

    Raises UnavailableError where there is no such device, or it does not start.
    """
    version, cuda = installed_torch()
    if cuda is None:
        said: Mapping[str, Any] = {"device": "cpu", "found": ["cpu"]}
        if device != "auto":
            said = {"missing": device, "found": ["cpu"]}
    else:
        said = _asked(device)
    if "error" in said:
        raise UnavailableError(
            f"device {device!r} cannot be used: {said['error']}; use --device cpu, or repair that"
        )
    if "missing" in said:
        reason = "" if cuda else " (this torch was built without CUDA)"
        raise UnavailableError(
            f"device {device!r} is not available: torch {version} found "
            f"{', '.join(said['found'])}{reason}; use --device cpu or auto"
        )
    return said


def _asked(device: str) -> Mapping[str, Any]:
    """Return what is known of a device; each device is asked once."""
    if device not in _KNOWN:
        said = _answer(device)
        words = ("auto", "cuda", "cuda:0") if said.get("device") == "cuda:0" else (device,)
        _KNOWN.update(dict.fromkeys(words, said))
    return _KNOWN[device]


def _answer(device: str) -> Mapping[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, str(ASKED), device],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SLOWEST_S,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"it did not answer in {SLOWEST_S} s"}
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = next(iter(done.stderr.splitlines()[::-1]), "")
        return {"error": f"the process that asked it ended with {done.returncode}: {last}"}
    return answer


def resolved_device(device: str) -> str:
    """Return the torch device that "auto" means here, or ``device`` itself where torch can use it.

    A GPU has its number: "cuda" is cuda:0. Raises SpecError for a word that names no device,
    UnavailableError where there is none such.
    """
    device_word(device)
    return device if device == "cpu" else str(gpu(device)["device"])
