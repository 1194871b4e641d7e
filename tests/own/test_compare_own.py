"""Modules of the user's own in ``compare``: side by side, by submodule, beside PVT's designs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import pvtprof
from pvtprof.api import Run
from pvtprof.cli import main
from pvtprof.designs.part import MODEL
from pvtprof.designs.workload import Workload, workload
from pvtprof.errors import SpecError, StoreError
from pvtprof.report import markdown, own, terminal_full
from pvtprof.report.page import html
from pvtprof.run import command, store
from pvtprof.run.measuring import Measuring
from pvtprof.run.targets import Given, Wanted
from tests.derive import modules
from tests.trials import costly

TARGETS = Path(__file__).parent.parent / "derive" / "modules.py"
WINDOW, NESTED = f"{TARGETS}:window", f"{TARGETS}:nested"


@pytest.fixture(scope="module")
def run() -> Run:
    """Two modules, observed and not timed: one with an image, one with inputs by keyword."""
    return pvtprof.compare([WINDOW, NESTED], budget_s=0, device="cpu")


def test_every_row_has_its_witnesses_and_they_agree(run: Run) -> None:
    assert run.agrees
    for row in run.rows:
        assert set(row.witnesses) == {"torch", "params", "peak bytes", "fvcore"}, row.name
        assert row.witnesses["fvcore"].counted == row.macs
        assert row.witnesses["torch"].counted == 2 * row.macs
        assert row.witnesses["peak bytes"].counted == row.peak.bytes


def test_the_formula_is_the_derived_form_at_the_setting(run: Run) -> None:
    whole = run.rows[0]
    form = pvtprof.derive(*modules.window(), verify=False)
    costs = form(**whole.setting.point)
    assert (whole.macs, whole.params, whole.peak.bytes) == (
        costs.macs,
        costs.params,
        costs.peak_bytes,
    )
    assert whole.moved_bytes == (costs.read_bytes, costs.written_bytes)


def test_submodules_add_up_to_the_whole(run: Run) -> None:
    for name in run.variants:
        whole, *parts = (row for row in run.rows if row.design.name == name)
        assert whole.part == MODEL
        assert [row.part.kind for row in parts] == ["module"] * len(parts)
        assert sum(row.macs for row in parts) == whole.macs
        assert sum(row.params for row in parts) == whole.params
        assert max(row.peak.bytes for row in parts) == whole.peak.bytes
        assert (
            tuple(map(sum, zip(*(row.moved_bytes for row in parts), strict=True)))
            == whole.moved_bytes
        )


def test_depth_says_which_submodules_have_rows() -> None:
    def parts(depth: int) -> set[str]:
        found = pvtprof.compare(f"{TARGETS}:encoder", depth=depth, analytic=True)
        return {row.part.name for row in found.rows}

    flat, deeper = parts(1), parts(2)
    assert parts(0) == {"model"}
    assert {"self_attn", "linear1", "linear2", "norm1"} <= flat
    assert deeper - flat == {"self_attn.out_proj"}


def test_a_training_step_has_its_own_peak_and_saved_bytes() -> None:
    found = pvtprof.compare(WINDOW, mode="training", budget_s=0, device="cpu")
    forward = pvtprof.compare(WINDOW, analytic=True)
    whole, *parts = found.rows
    assert found.agrees
    assert whole.macs == forward.rows[0].macs  # of the forward pass, as PVT's rows
    assert whole.peak.bytes > forward.rows[0].peak.bytes
    assert whole.witnesses["saved bytes"].counted == whole.saved_bytes
    assert all(row.saved_bytes is None for row in parts)
    assert "saved" in terminal_full.render(found, 200)


def test_modules_stand_beside_the_designs_that_take_the_same_input() -> None:
    window = modules.Window(dim=64, heads=2)
    found = pvtprof.compare(
        ["pvt_v2_b2", window], example=torch.zeros(1, 64, 56, 56), analytic=True
    )
    assert [one.is_own for one in found.comparisons] == [True, False]
    names = [own.name_of(row) for row in own.peers(found)]
    assert names == [f"pvt_v2_b2, stage 1 {v}" for v in ("mha", "sra_conv", "sra_pool")]
    text = terminal_full.render(found, 200)
    assert "pvt_v2_b2, stage 1 sra_conv needs " in text
    assert "of Window's MACs" in text
    assert "pvt_v2_b2 at 224x224" in text


def test_a_batch_is_that_of_own_modules_too() -> None:
    found = pvtprof.compare(["pvt_v2_b2", WINDOW], batch=4, analytic=True)
    assert {row.setting.point["b"] for row in own.wholes(found)} == {4}


def test_a_saved_run_comes_back_the_same(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "run.json")
    again = pvtprof.load(tmp_path / "run.json")
    assert again == run
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["schema"] == "pvtprof.run/2"
    assert document["designs"][0]["kind"] == "target"
    assert document["designs"][0]["spec"]["target"] == WINDOW
    assert document["settings"][0]["sizes"] == {"b": 1, "h": 56, "w": 56}
    assert html.render(again) == html.render(run)


@pytest.mark.parametrize(
    "broken",
    [
        lambda form: form.replace('"relation":"=="', '"relation":"== exit() or"'),
        lambda form: form.replace('"h1"', '"h1=exit()"'),
        lambda form: form.replace("pvtprof.form/1", "pvtprof.form/9"),
        lambda form: form[:-9],
    ],
)
def test_a_form_of_a_file_is_no_code(run: Run, broken: Callable[[str], str]) -> None:
    from pvtprof.derive import stored

    form = stored.dumps(pvtprof.derive(*modules.fixed(), verify=False))
    window = stored.dumps(pvtprof.derive(*modules.window(), verify=False))
    for text in (form, window):
        if broken(text) != text:
            with pytest.raises(StoreError, match="form"):
                stored.loads(broken(text))


def test_a_computed_size_of_a_file_is_arithmetic_alone() -> None:
    from pvtprof.derive import stored

    form = pvtprof.derive(*modules.window(), verify=False)
    document = json.loads(stored.dumps(form))
    for code in ("__import__('os').getcwd()", "h.real", "[h][0]", "exit()"):
        document["pieces"][0]["quotients"][0][1] = {"code": code, "names": ["h"]}
        with pytest.raises(StoreError, match="no arithmetic of sizes"):
            stored.loads(json.dumps(document))


def test_the_frame_has_a_line_a_row(run: Run) -> None:
    frame = run.to_frame()
    assert list(frame["sizes"].unique()) == ["b=1, h=56, w=56", "b=1, n=6, m=4"] or len(
        frame
    ) == len(run.rows)
    assert set(frame["scope"]) == {"model", "module"}
    assert frame["macs"].sum() == 2 * sum(row.macs for row in own.wholes(run))


def test_markdown_and_terminal_have_every_design_and_submodule(run: Run) -> None:
    for text in (markdown.render(run), terminal_full.render(run, 200)):
        for row in run.rows:
            assert f"{row.macs:,}" in text, row.name
        assert "holds for h, w at least 8" in text


def test_a_module_of_a_class_within_a_function_is_not_timed_and_says_so() -> None:
    class Local(torch.nn.Linear):
        pass

    found = pvtprof.compare(Local(8, 8), example=torch.zeros(1, 4, 8), budget_s=0.2, device="cpu")
    whole = found.rows[0]
    assert whole.latency is None
    assert "file.py:factory" in str(whole.not_run)
    assert found.agrees


def test_modules_are_timed_by_target_and_as_given() -> None:
    given = modules.Window()
    found = pvtprof.compare(
        [WINDOW, given], example=torch.zeros(1, 32, 56, 56), budget_s=1.0, device="cpu"
    )
    for row in own.wholes(found):
        assert row.latency or "no time left" in str(row.not_run), row.not_run
    assert [row.design.name for row in own.wholes(found)] == [WINDOW, "Window"]


def test_the_command_writes_a_run_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--target", f"{TARGETS}:fixed", "--target", f"{TARGETS}:encoder", "--at", "b=3"]
    assert main(["compare", *words, "--budget", "0", "--device", "cpu", "-o", "own.json"]) == 0
    assert "b=3" in capsys.readouterr().out
    found = store.load(tmp_path / "own.json")
    assert found.command.startswith(f"pvtprof compare --target {TARGETS}:fixed --target")
    assert found.command.endswith("--at b=3 --device cpu --budget 0")
    assert any("_native_multi_head_attention" in said for row in found.rows for said in row.remarks)
    assert main(["report", "own.json"]) == 0
    assert "What your modules cost" in (tmp_path / "own.html").read_text()


@pytest.mark.parametrize("beside", [[], [workload("pvt_v2_b0", 64)]])
def test_the_command_repeats_what_was_asked_of_a_gpu(beside: list[Workload]) -> None:
    measuring = Measuring("cuda", 9.0, cuda_graph=True, tf32=True)
    wanted = Wanted((Given(WINDOW),), {})
    words = command.own_command(wanted, beside, "cuda:0", measuring, analytic=False)
    assert words.endswith("--device cuda:0 --budget 9 --cuda-graph --tf32 on")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--target", "nothing"], 2, "is not package.module:factory"),
        (["--target", f"{TARGETS}:window", "--at", "k=3"], 2, "no module has a size 'k'"),
        (["--target", f"{TARGETS}:window", "--img", "64"], 2, "--img is for PVT's models"),
        (["--target", f"{TARGETS}:branch"], 3, "needs the content of a tensor"),
        (["--target", f"{TARGETS}:fixed", "--at", "n=17"], 3, "raises RuntimeError"),
        (["--target", f"{TARGETS}:window", "--tf32", "on"], 2, "leave out --tf32 on"),
        (["--target", f"{TARGETS}:window", "--cuda-graph"], 2, "leave out --cuda-graph"),
        (["--depth", "2"], 2, "--depth is for modules of your own"),
        (["--at", "h=3"], 2, "--at is for modules of your own"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words, "--budget", "0", "--device", "cpu"]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error


def test_a_module_without_an_example_is_refused() -> None:
    with pytest.raises(SpecError, match="Linear was given without an example input"):
        pvtprof.compare(torch.nn.Linear(2, 2), analytic=True)


def test_the_index_of_a_folder_lists_own_modules_too(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.save(tmp_path / "own.json")
    pvtprof.compare(analytic=True).save(tmp_path / "pvt.json")
    assert main(["report", str(tmp_path), "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "b=1, h=56, w=56" in lines[1]
    assert (tmp_path / "index.html").is_file()
    both = [str(tmp_path / name) for name in ("own.json", "pvt.json")]
    assert main(["report", *both]) == 2
    assert "holds modules of your own" in capsys.readouterr().err


@costly
def test_ctrl_c_keeps_what_was_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pvtprof.run.target_observer import TargetObserver

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TargetObserver, "_time", stopped)
    found = pvtprof.compare([f"{TARGETS}:fixed", "pvt_v2_b0"], img=64, budget_s=0.2, device="cpu")
    assert found.interrupted
    assert [row.not_run for row in own.wholes(found)] == ["interrupted"]
    assert found.agrees
    assert found.rows[0].witnesses["torch"].counted == 2 * found.rows[0].macs
    found.save(tmp_path / "partial.json")
    assert pvtprof.load(tmp_path / "partial.json").interrupted
