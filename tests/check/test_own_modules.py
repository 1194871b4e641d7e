"""Modules as people write them: what can be counted is, what cannot is said, nothing is changed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import pvtprof
from pvtprof.check import baseline as baselines
from pvtprof.check import exact_figures
from pvtprof.check.request import Checked
from pvtprof.cli import app
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.observe import deadline, exact
from pvtprof.observe.deadline import Limit
from pvtprof.observe.witness import Observation
from tests.check.test_check import CPU
from tests.targets import own
from tests.trials import PATIENCE_S

OWN = "tests.targets.own"
#: Params of the attention: weights and biases of qkv and out.
PARAMS = own.C * 4 * own.C + 4 * own.C


def of(name: str) -> Observation:
    (row,) = exact_figures.observed(Checked(CPU, f"{OWN}:{name}"), lambda text: None).rows.values()
    return row


@pytest.mark.parametrize(
    "name",
    ["whole_numbers_in", "by_name", "nested_in", "list_out", "dict_out", "named_out"],
)
def test_inputs_and_outputs_of_any_nesting_are_counted(name: str) -> None:
    seen = of(name)
    assert seen.failures == {}
    assert seen.counts["torch"].counted == 2 * own.macs()
    assert seen.counts["fvcore"].counted == own.macs()
    assert seen.params == PARAMS
    assert seen.peak
    assert seen.saved_bytes


def test_submodules_keep_their_names_whatever_the_nesting() -> None:
    assert set(of("dict_out").counts["torch"].by_module) == {"attn", "attn.qkv", "attn.out"}


def test_an_output_without_a_tensor_is_refused() -> None:
    with pytest.raises(SpecError, match="returns dict without a tensor in it"):
        of("no_tensor_out")


@pytest.mark.parametrize(("name", "n"), [("branching", own.N // 4), ("drop_path", own.N)])
def test_what_branches_on_data_or_makes_random_tensors_is_counted_on_real_ones(
    name: str, n: int
) -> None:
    seen = of(name)
    assert seen.counts["torch"].counted == 2 * own.macs(n)
    assert seen.counts["fvcore"].counted == own.macs(n)
    assert list(seen.failures) == [exact.META]
    assert of(name) == seen  # the same branch, the same random numbers


def test_a_witness_that_cannot_follow_is_said_and_the_others_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "b.json")
    assert app.main(["check", path, "--update", "--target", f"{OWN}:branching"]) == 0
    shown = capsys.readouterr().out
    assert f"torch counts {2 * own.macs(own.N // 4):,} FLOPs" in shown
    assert "torch on meta tensors cannot follow it: RuntimeError" in shown
    assert app.main(["check", path]) == 0
    assert "torch on meta tensors cannot follow it" in capsys.readouterr().out


def test_a_module_that_nothing_can_follow_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("not this one")

    for module, names in (
        (exact.live_bytes, ("forward",)),
        (exact.flop_counter, ("count", "count_real")),
        (exact.fvcore, ("count",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, fails)
    with pytest.raises(UnavailableError, match="no witness can follow Branching"):
        of("branching")


def test_what_fvcore_does_not_see_is_said_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"{OWN}:fused"
    assert app.main(["check", str(tmp_path / "b.json"), "--update", "--target", target]) == 0
    lines = capsys.readouterr().out.splitlines()
    seen = "fvcore does not see _native_multi_head_attention: its count is too small"
    assert f"- {target}: {seen}" in lines
    assert f"- {target}: torch counts {2 * own.macs():,} FLOPs, {own.macs():,} MACs" in lines
    assert f"- {target}: {PARAMS:,} params" in lines


def test_the_file_of_a_target_claims_no_published_model(tmp_path: Path) -> None:
    before = exact_figures.observed(Checked(CPU, f"{OWN}:list_out"), lambda text: None)
    path = tmp_path / "b.json"
    path.write_text(baselines.dumps(before))
    assert "pvt_v2" not in path.read_text()
    assert '"ran": {\n  "device": "cpu",\n  "mode": "inference"\n }' in path.read_text()
    assert baselines.load(path) == before


def test_a_module_is_left_as_it_was() -> None:
    module, x = own.Normed().train(), own.tokens().requires_grad_()
    module.attn.out.bias.requires_grad_(False)
    module(x).sum().backward()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    leaves = [*module.parameters(), x]
    gradients = [None if leaf.grad is None else leaf.grad.clone() for leaf in leaves]
    flags = [leaf.requires_grad for leaf in leaves]
    numbers = torch.random.get_rng_state()
    exact.of_module(module, (x,), "training")
    assert torch.equal(numbers, torch.random.get_rng_state())
    assert module.training
    assert [leaf.requires_grad for leaf in leaves] == flags
    for leaf, before in zip(leaves, gradients, strict=True):
        assert leaf.grad is None if before is None else torch.equal(leaf.grad, before)
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())


class Remembers(nn.Module):
    """Keeps a tensor of its first call, as LeViT keeps its attention biases."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        if "bias" not in self.kept:
            self.kept["bias"] = torch.ones(8, device=x.device)
        return x * self.kept["bias"]


def test_what_a_module_remembers_of_a_pass_is_forgotten() -> None:
    """Else each later pass would hold fewer bytes, and the user's module a fake tensor."""
    module, x = Remembers(), torch.ones(4, 8)
    first = exact.of_module(module, (x,), "inference")
    assert exact.of_module(module, (x,), "inference") == first
    assert all(check.agrees for check in pvtprof.derive(module, x).checks)
    assert module.kept == {}


def _with_here() -> dict[str, str]:
    import os

    here = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join((here, os.environ.get("PYTHONPATH", "")))}


@pytest.mark.parametrize("name", ["never_returns", "factory_never_returns"])
def test_a_target_that_never_returns_is_ended_by_name(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(deadline, "LEAST_S", 0.5)
    target = f"{OWN}:{name}"
    options = ["--update", "--target", target, "--budget", "0.01"]
    assert app.main(["check", str(tmp_path / "b.json"), *options]) == 3
    assert f"{target} did not end within 0.5 s" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_does_not_heed_the_alarm_ends_the_process(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        from pvtprof.cli import app
        from pvtprof.observe import deadline
        deadline.LEAST_S, deadline.GRACE_S = 0.5, 0.5
        what = ["--target", "{OWN}:never_heeds", "--budget", "0.01"]
        app.main(["check", "b.json", "--update", *what])
    """)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=_with_here(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 3
    assert "never_heeds did not end within 0.5 s" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_limit_leaves_what_is_quick_alone() -> None:
    with Limit(60).over("this"):
        seen = of("fused")
    assert seen.params


@pytest.mark.parametrize(("budget", "seconds"), [(1, 60), (3, 60), (10, 200)])
def test_the_limit_is_20_budgets_and_60_seconds_at_least(budget: float, seconds: float) -> None:
    assert deadline.of_budget(budget).seconds == seconds
