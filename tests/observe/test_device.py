"""The seam to a device: what a failure is, and the number format that is set before rows run."""

from __future__ import annotations

import pytest
import torch

from pvtprof.observe import building
from pvtprof.observe import device as seam

DEAD = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported"
FAILURES = [
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB."), "memory"),
    (MemoryError(), "memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "memory"),
    (RuntimeError("CUDA error: out of memory"), "memory"),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), "memory"),
    (RuntimeError(DEAD), "dead"),
    (RuntimeError("CUDA error: device-side assert triggered"), "dead"),
    (RuntimeError("mat1 and mat2 are in shared memory of other shapes"), "other"),
    (ValueError(DEAD), "other"),
]


@pytest.mark.parametrize(("error", "kind"), FAILURES, ids=lambda one: str(one)[:40])
def test_a_failure_is_of_memory_of_the_context_or_of_neither(error: Exception, kind: str) -> None:
    """Fault 7 of the review: "memory" in the message was out of memory; a lost context was not."""
    assert seam.failure(error) == kind


class Started(seam.Cpu):
    """A card that starts, whatever there is."""

    is_cuda = True


@pytest.mark.parametrize("tf32", [False, True])
def test_the_number_format_is_set_before_rows_are_built(
    tf32: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 11 of the review: torch's own defaults held, which favour convolutions."""
    was_set: list[bool] = []
    monkeypatch.setattr(seam, "of", lambda name: Started())
    monkeypatch.setattr(seam, "set_tf32", was_set.append)
    setup = {"device": "cuda:0", "dtype": "float32", "other": None, "tf32": tf32}
    assert building.built_rows(setup, {"seed": 0, "rows": {}}) == ({}, {})
    assert was_set == [tf32]
