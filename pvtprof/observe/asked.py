"""A script: start one device, and print what is known of it as one line of JSON.

So whoever asks needs no CUDA context of its own, and may fork. Its argument is the device's name.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __name__ != "__main__":
    from pvtprof.observe import cuda
    from pvtprof.observe import device as seam
else:
    folder = ModuleType("_pvtprof_beside")  # see worker.py
    folder.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules["_pvtprof_beside"] = folder
    cuda, seam = (importlib.import_module(f"_pvtprof_beside.{name}") for name in ("cuda", "device"))


def asked(name: str) -> dict[str, Any]:
    """Return the facts of the device that ``name`` means: "auto", "cuda" or "cuda:N"; or an error.

    "auto" is the current GPU, or the processor where there is none.
    """
    torch: Any = importlib.import_module("torch")
    count = torch.cuda.device_count() if torch.version.cuda else 0
    found = ["cpu", *(f"cuda:{i}" for i in range(count))]
    if name == "auto" and not count:
        return {"device": "cpu", "found": found}
    if name in ("auto", "cuda") and count:
        name = found[1]  # events and synchronisation need an index
    if name not in found[1:]:
        return {"missing": name, "found": found}
    gpu = cuda.Cuda(name)
    try:
        gpu.start()
        before = gpu.facts()
        return {**before, "workspace_bytes": gpu.workspaces(), "found": found}
    except (RuntimeError, AssertionError) as error:
        return {"error": seam.one_line(error), "found": found}


if __name__ == "__main__":
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path != own]
    answers, sys.stdout = sys.stdout, sys.stderr  # what torch prints is not the answer
    print(json.dumps(asked(sys.argv[1])), file=answers)
