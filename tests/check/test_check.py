"""The exact gate: each change is seen, in both directions, and named; nothing passes in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import JUnitXml

from pvtprof.check import baseline as baselines
from pvtprof.check import exact_figures, formats
from pvtprof.check.baseline import Baseline
from pvtprof.check.case import FAILED, PASSED, SKIPPED, UNDECIDED, Case
from pvtprof.check.request import Checked
from pvtprof.cli import app
from pvtprof.designs.workload import workload
from pvtprof.errors import SpecError, StoreError, UnavailableError
from tests.builders import ENVIRONMENT

DESIGNS = "tests.targets.designs"
CPU = replace(workload(), device="cpu")
FILE = str(Path(__file__).parents[1] / "targets" / "small.toml")
SMALL = ["--model", FILE, "--img", "32", "--pool-size", "1", "--device", "cpu"]


def of(name: str) -> Baseline:
    return exact_figures.observed(Checked(CPU, f"{DESIGNS}:{name}"), lambda text: None)


def as_attention(changed: Baseline) -> Baseline:
    """The rows under the name that the baseline has them."""
    return replace(changed, rows={f"{DESIGNS}:attention": next(iter(changed.rows.values()))})


@pytest.fixture(scope="module")
def before() -> Baseline:
    return of("attention")


def test_the_same_design_passes_and_survives_the_file(before: Baseline, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(baselines.dumps(before))
    loaded = baselines.load(path)
    assert loaded == before
    assert exact_figures.changes(loaded.rows, of("attention").rows) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("extra_linear", "params: 8,416 -> 9,472 (+1,056)"),
        ("extra_linear", "runs in addmm: 3 -> 4 (+1)"),
        ("other_r", "params: 8,416 -> 20,704 (+12,288)"),
        ("other_r", "torch's count in attn.scores: 131,072 -> 32,768 (-98,304)"),
        ("other_r", "peak bytes in"),
        ("lost_bias", "params: 8,416 -> 8,384 (-32)"),
        ("lost_bias", "runs in addmm: 3 -> 2 (-1)"),
        ("keeps_scores", "peak bytes in"),
        ("keeps_scores", "runs in clone:"),
        ("skipped_operator", "calls that torch skips in aten::sin: absent -> 1"),
        ("skipped_operator", "calls that fvcore skips in aten::sin: absent -> 1"),
    ],
)
def test_each_change_is_named_with_both_figures(before: Baseline, name: str, expected: str) -> None:
    lines = [
        str(change) for change in exact_figures.changes(before.rows, as_attention(of(name)).rows)
    ]
    assert any(expected in line for line in lines), lines
    assert all(line.startswith(f"{DESIGNS}:attention: ") for line in lines)


def test_one_more_score_matrix_is_seen_to_the_byte(before: Baseline) -> None:
    scores = 4 * 2 * 2 * 64 * 16  # float32, batch, heads, queries, keys
    (peak,) = (
        change
        for change in exact_figures.changes(before.rows, as_attention(of("keeps_scores")).rows)
        if change.what == "peak bytes"
    )
    assert peak.before is not None
    assert peak.after == peak.before + scores


def test_an_improvement_is_a_change_too(before: Baseline) -> None:
    worse = as_attention(of("extra_linear"))
    found = exact_figures.changes(worse.rows, before.rows)
    assert "params: 9,472 -> 8,416 (-1,056)" in str(found[0])
    found = exact_figures.verdict("b.json", worse, before)
    text, (case,) = found.text, found.cases
    assert case.status == FAILED
    assert text.splitlines()[-1].endswith("accept it with `pvtprof check b.json --update`")


def test_a_row_on_one_side_alone_is_a_failure(before: Baseline) -> None:
    row = next(iter(before.rows.values()))
    more = {**before.rows, "another": row}
    for old, new, shown in ((before.rows, more, "0 -> 1"), (more, before.rows, "1 -> 0")):
        (change,) = exact_figures.changes(old, new)
        assert str(change).startswith(f"another: rows of this name: {shown}")


def test_a_witness_on_one_side_alone_is_a_failure(before: Baseline) -> None:
    name, row = next(iter(before.rows.items()))
    less = {name: replace(row, counts={"torch": row.counts["torch"]})}
    (change,) = exact_figures.changes(before.rows, less)
    assert "fvcore's count" in str(change)
    assert "-> absent" in str(change)


def test_another_torch_is_said(before: Baseline) -> None:
    other = replace(before, environment=replace(before.environment, torch="2.6.0"))
    assert (
        "the baseline was made with torch 2.6.0"
        in exact_figures.verdict("b.json", other, before).text
    )


def test_own_rows_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert app.main(["check", "b.json", "--update", *SMALL]) == 0
    assert capsys.readouterr().out == "check: wrote b.json, exact figures of 9 rows\n"
    assert app.main(["check", "b.json"]) == 0
    assert capsys.readouterr().out == "check: every exact figure of 9 rows is as in b.json\n"
    seen = baselines.load("b.json").rows
    monkeypatch.setattr(exact_figures, "_own_rows", lambda *asked: seen)  # twice is enough
    document = json.loads(Path("b.json").read_text())
    document["rows"]["stage 2 mha"]["saved_bytes"] -= 1
    Path("b.json").write_text(json.dumps(document, indent=1) + "\n")
    assert app.main(["check", "b.json"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("- stage 2 mha: bytes saved for backward: ")
    assert lines[0].endswith("(+1)")
    assert app.main(["check", "b.json", "--update"]) == 0  # of what the baseline itself says
    assert app.main(["check", "b.json"]) == 0


def test_what_runs_is_said_by_the_baseline_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["check", "reports/none.json", "--img", "64"]) == 2
    assert "--img cannot change that" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text[: len(text) // 2], "is not JSON, or is cut off"),
        (
            lambda text: text.replace("baseline/1", "baseline/9"),
            "has the schema 'pvtprof.baseline/9'",
        ),
        (lambda text: text.replace("baseline/1", "run/1"), "has the schema 'pvtprof.run/1'"),
        (lambda text: "", "is not JSON, or is cut off"),
        (lambda text: json.dumps({**json.loads(text), "rows": {}}), "rows is empty"),
        (lambda text: text.replace('"params": 8416', '"params": -1'), "params is -1"),
        (lambda text: text.replace('"params": 8416,', ""), "there is no field"),
    ],
)
def test_a_baseline_that_is_none_is_one_line(
    before: Baseline,
    change: Callable[[str], str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(change(baselines.dumps(before)))
    assert app.main(["check", str(path)]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert "--update" in error


def test_a_missing_baseline_is_no_pass(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StoreError, match="--update"):
        baselines.load("there/is/none.json")
    assert app.main(["check", "there/is/none.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_of_the_users_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"mine": 1}\n')
    assert app.main(["check", str(path), "--update", *SMALL]) == 2
    assert "was not written by pvtprof" in capsys.readouterr().err
    assert path.read_text() == '{"mine": 1}\n'


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("nowhere", "is not package.module:factory"),
        ("no.such.package:factory", "does not import: ModuleNotFoundError"),
        (f"{DESIGNS}:nothing", "does not import: AttributeError"),
        (f"{DESIGNS}:GRID", "is not callable"),
        (f"{DESIGNS}:raises", "raises ValueError: no such checkpoint"),
        (f"{DESIGNS}:no_module", "returns int"),
        (f"{DESIGNS}:no_input", r"returns \(Linear, int\)"),
        (f"{DESIGNS}:wrong_shape", "its module raises RuntimeError"),
        (f"{DESIGNS}:not_finite", "not finite"),
    ],
)
def test_a_target_that_is_none_says_why(target: str, expected: str) -> None:
    with pytest.raises(SpecError, match=expected) as caught:
        exact_figures.observed(Checked(CPU, target), lambda text: None)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_cannot_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    from pvtprof.observe import environment

    monkeypatch.setattr(environment, "free_bytes", lambda device: 2**20)
    small = replace(workload("pvt_v2_b0", 64, (2, 2, 1, 1)), device="cpu")
    with pytest.raises(UnavailableError, match=r"needs .* are free"):
        exact_figures.observed(Checked(small), lambda text: None)


def test_the_environment_is_kept(before: Baseline) -> None:
    assert before.environment.torch
    assert replace(before, environment=ENVIRONMENT) != before


CASES = [
    Case("stage 1 mha", "exact", PASSED),
    Case("stage 1 sra_conv", "exact", FAILED, ("stage 1 sra_conv: params: 1 -> 2 (+1)", "a | b")),
    Case("stage 1 sra_conv", "latency", UNDECIDED, ("5 % < 6 % & more",)),
    Case("stage 1 mha", "latency", PASSED, ("same",)),
    Case("stage 2 mha", "latency", SKIPPED, ("another CPU",)),
]


def test_junit_counts_and_quotes() -> None:
    found = JUnitXml.fromstring(formats.junit(CASES).encode())
    assert (found.tests, found.failures, found.errors, found.skipped) == (5, 1, 1, 1)
    (suite,) = found
    names = [(case.classname, case.name, [type(r).__name__ for r in case.result]) for case in suite]
    assert names == [
        ("pvtprof.exact", "stage 1 mha", []),
        ("pvtprof.exact", "stage 1 sra_conv", ["Failure"]),
        ("pvtprof.latency", "stage 1 sra_conv", ["Error"]),
        ("pvtprof.latency", "stage 1 mha", []),
        ("pvtprof.latency", "stage 2 mha", ["Skipped"]),
    ]
    assert "5 % < 6 % & more" in [r.message for case in suite for r in case.result]


def test_names_cannot_end_a_title_or_a_cell() -> None:
    case = Case("tests/t.py::test_x[a|b,1]", "latency", FAILED, ("50 %\nslower",))
    (line,) = formats.commands([case])
    _, properties, data = line.split("::")
    assert properties == ("error title=pvtprof check%3A tests/t.py%3A%3Atest_x[a|b%2C1] (latency)")
    assert data == "50 %25%0Aslower"
    assert "| tests/t.py::test_x[a\\|b,1] | latency |" in formats.markdown([case], "last")


@pytest.mark.parametrize("name", ["attention", "no_params", "whole_numbers"])
def test_any_module_with_a_tensor_out_can_be_held(name: str) -> None:
    """Nothing to learn, or nothing that learns from the output, is no error."""
    (row,) = of(name).rows.values()
    assert row.executed
    assert (row.saved_bytes > 0) == (name == "attention")


def test_markdown_has_what_failed_first() -> None:
    lines = formats.markdown(CASES, "check: it failed").splitlines()
    assert lines[1] == "**check: it failed**"
    assert lines[5].startswith("| stage 1 sra_conv | exact | failed | ")
    assert "a \\| b" in lines[5]


def test_a_check_tells_ci_systems(
    before: Baseline,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, junit, markdown = (tmp_path / name for name in ("b.json", "out.xml", "out.md"))
    summary = tmp_path / "summary"
    path.write_text(baselines.dumps(before).replace('"params": 8416', '"params": 8417'))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    options = ["--junit", str(junit), "--markdown", str(markdown)]
    assert app.main(["check", str(path), *options]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("::error title=pvtprof check%3A ") for line in shown)
    assert shown[-1].startswith("check: 1 exact figures changed")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "folder"))
    assert app.main(["check", str(path), *options]) == 1  # a summary that fails changes nothing
    assert "no step summary" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert JUnitXml.fromfile(str(junit)).failures == 1
    assert markdown.read_text() == summary.read_text()
    assert app.main(["check", str(path), *options]) == 1  # its own files are replaced
    assert app.main(["check", str(path), "--junit", str(tmp_path / "out.txt")]) == 2
