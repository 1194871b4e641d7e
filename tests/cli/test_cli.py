"""The command line as a user meets it: what is printed, written and returned."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import pvtprof
from pvtprof import files
from pvtprof.cli import app
from pvtprof.designs.workload import WORDS, workload
from pvtprof.errors import SpecError
from pvtprof.run import compare as comparing
from pvtprof.run import store
from pvtprof.run.run import Run
from tests import rounds
from tests.builders import observed_run, with_witness
from tests.trials import PATIENCE_S

COMMANDS = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")

#: A run of nine rows in place of fifteen.
SMALL = ("--model", str(Path(__file__).parents[1] / "targets" / "small.toml"), "--img", "32")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fake_compare(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """Let the measured comparison return ``run``; the analytic one stays real."""
    real = comparing.compare

    def compared(*asked: Any, **options: Any) -> Run:
        return real(*asked, **options) if options.get("analytic") else run

    monkeypatch.setattr("pvtprof.run.compare.compare", compared)
    monkeypatch.setattr("pvtprof.cli.commands.compare._calibrated", lambda *args: None)


BAD = [
    (["--model", "pvt_v2_b9"], 2, "did you mean pvt_v2_b5"),
    (["--R", "8,4,2"], 2, "R has 3 values; use 4"),
    (["--R", "8,4,2,1,1"], 2, "R has 5 values; use 4"),
    (["--R", "8,4,0,1"], 2, "R of stage 3 is 0"),
    (["--R", "8,-4,2,1"], 2, "R of stage 2 is -4"),
    (["--R", "8,4,2.5,1"], 2, "'2.5' is not a whole number"),
    (["--R", ""], 2, "'' is not a whole number"),
    (["--R", "99,4,2,1"], 2, "stage 1: R 99 is larger than the 56x56 token grid; use R 1 to 56"),
    (["--R", "8,4,2,8"], 2, "stage 4: R 8 is larger than the 7x7 token grid; use R 1 to 7"),
    (["--model", "pvt_tiny", "--R", "8,4,2,2"], 2, "class token"),
    (["--model", "pvt_tiny", "--img", "31", "--R", "1,1,1,1"], 2, "too small for the four stages"),
    (["--img", "0"], 2, "image height is 0; use a whole number from 1 to 16384"),
    (["--img", "224x"], 2, "'224x' is not an image size; use pixels such as 224 or 800x1333"),
    (["--img", "10^9"], 2, "'10^9' is not an image size"),
    (["--img", "1000000000"], 2, "image height is 1000000000; use a whole number from 1 to 16384"),
    (["--img", "٢٢٤"], 2, "is not an image size"),
    (["--dtype", "float8"], 2, "'float8' is not one of"),
    (["--attention", "flash"], 2, "'flash' is not one of"),
    (["--device", "tpu"], 2, "unknown device 'tpu'; use auto, cpu, cuda or cuda:N"),
    (["--device", "cuda:99"], 3, "device 'cuda:99' is not available: torch"),
    (["--img", "224,"], 2, "'' is not an image size"),
    (["--batch", "0"], 2, "batch is 0; use a whole number from 1 to 4096"),
    (["--pool-size", "0"], 2, "pool size is 0"),
    (["--budget", "-1"], 2, "budget is -1.0 s"),
    (["--cuda-graph", "--device", "cpu"], 2, "this is inference on cpu; leave out --cuda-graph"),
    (["--budget", "soon"], 2, "'soon' is not a number; give one, such as 30"),
    (["-o", "."], 2, ". is a directory"),
    (["-o", "run.txt"], 2, "use a name that ends in .json, .html, .csv, .md"),
    (
        ["-o", "mine.html"],
        2,
        "mine.html was not written by pvtprof, or was changed since, and is left as it is",
    ),
    (["-o", "mine.html/run.json"], 2, "is not a directory"),
    (["--frobnicate"], 2, "No such option"),
]


@pytest.mark.parametrize(("args", "code", "message"), BAD)
def test_bad_input_gets_one_line_and_touches_nothing(
    args: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    (elsewhere / "mine.html").write_text("mine")
    assert app.main(["compare", *args]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("pvtprof: ")
    assert os.listdir(elsewhere) == ["mine.html"]
    assert (elsewhere / "mine.html").read_text() == "mine"


def test_cuda_without_cuda_says_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert app.main(["compare", "--device", "cuda"]) == 3
    assert "found cpu" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["nope", "", '{"schema": "pvtprof.run/9"}', '{"schema": "pvtprof.run/1", "workload": {']
)
def test_a_bad_result_file_gets_one_line(
    text: str, capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    (elsewhere / "x.json").write_text(text)
    assert app.main(["report", "x.json"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert os.listdir(elsewhere) == ["x.json"]


def test_analytic_prints_the_formulas_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    words = ["compare", "--img", "224", "--R", "8,4,2,1", "--analytic"]
    assert app.main(words) == 0
    out, err = capsys.readouterr()
    assert "4.03 G" in out
    assert "per module" not in out
    assert err == ""
    assert os.listdir(elsewhere) == []
    assert app.main([*words, "--full"]) == 0
    full = capsys.readouterr().out
    assert full.startswith(out)
    assert "per module" in full
    assert "1.31 G" in full
    assert app.main([*words, "--full", "--exact"]) == 0
    assert "1,310,195,712" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--full", "--exact"])
def test_an_option_of_the_table_is_noted_where_there_is_none(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["compare", "--analytic", "--format", "csv", option]) == 0
    assert f"{option} has no effect on --format csv" in capsys.readouterr().err


def test_formats_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    expected = pvtprof.compare(analytic=True)
    texts = {}
    for form in ("json", "csv", "markdown"):
        assert app.main(["compare", "--analytic", "--format", form]) == 0
        texts[form] = capsys.readouterr().out
    assert store.loads(texts["json"]).rows == expected.rows
    table = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert [int(line["macs"]) for line in table] == [row.macs for row in expected.rows]
    assert texts["csv"].startswith(files.MARKS[".csv"][0])
    assert "| 1 | mha | 3,136 | 1,310,195,712 |" in texts["markdown"]


def test_compare_writes_data_and_page_under_reports(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    fake_compare(monkeypatch, observed_run())
    assert app.main(["compare", "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert "formulas equal what fvcore, torch" in " ".join(out.split())
    assert err == (
        "Made the folder reports\n"
        "Wrote reports/pvt_v2_b2-224x224-cpu.json\nWrote reports/pvt_v2_b2-224x224-cpu.html\n"
    )
    assert pvtprof.load("reports/pvt_v2_b2-224x224-cpu.json") == observed_run()


def test_a_disagreement_exits_with_1_and_still_saves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    fake_compare(monkeypatch, with_witness(observed_run(), 1, "mha", "params", 1))
    assert app.main(["compare", "-o", "run.json"]) == 1
    assert "stage 1 mha: params: formula 16,640, counted 1" in capsys.readouterr().out
    assert not pvtprof.load("run.json").agrees


def test_all_four_formats_are_written_and_may_be_replaced(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path
) -> None:
    fake_compare(monkeypatch, observed_run())
    outputs = [f"run.{suffix}" for suffix in ("html", "csv", "md", "json")]
    args = ["compare", *(word for path in outputs for word in ("-o", path))]
    assert app.main(args) == 0
    assert app.main(args) == 0
    assert sorted(os.listdir(elsewhere)) == sorted(outputs)


def test_a_full_disk_keeps_the_samples_elsewhere_and_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_compare(monkeypatch, observed_run())
    replace = os.replace

    def full(source: str, target: Path) -> None:
        if "reports" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    assert app.main(["compare", "--device", "cpu"]) == 2
    out, err = capsys.readouterr()
    assert "\ntime " in out
    assert err.splitlines()[-1].startswith("pvtprof: cannot write reports/")
    kept = re.search(r"it is in (\S+\.json) instead", err)
    assert kept
    assert pvtprof.load(kept[1]) == observed_run()
    os.unlink(kept[1])


def test_report_renders_a_saved_run_again(
    capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    observed_run().save("run.json")
    assert app.main(["report", "run.json"]) == 0
    assert "formulas equal what fvcore, torch" in " ".join(capsys.readouterr().out.split())
    assert sorted(os.listdir(elsewhere)) == ["run.html", "run.json"]


def test_models_lists_the_eleven(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["models", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) == 11
    assert listed[0] == {
        "model": "pvt_tiny",
        "attention": "sra_conv",
        "params": 13_229_288,
        "macs": 1_932_911_616,
        "fvcore": 1_943_774_976,
    }
    assert app.main(["models"]) == 0
    assert capsys.readouterr().out.count("pvt_") == 11


@pytest.mark.parametrize("command", app.command_names())
def test_every_command_has_help_an_example_and_a_place_in_the_docs(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main([command, "-h"]) == 0
    assert "Example" in capsys.readouterr().out
    assert f"| `pvtprof {command}" in COMMANDS


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_ctrl_c_saves_beside_the_earlier_report_and_leaves_that_alone(elsewhere: Path) -> None:
    """A real process, real signals while it times the first stage, twice in a row."""
    observed_run().save("run.json")
    before = Path("run.json").read_bytes()
    (elsewhere / "run.partial.json").write_text("mine")
    code = (
        f"{rounds.SCRIPT}"
        "import sys, os, signal\n"
        "real = latency.measure\n"
        "def measure(*args, **kwargs):\n"
        "    taken = real(*args, **kwargs)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return taken\n"
        "latency.measure = measure\n"
        "from pvtprof.cli import app\n"
        "from pvtprof.report import output\n"
        "save = output.save\n"
        "def again(*args):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return save(*args)\n"
        "output.save = again\n"
        "sys.exit(app.main(sys.argv[1:]))\n"
    )
    options = [
        "compare",
        *SMALL,
        *("--design", "mha"),
        *("--budget", str(rounds.PLENTY_S)),
        *("-o", "run.json", "--no-calibrate"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *options], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 130
    assert done.stderr == (
        "Wrote run.partial2.json\npvtprof: interrupted; what was measured so far is in "
        "run.partial2.json; earlier reports are unchanged\n"
    )
    assert Path("run.json").read_bytes() == before
    assert (elsewhere / "run.partial.json").read_text() == "mine"
    partial = pvtprof.load("run.partial2.json")
    assert partial.interrupted
    assert partial.row(1, "mha").latency
    assert partial.row(2, "mha").not_run == "interrupted"


@pytest.mark.parametrize("path", ["/", ".", "", "nul\0.json"])
def test_report_of_no_file_is_one_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["report", path]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A pvtprof command in a shell; ``pvtprof`` is this interpreter's."""
    line = command.replace("pvtprof", f"{sys.executable} -m pvtprof", 1)
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **environment},
    )


def test_a_full_stdout_is_one_line() -> None:
    done = shell("pvtprof models >/dev/full")
    assert done.returncode == 2
    assert done.stderr == (
        "pvtprof: cannot write to stdout: No space left on device; use -o FILE\n"
    )


def test_a_reader_that_goes_is_no_error() -> None:
    done = shell("pvtprof compare --analytic --format json | true")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_encoding_without_boxes_gets_question_marks() -> None:
    done = shell("pvtprof models", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert "13,229,288" in done.stdout


def test_a_folder_that_was_made_is_named(
    capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    assert app.main(["compare", "--analytic", "-o", "no/such/dir/x.json"]) == 0
    assert capsys.readouterr().err == "Made the folder no/such/dir\nWrote no/such/dir/x.json\n"
    assert app.main(["compare", "--analytic", "-o", "no/such/dir/x.json"]) == 0
    assert capsys.readouterr().err == "Wrote no/such/dir/x.json\n"
    observed_run().save("run.json")
    assert app.main(["report", "run.json", "-o", "pages/x.html"]) == 0
    assert "Made the folder pages\n" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fit", "choose", "check", "models"])
def test_a_command_that_takes_one_image_refuses_two(
    command: str, refused: Callable[..., str]
) -> None:
    words = [command, *(["b.json", "--update"] if command == "check" else [])]
    for two in (["--img", "224", "--img", "512"], ["--img", "224,512"]):
        assert "--img has 2 values (224, 512); give one" in refused(*words, *two)


def test_compare_takes_several_models_and_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "pvt_v2_b0,pvt_v2_b2", "--img", "224", "--img", "512x768"]
    assert app.main(["compare", "--analytic", "--format", "csv", *words]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    found = {(line["model"], line["height"], line["width"]) for line in lines}
    assert len(found) == 4
    assert ("pvt_v2_b0", "512", "768") in found


def test_the_same_value_twice_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["models", "--img", "224", "--img", "224x224"]) == 0


def test_formula_refuses_a_name_put_in_twice(refused: Callable[..., str]) -> None:
    assert "--at img is given 2 times" in refused(
        "formula", "mha", "--at", "img=1", "--at", "img=2"
    )


def test_choose_lists_what_it_can_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["choose", "--help"]) == 0
    listed = capsys.readouterr().out
    for option in ("--only VARIANT", "--min-keys INTEGER", "--R R1", "--pool-size SIDE"):
        assert option in listed


def test_a_word_that_names_no_device_is_wrong_usage_in_python_too() -> None:
    with pytest.raises(SpecError, match="unknown device 'tpu'; use auto, cpu, cuda or cuda:N"):
        pvtprof.compare(device="tpu")


def test_a_command_is_a_file(monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    text = "import click\n\n\n@click.command()\ndef command() -> None:\n    raise SystemExit(7)\n"
    (elsewhere / "toy.py").write_text(text)
    monkeypatch.setattr(app.commands, "__path__", [*app.commands.__path__, str(elsewhere)])
    assert "toy" in app.command_names()
    assert app.main(["toy"]) == 7


def test_one_file_named_twice_is_written_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_compare(monkeypatch, observed_run())
    assert app.main(["compare", "-o", "run.json", "-o", "./run.json"]) == 0
    assert capsys.readouterr().err.count("Wrote") == 1


def test_models_takes_no_impossible_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["models", "--img", "1000000000"]) == 2
    assert "use a whole number from 1 to 16384" in capsys.readouterr().err


def test_a_defect_is_not_taken_for_a_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*args: object) -> str:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("pvtprof.report.listing.render", broken)
    assert app.main(["models"]) == 70
    assert capsys.readouterr().err.splitlines()[-1].startswith("pvtprof: this is a defect")


def test_the_words_of_a_workload_are_those_that_it_takes() -> None:
    assert tuple(signature(workload).parameters) == WORDS
