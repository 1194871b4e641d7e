"""Two versions in lockstep: the verdict's rule on made-up ratios, and real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pvtprof.check import paired
from pvtprof.check.case import FAILED, PASSED, UNDECIDED
from pvtprof.check.judgement import CANNOT_TELL, FASTER, SAME, SLOWER, outcome
from pvtprof.check.paired import Paired, Versions, judged
from pvtprof.check.request import Checked, Timing
from pvtprof.cli import app
from pvtprof.designs.workload import workload
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.observe import sides as processes
from pvtprof.observe.sides import Setup, Side, sides
from pvtprof.run import recipes
from tests.trials import PATIENCE_S, costly


@pytest.fixture(autouse=True)
def _short_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many pairs as the rule needs, each of them short."""
    monkeypatch.setattr(paired, "PAIR_S", 0.05)


DESIGN = """
import torch
from torch import nn

class Work(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(64, 256), nn.Linear(256, 64)
    def forward(self, x):
        again = torch.cat((x, x[:, :EXTRA]), dim=1)
        return self.down(self.up(again).relu())[:, : x.shape[1]]

def factory():
    return Work(), torch.randn(1, 1024, 64)

def raises():
    raise ValueError("no such checkpoint")

def dies():
    import os
    os.kill(os.getpid(), 9)

def exits():
    raise SystemExit(0)

def leaves():
    import os
    os._exit(0)

def noted():
    error = ValueError("with a note")
    error.add_note("")
    raise error

def not_finite():
    return nn.Identity(), torch.full((2, 2), float("nan"))

def no_tensor():
    module = nn.Identity()
    module.forward = lambda x: "words"
    return module, torch.zeros(1)

def other_shape():
    return nn.Identity(), torch.zeros(SHAPE)
"""


def version(folder: Path, extra: int = 0, shape: int = 1) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "some_design.py").write_text(f"EXTRA, SHAPE = {extra}, {shape}\n{DESIGN}")
    return str(folder)


def versions(tmp_path: Path, extra: int = 0) -> Versions:
    base, head = version(tmp_path / "base"), version(tmp_path / "head", extra, shape=2)
    return Versions(base, head, sys.executable, sys.executable)


def on_cpu(target: str | None = None) -> Checked:
    return Checked(replace(workload(), device="cpu"), target)


def run(found: Versions, factory: str = "factory", budget_s: float = 0.1) -> Paired:
    rows: dict[str, dict[str, object]] = {"work": {}}
    (judgement,) = judged(found, rows, on_cpu(f"some_design:{factory}"), Timing(budget_s))
    return judgement


def drawn(rng: np.random.Generator, mean: float, pairs: int, spread: float = 0.012) -> Paired:
    ratios = tuple(float(x) for x in np.exp(rng.normal(np.log(mean), spread, pairs)))
    return Paired(row="row", ratios=ratios)


def test_the_rule_seldom_alarms_and_mostly_finds() -> None:
    """Spread of pairs as measured on a loaded machine; the processes' own rates: tests/bench."""
    rng = np.random.default_rng(0)
    verdicts = {
        mean: [drawn(rng, mean, 10).verdict for _ in range(100)] for mean in (1.0, 1.05, 1.10)
    }
    assert verdicts[1.0].count(SLOWER) + verdicts[1.0].count(FASTER) <= 1
    assert verdicts[1.05].count(SLOWER) >= 95
    assert verdicts[1.10].count(SLOWER) == 100
    assert drawn(rng, 1 / 1.1, 10).verdict == FASTER


def test_what_is_wide_cannot_be_told_and_says_what_would_decide() -> None:
    wide = Paired(row="row", ratios=(0.9, 1.1, 0.92, 1.08, 0.95, 1.12, 0.9), seconds=10)
    assert wide.verdict == CANNOT_TELL
    judgements = outcome([wide], "main")
    text, (case,) = judgements.text, judgements.cases
    assert case.status == UNDECIDED
    assert "--budget 98 (seconds a row) would" in text


def test_what_is_clear_is_not_gone_on_with() -> None:
    """Slower, faster, or far from the tolerance; what is near it takes the rest of the budget."""
    rng = np.random.default_rng(1)
    clear = {mean: drawn(rng, mean, 20).clear for mean in (0.9, 1.0, 1.1)}
    assert clear == dict.fromkeys(clear, True)
    near = Paired(row="row", ratios=(1.0, 1.045) * 8)
    assert (near.verdict, near.clear) == (SAME, False)


@pytest.mark.parametrize(("tolerance", "margin"), [(0.02, 0.01), (0.05, 0.01), (0.5, 0.46)])
def test_what_does_not_matter_does_not_fail(tolerance: float, margin: float) -> None:
    """Slower by less than the tolerance allows for is the same; by the tolerance it is found."""
    rng = np.random.default_rng(2)
    at = replace(drawn(rng, 1 + tolerance + 0.01, 20), tolerance=tolerance)
    below = replace(drawn(rng, 1 + margin - 0.01, 20), tolerance=tolerance)
    assert at.margin == pytest.approx(margin)
    assert (at.verdict, below.verdict) == (SLOWER, SAME)


def test_waiting_is_not_passed() -> None:
    """Processor time is the same, and the wall clock says twice as much."""
    ratios = tuple(1 + 0.001 * k for k in range(-6, 6))
    waiting = Paired(row="row", ratios=ratios, wall=tuple(2 * r for r in ratios))
    assert waiting.verdict == CANNOT_TELL
    judgements = outcome([waiting], "main")
    text, (case,) = judgements.text, judgements.cases
    assert case.status == UNDECIDED
    assert "wall time 199.9 %: it waits" in text
    assert "by hand" in text.splitlines()[-1]
    loaded = tuple(r * f for r, f in zip(ratios, (0.8, 1.3) * 6, strict=True))
    assert Paired(row="row", ratios=ratios, wall=loaded).verdict == SAME


def test_more_rows_ask_for_more_certainty() -> None:
    one = Paired(row="row", ratios=tuple(1.03 + 0.002 * k for k in range(8)))
    many = Paired(row="row", ratios=one.ratios, rows=15)
    assert one.verdict == SLOWER
    assert many.verdict != SLOWER
    assert many.interval[1] > one.interval[1]


def test_the_last_line_says_what_came_out() -> None:
    same = Paired(row="a", ratios=(1.0, 1.001, 0.999, 1.002, 0.998, 1.0, 1.001))
    slow = Paired(row="b", ratios=tuple(1.2 + 0.001 * k for k in range(8)))
    assert same.verdict == SAME
    assert outcome([same], "main").text == f"- {same}\ncheck: no row of 1 is slower than main\n"
    judgements = outcome([same, slow], "main, measured twice")
    text, cases = judgements.text, judgements.cases
    assert text.splitlines()[-1] == "check: slower than main, measured twice: b"
    assert [case.status for case in cases] == [PASSED, FAILED]
    assert "b: slower: 120.3 % of the time before" in text


@pytest.mark.clock
def test_identical_code_in_two_folders_is_not_slower(tmp_path: Path) -> None:
    found = run(versions(tmp_path))
    assert found.verdict != SLOWER
    assert len(found.ratios) == len(found.wall) >= paired.fewest_pairs(1)
    assert len(found.ratios) % 2 == 0


@pytest.mark.clock
def test_half_as_much_work_again_is_slower(tmp_path: Path) -> None:
    found = run(versions(tmp_path, extra=512))
    assert found.verdict == SLOWER
    assert found.ratio > 1.2


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Versions, list[Side]]]:
    """Two versions and their processes, which take another target as often as they are asked."""
    found = versions(tmp_path_factory.mktemp("started"))
    with processes._process(sys.executable, ["base", "head"], 1) as both:
        yield found, both


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        ("raises", "base: ValueError: no such checkpoint"),
        ("dies", "base: its process died"),
        ("not_finite", "base: the module returns values that are not finite"),
        ("no_tensor", "base: TypeError: the module returns str without a tensor in it"),
        ("absent", "base: AttributeError"),
        ("exits", "base: SystemExit"),
        ("leaves", r"base: its process died \(0\)"),
        ("noted", "base: ValueError: with a note"),
        ("other_shape", r"base returns \[1\], head \[2\]: not the same thing"),
    ],
)
def test_a_side_that_cannot_be_timed_is_said(
    started: tuple[Versions, list[Side]],
    factory: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them fail in a fork: the processes are the same ones, and set up anew."""
    found, both = started
    monkeypatch.setattr(processes, "_process", lambda *how: nullcontext(both))
    with pytest.raises(UnavailableError, match=expected):
        run(found, factory)


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    folder = version(tmp_path / "base")
    setup = Setup(folder, "some_design:factory")
    with pytest.raises(RuntimeError, match="stop"):  # noqa: PT012, SIM117 # what is tested is the leaving
        with sides({"base": setup, "head": setup}) as both:
            both[0].ask({"fork": {"rows": {"it": None}, "seed": 0}})
            assert len(workers_in(tmp_path)) == 3  # two sides and a fork, all of them in the folder
            raise RuntimeError("stop")
    assert soon_gone(tmp_path)


def test_a_side_goes_on_after_a_fork_that_failed_or_died(tmp_path: Path) -> None:
    fails = {"raises": "no such checkpoint", "dies": r"died \(-9\)"}
    setups = {f: Setup(version(tmp_path / f), f"some_design:{f}") for f in fails}
    with sides(setups) as both:
        for side in both:
            for _ in range(2):
                with (
                    pytest.raises(UnavailableError, match=fails[side.name]),
                    side.forked({"it": None}),
                ):
                    pass
                with side.forked({"reference": "reference"}) as samplers:
                    assert samplers["reference"](1)["cpu"] > 0
            assert len(workers_in(tmp_path / side.name)) == 1


def test_the_death_of_one_side_is_seen_while_the_other_lives(tmp_path: Path) -> None:
    folders = {name: version(tmp_path / name) for name in ("base", "head")}
    setup = {name: Setup(folder, "some_design:factory") for name, folder in folders.items()}
    with sides(setup) as both:
        for side in both:
            (pid,) = workers_in(tmp_path / side.name)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(UnavailableError, match=f"{side.name}: its process died"):
                side.ask({"fork": {"rows": {"it": None}, "seed": 0}})


def workers_in(folder: Path) -> list[int]:
    """The processes whose working folder is below ``folder``."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or dead and not buried
            if Path(os.readlink(process / "cwd")).is_relative_to(folder.resolve()):
                found.append(int(process.name))
    return [pid for pid in found if pid != os.getpid()]


def soon_gone(folder: Path) -> bool:
    """Whether a moment later no process is left there: a killed one takes its time to die."""
    deadline = time.monotonic() + PATIENCE_S
    while workers_in(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not workers_in(folder)


def recipes_of(model: str, img: int, *ratios: tuple[int, ...], **options: int) -> dict[str, Any]:
    asked = workload(model, img, *ratios, **options)  # type: ignore[arg-type] # as given
    return recipes.of_rows(asked.designs, asked.setting)


@pytest.mark.clock
def test_pvtprofs_own_rows_of_another_checkout(tmp_path: Path) -> None:
    """What `check --base REF` does in this very repository: head is where the worker lies too."""
    head = Path(__file__).parents[2]
    shutil.copytree(head / "pvtprof", tmp_path / "pvtprof")
    rows = {"stage 1 sra_conv": recipes_of("pvt_v2_b0", 64)["stage 1 sra_conv"]}
    both = Versions(str(tmp_path), str(head), sys.executable, sys.executable)
    (found,) = judged(both, rows, on_cpu(), Timing(0.1))
    assert found.verdict != SLOWER


def test_a_version_that_runs_the_other_ones_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that leads out of base and into head: PYTHONPATH, an editable install."""
    found = versions(tmp_path, extra=512)
    (tmp_path / "head" / "inner").mkdir()
    version(tmp_path / "head" / "inner" / "src", extra=512)
    for folder in (found.base, found.head):
        Path(folder, "outer.py").write_text("from some_other import factory\n")
    elsewhere = tmp_path / "head" / "inner" / "src"
    (elsewhere / "some_design.py").rename(elsewhere / "some_other.py")
    monkeypatch.setenv("PYTHONPATH", str(elsewhere))
    with pytest.raises(UnavailableError, match="base: ImportError: some_other is imported from"):
        judged(found, {"it": {}}, on_cpu("outer:factory"), Timing(0.1))


def test_a_stuck_side_is_asked_no_more(tmp_path: Path) -> None:
    (tmp_path / "some_design.py").write_text(
        "def factory():\n    import time\n    time.sleep(60)\n"
    )
    with sides({"it": Setup(str(tmp_path), "some_design:factory")}) as (side,):
        side.patience_s = 1.0
        with (
            pytest.raises(UnavailableError, match="it: some_design:factory did not answer in 1 s"),
            side.forked({"it": None}),
        ):
            pass
        with pytest.raises(UnavailableError, match="is stuck"):
            side.ask({"end": True})


def test_the_same_code_twice_is_refused(tmp_path: Path) -> None:
    folder = version(tmp_path / "base")
    with pytest.raises(SpecError, match="there is nothing to compare"):
        run(Versions(folder, folder, sys.executable, sys.executable))


@pytest.mark.parametrize("rows", [1, 3, 15, 100])
def test_the_fewest_pairs_can_reach_the_level(rows: int) -> None:
    pairs = paired.fewest_pairs(rows)
    assert pairs % 2 == 0
    one_contrary = [1.1] * (pairs - 1) + [1.0]
    assert Paired(row="row", ratios=tuple(one_contrary), rows=rows).verdict == SLOWER


def test_a_python_that_is_none_is_said(tmp_path: Path) -> None:
    found = versions(tmp_path)
    with pytest.raises(UnavailableError, match="/no/python"):
        run(Versions(found.base, found.head, "/no/python", sys.executable))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository whose first commit is tagged and whose second does more work."""
    monkeypatch.chdir(tmp_path)
    version(tmp_path)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "first"],
        ["tag", "first"],
    ):
        git(*command)
    version(tmp_path, extra=512)
    git("commit", "-qam", "more work")
    return tmp_path


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.clock
def test_base_is_a_git_ref_whose_worktree_goes_again(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--base", "first", "--target", "some_design:factory", "--budget", "0.1"]
    assert app.main(["check", *options]) == 1
    assert "slower than first, measured twice" in capsys.readouterr().out
    assert len(git("worktree", "list").splitlines()) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=costly)])
def test_ctrl_c_takes_the_worktree_and_the_processes_along(
    repository: Path, how: signal.Signals
) -> None:
    code = "import sys; from pvtprof.cli import main; sys.exit(main(sys.argv[1:]))"
    options = ["check", "--base", "first", "--target", "some_design:factory", "--budget", "60"]
    running = subprocess.Popen(
        [sys.executable, "-c", code, *options], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        worktree = Path(git("worktree", "list").splitlines()[-1].split()[0])
        if worktree != repository and workers_in(worktree):
            break
        time.sleep(0.1)
    running.send_signal(how)
    _, error = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert error.count("\n") == 1
    assert len(git("worktree", "list").splitlines()) == 1
    assert soon_gone(worktree)


def test_a_name_of_a_folder_and_of_a_ref_is_asked_about(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "first").mkdir()
    assert app.main(["check", "--base", "first", "--target", "some_design:factory"]) == 2
    assert "is a folder and a git ref; use ./first" in capsys.readouterr().err


def test_an_exact_change_outlives_a_time_that_cannot_be_taken(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(repository)
    target = ["--device", "cpu", "--target", "some_design:factory"]
    assert app.main(["check", "b.json", "--update", *target]) == 0
    text = Path("b.json").read_text()
    Path("b.json").write_text(text.replace('"params": ', '"params": 1'))
    capsys.readouterr()
    options = ["--base", "first", "--base-python", "/no/python", "--junit", "out.xml"]
    assert app.main(["check", "b.json", *options]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("check: 1 exact figures changed")
    assert any("could not be compared: cannot start /no/python" in line for line in lines)
    assert "<failure" in Path("out.xml").read_text()


@pytest.mark.parametrize("base", ["no-such-ref", "-x", "first:some_design.py"])
def test_a_base_that_is_none_is_one_line(
    repository: Path, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["check", f"--base={base}", "--target", "some_design:factory"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert repr(base) in error


@pytest.mark.parametrize("amount", ["5%", "latency:0%", "latency:1%", "latency:x%", "latency:500%"])
def test_a_tolerance_that_is_none_is_one_line(
    amount: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["check", "--base", ".", "--fail-on", amount]) == 2
    assert repr(amount) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "there is nothing to compare with"),
        (["--update", "--base", "."], "writes a baseline and compares nothing"),
        (["b.json", "--update", "--samples", "c.json"], "writes a baseline and compares nothing"),
        (["b.json", "--row", "stage 1 mha"], "--row chooses what is timed against a base"),
        (["b.json", "--latency"], "add --update"),
        (["--base", ".", "--require-latency"], "give the file, without --update"),
        (["--samples", "c.json", "--base", "."], "--samples compares two files"),
        (["b.json", "--samples", "c.json", "--img", "64"], "--samples compares two files"),
        (["b.json", "--img", "64"], "--img cannot change that"),
        (["b.json", "--base", ""], "--base is empty"),
        (["b.json", "--samples", ""], "--samples is empty"),
        ([""], "BASELINE is empty"),
        (
            ["b.json", "--base-python", "python3"],
            "--base-python needs a base to run; give --base too",
        ),
        (
            ["b.json", "--update", "--target", "a:b", "--dtype", "float16"],
            "--dtype and --target exclude each other",
        ),
        (["b.json", "--budget", "0"], "budget is 0 s"),
        (["b.json", "--budget", "nan"], "budget is nan s"),
        (["--base", ".", "--row", "stage 9"], "unknown row 'stage 9'"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    options: list[str], expected: str, refused: Callable[..., str]
) -> None:
    assert expected in refused("check", *options)


def test_own_rows_are_built_by_the_worker(tmp_path: Path) -> None:
    """Of this very checkout: an attention module and a whole network."""
    root = str(Path(__file__).parents[2])
    rows = recipes_of("pvt_v2_b0", 64, (2, 2, 1, 1), pool_size=3)
    setup = Setup(root)
    with sides({"head": setup}) as (side,):
        for name, shape in (("stage 1 sra_conv", [1, 256, 32]), ("model sra_pool", [1, 1000])):
            made = side.ask({"fork": {"rows": {name: rows[name]}, "seed": 1}})
            assert made == {name: {"shape": shape, "finite": True}}
            assert side.sampler(name)(2)["cpu"] > 0
            assert side.ask({"end": True}) == {"ended": 0}
    assert len(rows) == 15
