"""What is known of the devices here, and by whom it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvtprof.observe import asking
from pvtprof.observe.environment import cpu_name, device_memory, without_torch

#: As NVIDIA's tool answers, whatever it is asked.
NVIDIA_SMI = "#!/bin/sh\necho 'A GPU, 81559, 580.65.06'\n"


@pytest.fixture
def _a_gpu_that_torch_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU is in the machine, and this torch was built for processors alone."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(NVIDIA_SMI)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(asking, "installed_torch", lambda: ("2.13.0+cpu", None))


@pytest.mark.usefixtures("_a_gpu_that_torch_does_not_know")
def test_auto_is_the_processor_where_torch_was_built_without_cuda_whatever_gpu_there_is() -> None:
    """Fault 6 of the review: nvidia-smi said "cuda" in one place, torch "cpu" in another."""
    assert asking.resolved_device("auto") == "cpu"
    assert device_memory("auto").name == cpu_name()
    assert without_torch("cpu").device == cpu_name()


def test_the_version_of_torch_says_for_what_it_was_built() -> None:
    """Fault 5 of the review: package metadata has "2.11.0" for a torch that calls itself
    "2.11.0+cu130", and a calibration of this machine was taken for another's."""
    import torch

    assert asking.installed_torch() == (torch.__version__, torch.version.cuda)
    assert without_torch("cpu").torch == torch.__version__
