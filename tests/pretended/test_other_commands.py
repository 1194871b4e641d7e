"""Commands other than ``compare`` over a pretended GPU that fails, and what they keep of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pretended.command_line import (
    CHECK,
    COUNTED,
    one_of_many,
    run,
    run_python,
    versions,
    written_json,
)
from tests.trials import costly

#: A card that fails while another command runs: the exit code, and what is said on stderr.
OTHERS: list[tuple[tuple[str, ...], dict[str, Any], int, str]] = [
    (("fit",), {"dead_at": 1, "starts": False}, 3, "busy or unavailable"),
    (CHECK, {"dead_at": 30}, 3, "illegal memory access"),
    (CHECK, {"memory": 600}, 3, "out of memory"),
    (CHECK, {"starts": False}, 3, "busy or unavailable"),
    (CHECK, {"old_driver": True}, 3, "too old"),
    (("calibrate",), {"dead_at": 30}, 3, "illegal memory access"),
    (("calibrate",), {"memory": 2**20}, 3, "out of memory"),
    (("calibrate",), {"synchronises": True}, 3, "cannot be timed by themselves"),
    (("choose",), {}, 2, "there is no calibration"),
    (("choose",), {"mig": True, "nvml": False}, 2, "there is no calibration"),
    (("fit", "--device", "cuda:1"), {}, 3, "found cpu, cuda:0"),
    ((*COUNTED, "--mode", "training", "--cuda-graph"), {}, 2, "leave out --cuda-graph"),
    ((*COUNTED, "--attention", "sdpa", "--dtype", "float64"), {}, 2, "no fused kernel"),
]


@pytest.mark.parametrize(("words", "ways", "code", "said"), one_of_many(OTHERS))
def test_a_card_that_fails_under_another_command_is_said_in_a_line(
    words: tuple[str, ...], ways: dict[str, Any], code: int, said: str, tmp_path: Path
) -> None:
    found, out, err = run(versions(tmp_path), ways, *words)
    assert found == code, (out, err)
    assert said in (out + err).splitlines()[-1]


@costly
@pytest.mark.parametrize(
    "ways", [{"mig": True}, {"nvml": False}, {"nvml_fails_at": 1}, {"count": 2, "busy": 2**33}]
)
def test_what_nvml_does_not_say_is_no_failure_of_fit(ways: dict[str, Any], tmp_path: Path) -> None:
    code, out, err = run(tmp_path, ways, "fit")
    assert code == 0, err
    assert "Pretended H100" in out


@costly
def test_two_versions_are_compared_though_importing_them_touches_cuda(tmp_path: Path) -> None:
    """Fault 14: a count of devices by the driver itself spoils forks."""
    code, out, err = run(versions(tmp_path), {"mig": True}, *CHECK)
    assert "re-initialize" not in out + err
    assert code in (0, 3), (out, err)  # a shared machine may not decide it
    assert "pairs" in out


#: A calibration that takes as long as it needs: a processor that is busy is no failure.
CALIBRATE = """
from pvtprof.cli import app
from pvtprof.predict import calibrate
calibrate.SLOWEST = 10**6
raise SystemExit(app.main(["calibrate", "--budget", "1"]))
"""


@costly
def test_a_calibration_of_a_gpu_is_made_and_its_own_machine_takes_it(tmp_path: Path) -> None:
    """Fault 5: package metadata lacks the "+cu130" of torch's version."""
    code, _, err = run_python(tmp_path, {}, "-c", CALIBRATE)
    assert code == 0, err
    compare = ("compare", "--model", "pvt_v2_b0", "--img", "64", "--analytic", "-o", "r.json")
    for words in (("choose", "--img", "64"), compare):
        code, _, err = run(tmp_path, {}, *words)
        assert (code, "another environment" in err) == (0, False), err
    assert all(row["predicted_s"] for row in written_json(tmp_path)["rows"])


KEPT = """
from dataclasses import replace
from pvtprof.observe.environment import environment
from pvtprof.predict import calibration, kept
from tests.builders import made_up_calibration
for device in ("cuda:0", "cuda:1"):
    its = environment(device, timed=True)
    here = replace(made_up_calibration(), environment=its, overlaps=True)
    calibration.save(here, kept.path_of(device, "float32"))
"""


@costly
@pytest.mark.parametrize("device", ["cuda:1", "auto"])
def test_each_kind_of_gpu_has_its_own_calibration(device: str, tmp_path: Path) -> None:
    """Faults 5 and 15: two unlike GPUs shared one, and none took its own."""
    ways = {"count": 2, "second_name": "Another GPU"}
    assert run_python(tmp_path, ways, "-c", KEPT)[0] == 0
    assert len(list((tmp_path / "data" / "pvtprof").iterdir())) == 2
    code, out, err = run(tmp_path, ways, "choose", "--img", "64", "--device", device)
    assert (code, err) == (0, "")
    assert "predicted" in out
