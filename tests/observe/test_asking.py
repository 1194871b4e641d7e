"""What is known of the devices here, and by whom it is asked."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pvtprof.observe import asking
from pvtprof.observe.environment import Room, cpu_name, device_memory, environment, without_torch
from pvtprof.predict.kept import default_path, kept_path

#: As NVIDIA's tool answers, whatever it is asked.
NVIDIA_SMI = "#!/bin/sh\necho 'A GPU, 81559, 580.65.06'\n"


#: What the second card says of itself where nvidia-smi shows another.
SECOND: dict[str, Any] = {
    "device": "cuda:1",
    "found": ["cpu", "cuda:0", "cuda:1"],
    "name": "A slice",
    "memory_bytes": 10 * 2**30,
    "memory": {"taken": 3 * 2**29, "free": 2**33},
    "workspace_bytes": 2**23,
    "torch": "2.13.0+cu130",
    "cuda": "13.0",
    "cudnn": "91002",
    "driver": "580.65.06",
    "settings": "cudnn.benchmark on, deterministic",
}


@pytest.fixture
def _nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NVIDIA's tool shows a GPU."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(NVIDIA_SMI)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("_nvidia_smi")
def test_auto_is_the_processor_where_torch_was_built_without_cuda_whatever_gpu_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault 6 of the review: nvidia-smi said "cuda" in one place, torch "cpu" in another."""
    monkeypatch.setattr(asking, "installed_torch", lambda: ("2.13.0+cpu", None))
    assert asking.resolved_device("auto") == "cpu"
    assert device_memory("auto").name == cpu_name()
    assert kept_path("auto", "float32") == default_path("cpu", "float32")
    assert without_torch("cpu").device == cpu_name()


def test_the_version_of_torch_says_for_what_it_was_built() -> None:
    """Fault 5 of the review: package metadata has "2.11.0" for a torch that calls itself
    "2.11.0+cu130", and a calibration of this machine was taken for another's."""
    import torch

    assert asking.installed_torch() == (torch.__version__, torch.version.cuda)
    assert without_torch("cpu").torch == torch.__version__


def test_the_version_of_torch_is_not_that_of_package_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 5 again, where metadata and version may be alike: of a torch that has no metadata."""
    (tmp_path / "version.py").write_text("__version__ = '2.11.0+cu130'\ncuda: str = '13.0'\n")
    found = importlib.util.spec_from_file_location("torch", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    assert asking.installed_torch.__wrapped__() == ("2.11.0+cu130", "13.0")


@pytest.mark.usefixtures("_nvidia_smi")
def test_a_gpu_is_what_cuda_calls_so_whatever_nvidia_smi_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault 15 of the review: nvidia-smi's numbering and totals stood for cuda:N and for slices;
    11: what decides which kernels run was not recorded."""
    monkeypatch.setattr(asking, "installed_torch", lambda: ("2.13.0+cu130", "13.0"))
    monkeypatch.setitem(asking._KNOWN, "cuda:1", SECOND)
    assert device_memory("cuda:1") == Room("A slice", 10 * 2**30, 3 * 2**29, 2**23)
    for here in (without_torch("cuda:1"), environment("cuda:1")):
        assert (here.device, here.memory_bytes) == ("A slice", 10 * 2**30)
        assert (here.cudnn, here.gpu_settings) == ("91002", "cudnn.benchmark on, deterministic")
    assert (environment("cuda:1").tf32, environment("cuda:1", tf32=True).tf32) == ("off", "on")
