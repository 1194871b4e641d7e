"""`pvtprof report` of one run, of several, of a folder; anonymous ones; figures for notebooks."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import plotly.graph_objects as go
import pytest

import pvtprof
from pvtprof import units
from pvtprof.cli import app
from pvtprof.observe.machine import WITHHELD
from pvtprof.report.figures import memory
from pvtprof.report.page import naming
from pvtprof.run import store
from pvtprof.run.run import Run
from tests.builders import observed_run

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, a page of one, a baseline's name with no run in it, and a truncated file."""
    there = tmp_path_factory.mktemp("made")
    small = observed_run()
    small.save(there / "small.json")
    small.to_html(there / "small.html")
    observed_run(img=512).save(there / "large.json")
    (there / "other.json").write_text('{"schema": "pvtprof.baseline/1"}\n')
    (there / "cut.json").write_text(store.dumps(small)[:500])
    return there


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of those files of one's own."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def call(*words: str) -> tuple[int, str, str]:
        return (app.main(["report", *words]), *capsys.readouterr())

    return call


def test_a_folder_gets_an_index_that_links_its_runs(folder: Path, said: Said) -> None:
    code, out, err = said(".")
    assert (code, err) == (0, "Wrote index.html\n")
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["large.json", "small.json"]
    page = Path("index.html").read_text(encoding="utf-8")
    assert '<a href="small.html">small.json</a>' in page
    assert '<a href="large.json">large.json</a>' in page
    assert units.integer(observed_run(img=512).row(None, "mha").macs) in page
    for name in ("cut.json", "other.json"):
        assert f"<code>{name}</code>: " in page
    assert said(".")[0] == 0  # over its own


def test_the_list_is_data_too(folder: Path, said: Said) -> None:
    runs = [observed_run(img=512), observed_run()]
    rows = json.loads(said(".", "--format", "json")[1])
    assert [row["mha_macs"] for row in rows] == [run.row(None, "mha").macs for run in runs]
    lines = list(csv.DictReader(io.StringIO(said(".", "--format", "csv")[1])))
    assert [line["image"] for line in lines] == ["512", "224"]


def test_two_runs_are_one_page(folder: Path, said: Said) -> None:
    code, out, err = said("small.json", "large.json")
    assert (code, err) == (0, "Wrote small-vs-large.html\n")
    page = Path("small-vs-large.html").read_text(encoding="utf-8")
    small, large = observed_run().row(None, "mha"), observed_run(img=512).row(None, "mha")
    assert "512x512 takes 16.9x the MACs with mha, 6.01x with sra_conv and" in page
    assert "held against 224x224." in page
    assert units.integer(large.macs) in page
    assert max(map(len, out.splitlines())) <= 80
    assert "macs, 512x512" in out
    rows = json.loads(said("small.json", "large.json", "--format", "json")[1])
    assert rows[12]["macs_a"] == small.macs
    assert rows[12]["macs_b"] == large.macs
    assert rows[12]["time_ratio"] == 1.0
    assert rows[12]["time_a_s"] == small.latency_median_s


def test_up_to_eight_runs_are_one_page_and_named_by_what_differs(folder: Path, said: Said) -> None:
    others = [observed_run(img=64, batch=batch) for batch in (1, 2, 4)]
    for number, run in enumerate(others):
        run.save(f"{number}.json")
    code, _, err = said("0.json", "1.json", "2.json")
    assert (code, err) == (0, "Wrote 0-vs-1-vs-2.html\n")
    page = Path("0-vs-1-vs-2.html").read_text(encoding="utf-8")
    for number, run in enumerate(others, 1):
        name = f"batch {run.setting.batch}"
        assert f'<option value="comparison-{number}">{name}</option>' in page
        assert f'<a href="#comparison-{number}" data-comparison>{name}</a>' in page
    assert "batch 4 takes 4.00x the MACs with mha" in page
    rows = json.loads(said("0.json", "1.json", "2.json", "--format", "json")[1])
    assert [rows[0][f"macs_{letter}"] for letter in "abc"] == [r.rows[0].macs for r in others]
    assert (rows[0]["macs_ratio_b"], rows[0]["macs_ratio_c"]) == (2.0, 4.0)
    assert said(*["0.json"] * 9)[2].startswith("pvtprof: got 9 paths; give one saved run, up to 8")


def test_runs_that_ran_the_same_are_told_apart_by_where_or_when() -> None:
    run = observed_run(img=64)
    later = replace(run, environment=replace(run.environment, date="2026-02-03T00:00:00+00:00"))
    elsewhere = replace(run, environment=replace(run.environment, device="Another CPU"))
    assert naming.names([run, later]) == ("2026-01-02", "2026-02-03")
    assert naming.names([run, elsewhere]) == ("Test CPU, 2 cores", "Another CPU")
    assert naming.names([run, run]) == ("as usual (1)", "as usual (2)")
    assert naming.names([run, observed_run(img=64, dtype="float16")]) == ("float32", "float16")


def test_times_of_two_machines_are_shown_and_not_divided(folder: Path, said: Said) -> None:
    run = observed_run(img=512)
    elsewhere = replace(run, environment=replace(run.environment, device="Another CPU"))
    elsewhere.save("elsewhere.json")
    rows = json.loads(said("small.json", "elsewhere.json", "--format", "json")[1])
    assert {row["time_ratio"] for row in rows} == {None}
    assert all(row["time_b_s"] > 0 for row in rows)
    page = Path("small-vs-elsewhere.html").read_text(encoding="utf-8")
    assert "device is Test CPU, 2 cores in 224x224, Another CPU in 512x512" in page
    said("small.json", "elsewhere.json", "--anonymous", "-o", "anon.html")
    anonymous = Path("anon.html").read_text(encoding="utf-8")
    assert "Times are not divided: devices are withheld" in anonymous


def test_a_run_that_nobody_counted_agrees_with_nobody(folder: Path, said: Said) -> None:
    Path("fresh").mkdir()
    pvtprof.compare(analytic=True).save("fresh/formulas.json")
    assert json.loads(said("fresh", "--format", "json")[1])[0]["agrees"] is None


def test_links_are_from_where_the_page_lies(folder: Path, said: Said) -> None:
    assert said(str(folder), "-o", "lists/all.html")[0] == 0
    page = Path("lists/all.html").read_text(encoding="utf-8")
    assert '<a href="../small.html">small.json</a>' in page
    assert '<a href="../large.json">large.json</a>' in page
    assert str(folder) not in page


def test_the_page_of_a_run_called_index_is_not_lost(folder: Path, said: Said) -> None:
    Path("small.json").rename("index.json")
    code, out, err = said(".")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "index.html is the page of the run index.json" in err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["cut.json"], "cut.json"),
        (["other.json"], "other.json"),
        (["small.json", "cut.json"], "cut.json"),
        (["small.json", "newer.json"], "pvtprof.run/9"),
        (["small.json", "large.json", "cut.json"], "cut.json"),
        (["empty"], "holds no saved run"),
        (["small.json", "nowhere.json"], "nowhere.json"),
        ([".", "-o", "index.md"], "index.md"),
        ([".", "--format", "markdown"], "markdown works for one run only"),
        (["small.json", "large.json", "-o", "mine.html"], "mine.html was not written by pvtprof"),
        ([".", "-o", "mine.html"], "mine.html was not written by pvtprof"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    folder: Path, said: Said, words: list[str], part: str
) -> None:
    Path("empty").mkdir()
    text = store.dumps(observed_run()).replace("pvtprof.run/2", "pvtprof.run/9")
    Path("newer.json").write_text(text)
    Path("mine.html").write_text("<p>mine</p>")
    before = sorted((path, path.read_bytes()) for path in folder.rglob("*.*"))
    code, out, err = said(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert part in err
    assert sorted((path, path.read_bytes()) for path in folder.rglob("*.*")) == before


def test_an_anonymous_report_withholds_device_and_date(folder: Path, said: Said) -> None:
    assert said("small.json", "--anonymous", "-o", "anon.html", "-o", "anon.json")[0] == 0
    text = Path("anon.html").read_text(encoding="utf-8") + Path("anon.json").read_text()
    environment = observed_run().environment
    for secret in (environment.device, environment.date, environment.date[:10], environment.system):
        assert secret not in text
    assert pvtprof.load("anon.json").environment.device == WITHHELD
    for words in (["small.json", "large.json", "-o", "pair.html"], [".", "-o", "list.html"]):
        code, out, _ = said(*words, "--anonymous")
        assert code == 0
        told = Path(words[-1]).read_text(encoding="utf-8") + out
        assert environment.device not in told
        assert "small.json" not in told


def test_compare_can_be_anonymous(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["compare", "--analytic", "--anonymous", "--format", "json"]) == 0
    environment = json.loads(capsys.readouterr().out)["environment"]
    assert environment["device"] == environment["date"] == WITHHELD


def test_a_run_gives_its_charts_as_figures() -> None:
    run: Run = observed_run()
    figures = run.figures()
    assert list(figures) == ["macs", "latency", "resolution", "live", "agreement"]
    assert all(isinstance(figure, go.Figure) for figure in figures.values())
    assert list(pvtprof.compare(analytic=True).figures()) == ["macs", "resolution", "live"]


def test_the_largest_image_that_fits_is_marked() -> None:
    run = observed_run()
    known = replace(run, environment=replace(run.environment, memory_bytes=24 * 2**30))
    info = memory.resolution_info(known)
    assert {v: side for v, (side, _) in info.crossings.items()} == {
        "mha": 948,
        "sra_conv": 2684,
        "sra_pool": 9012,
    }
    assert all(needed <= 24 * 2**30 for _, needed in info.crossings.values())
    assert memory.resolution_info(run).crossings == {}
