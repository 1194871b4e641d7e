"""It tells the truth wherever it runs: other systems, terminals, folders, and Python's switches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pvtprof
from pvtprof.cli import app
from pvtprof.errors import StoreError
from pvtprof.report.encoding import in_encoding
from pvtprof.run import store
from tests.builders import observed_run
from tests.trials import ALL, PATIENCE_S

HERE = str(Path(__file__).parents[2])
SMALL = ["--model", f"{HERE}/tests/targets/small.toml", "--img", "32", "--device", "cpu"]
#: A run of three rows, that is counted: an sra_pool, an mha and the network of both.
COUNTED = ["compare", *SMALL, "--design", "sra_pool,mha"]
OWN = "tests.targets.own:list_out"


def run(*words: str, cwd: Path, code: str | None = None, shell: str = "", **env: str):  # type: ignore[no-untyped-def]
    start = [sys.executable, *(["-c", code] if code else ["-m", "pvtprof"]), *words]
    path = os.pathsep.join(filter(None, (HERE, os.environ.get("PYTHONPATH"))))  # "" is the folder
    if shell:
        start = ["sh", "-c", f'"$0" "$@" {shell}', *start]
    environment = {**os.environ, "PYTHONPATH": path, **env}
    return subprocess.run(
        start, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, env=environment
    )


#: A Windows in what matters: modules and functions that it has not.
WINDOWS = """
import ctypes, os, signal, sys
from types import SimpleNamespace
sys.modules["resource"] = None
for name in ("fork", "sched_getaffinity", "sched_setaffinity", "sysconf", "killpg"):
    delattr(os, name)
for name in ("SIGHUP", "SIGALRM", "SIGKILL", "setitimer"):
    delattr(signal, name)
def memory(status):
    status[1] = status[2] = 2**34
    return 1
ctypes.windll = SimpleNamespace(kernel32=SimpleNamespace(GlobalMemoryStatusEx=memory))
from pvtprof.cli import main
for words in WORDS:
    print("==", main(words), *words, file=sys.stderr)
"""


def test_without_posix_what_is_analytic_runs_and_the_rest_says_so(tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    saved.write_text(store.dumps(observed_run()))
    base = tmp_path / "base"
    base.mkdir()
    runs = [
        ["compare", *SMALL, "--analytic"],
        ["fit", *SMALL[:2]],
        ["report", str(saved)],
        ["formula", "sra_conv"],
        ["models"],
        [*COUNTED, "--budget", "0", "-o", str(tmp_path / "counted.json")],
        ["check", str(tmp_path / "b.json"), "--update", "--target", OWN],
        ["check", str(tmp_path / "b.json")],
    ]
    needs_posix = [
        [*COUNTED, "--no-calibrate", "-o", str(tmp_path / "timed.json")],
        ["calibrate", "--budget", "1", "-o", str(tmp_path / "c.json")],
        ["check", "--base", str(base), "--target", OWN],
    ]
    code = WINDOWS.replace("WORDS", repr([*runs, *needs_posix]))
    done = run(cwd=tmp_path, code=code)
    lines = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    ended = [line.split()[1] for line in lines if line.startswith("== ")]
    assert ended == ["0"] * len(runs) + ["3"] * len(needs_posix), done.stderr
    said = [line for line in (*lines, *done.stdout.splitlines()) if "forked processes" in line]
    assert len(said) >= len(needs_posix)


#: How Python itself may be set; each of these made pvtprof fail, or could.
PYTHONS = {
    "optimized": {"PYTHONOPTIMIZE": "2"},
    "development mode": {"PYTHONDEVMODE": "1"},
    "safe path": {"PYTHONSAFEPATH": "1"},
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "narrow": {"COLUMNS": "20"},
}


TIMED = ("--budget", "3" if ALL else "0")
TOGETHER = {name: value for env in PYTHONS.values() for name, value in env.items()}


@pytest.mark.parametrize("env", [TOGETHER, *(PYTHONS.values() if ALL else ())], ids=str)
def test_however_python_is_set_everything_runs(env: dict[str, str], tmp_path: Path) -> None:
    everything = [["report", "run.json"], ["formula", "sra_conv"]]
    if ALL:
        compare = [*COUNTED, *TIMED, "--no-calibrate", "-o", "run.json", "-o", "run.html"]
        check = ["check", "b.json", "--update", "--target", OWN, "--latency", "--budget", "0.1"]
        fit = ["fit", "--memory", "1GiB", *SMALL[:2]]
        everything = [compare, check, *everything, fit, ["models"]]
    else:
        (tmp_path / "run.json").write_text(store.dumps(observed_run()))
    code = f"""
import sys
from pvtprof.cli import main
for words in {everything!r}:
    print("==", main(words), *words, file=sys.stderr)
"""
    done = run(cwd=tmp_path, code=code, **env)
    ended = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("== ")]
    assert len(ended) == len(everything), done.stderr
    assert not ALL or ended.pop(0) in ("0", "3"), done.stderr  # 3: no time was left to measure
    assert set(ended) == {"0"}, done.stderr
    assert "Warning" not in done.stderr


def test_files_of_the_working_folder_are_not_the_libraries(tmp_path: Path) -> None:
    for name in ("torch", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('not the library {name}')\n")
    (tmp_path / "mine.py").write_text("from tests.targets.own import list_out\n")
    done = run("check", "b.json", "--update", "--target", "mine:list_out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "FLOPs" in done.stdout


def test_an_exit_with_a_message_is_no_pass(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leaves(*_: object, **__: object) -> None:
        raise SystemExit("no library of that name")

    monkeypatch.setattr(app.cli, "main", leaves)
    assert app.main(["models"]) == 70
    assert "no library of that name" in capsys.readouterr().err


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", *(["<&-", ">&-"] if ALL else [])])
def test_closed_streams_are_nobody(closed: str, tmp_path: Path) -> None:
    words = [*COUNTED, *TIMED, "--no-calibrate", "-o", "run.json"]
    done = run(*words, cwd=tmp_path, shell=closed)
    assert done.returncode in (0, 3), done.stderr  # 3: no time was left to measure
    assert "Traceback" not in done.stderr
    assert pvtprof.load(tmp_path / "run.json").counted


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "cp932", "latin-1", "cp1252", "utf-8"])
def test_no_encoding_loses_an_exponent(encoding: str) -> None:
    shown = in_encoding("B M R² C² + 10¹² + 10²⁴ \u00d7 ⌊h/4⌋·w", encoding)
    assert "?" not in shown
    assert shown.encode(encoding).decode(encoding) == shown
    assert any(square in shown for square in ("R^2 C^2", "R² C²"))
    assert "10^24" in shown or "10²⁴" in shown


def test_a_terminal_without_superscripts_reads_c_squared(tmp_path: Path) -> None:
    done = run("formula", "sra_conv", cwd=tmp_path, PYTHONIOENCODING="ascii")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("sr "))
    assert line.split() == ["sr", "B", "M", "R^2", "C^2", "R^2", "C^2", "+", "C"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_a_byte_order_mark_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(store.dumps(observed_run()), encoding=encoding)
    assert store.dumps(store.load(path)) == store.dumps(observed_run())


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("latin-1", "not in UTF-8")],
)
def test_another_encoding_is_named(encoding: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(store.dumps(observed_run()).replace("Test", "T\xe9st"), encoding=encoding)
    with pytest.raises(StoreError, match=said):
        store.load(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "--img", "800", "1280"], "--img 800x1280"),
        (["compare", "--shape", "800", "1280"], "--img 800x1280"),
        (["fit", "--image-size=512"], "--img 512"),
        (["compare", "--R", "8", "4", "2", "1"], "--R 8,4,2,1"),
        (["compare", "--sr-ratios", "8,", "4,", "2,", "1"], "--R 8,4,2,1"),
        (["choose", "--batch-size", "4"], "--batch 4"),
        (["fit", "--img", "800,1280"], "as 800x1280"),
        (["compare", "--img", "800y1280"], "such as 224 or 800x1333"),
        (["compare", "--model", "swin_tiny"], "use one of pvt_tiny"),
    ],
)
def test_what_is_not_understood_is_answered_with_what_works(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "as_if"),
    [
        ("--img", "64*32", "64x32"),
        ("--img", "64 x 32", "64x32"),
        ("--img", "64X32", "64x32"),
        ("--img", "64\u00d732", "64x32"),
        ("--R", "2 2 1 1", "2,2,1,1"),
        ("--R", "[2, 2, 1, 1]", "2,2,1,1"),
        ("--model", "PVT_V2_B1", "pvt_v2_b1"),
        ("--model", "pvt-v2-b1", "pvt_v2_b1"),
        ("--model", "PVTv2-B1", "pvt_v2_b1"),
        ("--model", "pvt_v2_b1.in1k", "pvt_v2_b1"),
        ("--model", "OpenGVLab/pvt_v2_b1", "pvt_v2_b1"),
        ("--model", "pvt_v2_b2_linear", "pvt_v2_b2_li"),
        ("--model", "pvt_v2_b2_linear,pvt_v2_b2_li", "pvt_v2_b2_li"),
    ],
)
def test_what_has_one_meaning_is_understood(
    option: str, value: str, as_if: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for text in (value, as_if):
        words = {"--img": "64", "--R": "2,2,1,1"} | {option: text}
        pairs = [word for pair in words.items() for word in pair]
        assert app.main(["compare", "--analytic", "--format", "csv", *pairs]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]


def test_two_squares_in_one_word_are_said_to_be_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["compare", "--analytic", "--img", "64,96", "--R", "1,1,1,1"]) == 0
    assert "one of 64 by 96 is --img 64x96" in capsys.readouterr().err
    assert app.main(["compare", "--analytic", "--img", "64", "--R", "1,1,1,1"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (["fit", "--memory", "1GiB"], ["sra_conv", "inference", "MiB"]),
        (["formula", "sra_conv"], ["operator", "params"]),
        (["models"], ["pvt_v2_b2_li", "25,362,856"]),
        (["compare", "--analytic"], ["sra_conv", "4.03", "14.5"]),
        (["compare", "--analytic", "--exact"], ["4,026,734,592", "25,362,856"]),
        (["compare", "--analytic", "--full", "--exact"], ["1,310,195,712"]),
    ],
)
def test_a_narrow_terminal_cuts_no_word_and_no_digit(
    words: list[str],
    whole: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert app.main(words) == 0
    shown = capsys.readouterr().out
    assert "\u2026" not in shown
    assert all(word in shown.split() for word in whole)


UNWRITABLE = "/proc/pvtprof"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can fill")
@pytest.mark.parametrize(
    "words",
    [
        ["calibrate", "-o", f"{UNWRITABLE}/c.json"],
        ["compare", "-o", f"{UNWRITABLE}/run.json"],
        ["choose", "-o", f"{UNWRITABLE}/page.html"],
        ["check", f"{UNWRITABLE}/b.json", "--update", "--target", OWN],
        ["check", "b.json", "--junit", f"{UNWRITABLE}/out.xml"],
        ["check", "b.txt", "--update", "--target", OWN],
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_measured(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measures(*_: object, **__: object) -> None:
        raise AssertionError("it measures")

    for place in ("run.compare.compare", "predict.calibrate.calibrate", "predict.choose.choose"):
        if not (words[0] == "compare" and place == "run.compare.compare"):
            monkeypatch.setattr(f"pvtprof.{place}", measures)
    monkeypatch.setattr("pvtprof.check.exact_figures.observed", measures)
    monkeypatch.setattr("pvtprof.cli.commands.compare._calibrated", measures)
    assert app.main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert UNWRITABLE in error or "ends in .json" in error
