"""Which line of code asks about a size."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

_TORCH = str(Path(torch.__file__).parent)


_HERE = str(Path(__file__).parent.parent)


_MODELS = str(Path(_HERE) / "models")


_ASKING = ("sym_node.py", "symbolic_shapes.py", "symbolic.py", "recording.py")


_IMPLS = "fake_impls.py"


def chooses_a_kernel() -> bool:
    """Return whether torch only picks the kernel of a convolution, which changes no layout."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.endswith(_ASKING):
        frame = frame.f_back  # type: ignore[assignment]
    code = frame.f_code if frame else None
    return code is not None and code.co_name == "conv" and code.co_filename.endswith(_IMPLS)


def is_users(file: str) -> bool:
    """Return whether code is a user's: not torch's, not pvtprof's own but for its models."""
    inside = file.startswith((_TORCH, _HERE)) and not file.startswith(_MODELS)
    return not inside and not file.startswith("<") and "contextlib" not in file


def user_line() -> str:
    """Return file and line of the innermost code that is neither torch's nor pvtprof's."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if is_users(file):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
