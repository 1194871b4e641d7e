"""The figures of a sweep's rows equal those of each row by itself, and stream into a file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

import pvtprof
from pvtprof.cli import main
from pvtprof.errors import SpecError, StoreError
from pvtprof.predict.calibration import Calibration, Fitted, Quality
from pvtprof.predict.kernels import kernels
from pvtprof.predict.prediction import Ceilings
from pvtprof.run.rows import terms_of
from pvtprof.sweep import network, stream
from pvtprof.sweep.closed_forms import MOST, ClosedForms, Figures
from pvtprof.sweep.grid import grid_of
from pvtprof.sweep.planned import Planned
from tests.builders import ENVIRONMENT
from tests.trials import ALL

#: All that a row's figures can depend on, and images at which other operators run.
EVERYTHING = {
    "model": ["pvt_tiny,pvt_small,pvt_v2_b0,pvt_v2_b2,pvt_v2_b5,pvt_v2_b2_li"],
    "design": ["mha", "sra_conv", "sra_pool", "own", "sra_pool,sra_conv,mha,mha"],
    "img": ["32..512:16", "1x1", "1x64", "33x65", "800x1333", "224x225"],
    "R": ["8,4,2,1", "4,2,1,1", "1,1,1,1", "16,8,4,2", "7,5,3,1"],
    "pool-size": ["1,7"],
    "batch": ["1,2,7,64"],
    "dtype": ["float32,float64,bfloat16,float16"],
    "attention": ["eager,sdpa"],
    "task": ["classify,pyramid,fpn,retinanet,semantic-fpn,mask-rcnn"],
    "part": ["model,stage 1,stage 4"],
}


def by_itself(planned: Planned) -> Figures | str:
    try:
        row = planned.row()
    except SpecError as error:
        return str(error)
    return Figures(row.macs, row.params, sum(row.moved_bytes), row.peak.bytes)


def together(forms: ClosedForms, planned: Planned) -> Figures | str:
    try:
        return forms.of(planned)
    except SpecError as error:
        return str(error)


def differing(rows: Iterable[Planned]) -> list[str]:
    forms = ClosedForms()
    return [row.key for row in rows if together(forms, row) != by_itself(row)]


def test_rows_at_random_have_the_figures_of_each_by_itself() -> None:
    rows = list(grid_of(EVERYTHING).sample(4000 if ALL else 60, seed=20))
    assert differing(rows) == []
    assert any(isinstance(by_itself(row), str) for row in rows)


def test_rows_that_share_much_have_the_figures_of_each_by_itself() -> None:
    words = EVERYTHING | {"img": ["1x1", "32", "64x33"], "model": ["pvt_tiny"], "task": ["pyramid"]}
    rows = list(grid_of(words | {"design": ["sra_pool,sra_conv,mha,mha", "sra_conv"]}))
    assert differing(rows[:: 1 if ALL else 97]) == []


def test_a_training_step_has_the_figures_of_each_by_itself() -> None:
    words = {"mode": ["training"], "model": ["pvt_v2_b0"], "img": ["32,64"]}
    assert differing(grid_of(words)) == []


def test_what_was_kept_can_be_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "KEPT", 3)
    assert differing(grid_of(EVERYTHING).sample(12, seed=4)) == []


def test_a_difference_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = list(grid_of({"img": ["64"], "model": ["pvt_v2_b0"]}))
    real = Planned.row
    monkeypatch.setattr(Planned, "row", lambda self: replace(real(self), macs=real(self).macs + 1))
    assert differing(rows) == [row.key for row in rows]


def test_a_figure_that_no_column_can_hold_is_refused() -> None:
    row = Planned("pvt_v2_b5", "mha", 16384, 16384, (1, 1, 1, 1), 7, batch=4096)
    assert row.row().macs > MOST
    with pytest.raises(SpecError, match="macs needs more than 64 bits; use a smaller --img"):
        ClosedForms().of(row)


def test_a_prediction_is_that_of_the_row() -> None:
    """Up to the order in which the same numbers are added up."""
    words = {"model": ["pvt_v2_b0"], "img": ["64..96:32"], "part": ["model,stage 2"]}
    words |= {"attention": ["eager,sdpa"], "batch": ["1,2"]}
    calibration = calibration_of(grid_of(words))
    forms = ClosedForms({("cpu", "float32"): calibration})
    for row in grid_of(words):
        runs = [(kernel, term.times) for term, kernel in kernels(terms_of(row.row()), "float32")]
        assert forms.of(row).predicted_s == pytest.approx(calibration.seconds(runs), rel=1e-12)
    assert forms.of(replace(row, threads=2)).predicted_s is None
    assert forms.of(replace(row, dtype="float64")).predicted_s is None


def calibration_of(rows: Iterable[Planned]) -> Calibration:
    """A machine that was never measured, which has seen the kernels of some rows."""
    families: dict[str, Fitted] = {}
    for row in rows:
        for _, kernel in kernels(terms_of(row.row()), "float32"):
            seconds = tuple(1e-11 * (len(families) + i) for i in range(len(kernel.features)))
            families.setdefault(kernel.family, Fitted(kernel.kind, seconds))
    quality = dict.fromkeys(("attention", "model"), Quality(0.08, 0.05, 0.9, 1.2, 9))
    ceilings = Ceilings(1e11, 2e10)
    return Calibration(ENVIRONMENT, "float32", families, 1.1, 2e-6, False, ceilings, {}, quality)


FEW = {"model": ["pvt_v2_b0"], "img": ["32..96:32"], "R": ["9,4,2,1", "2,1,1,1"]}


def test_a_csv_has_every_row_with_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    grid = grid_of(FEW)
    found = stream.write(grid, len(grid), path)
    lines = list(csv.DictReader(path.read_text().splitlines()))
    assert (found.rows, len(lines)) == (len(grid), len(grid))
    assert found.refused == sum(line["refused"] != "" for line in lines) > 0
    for planned, line in zip(grid, lines, strict=True):
        assert (line["design"], int(line["height"])) == (planned.design, planned.height)
        expected = by_itself(planned)
        if isinstance(expected, str):
            assert (line["macs"], line["refused"]) == ("", expected)
        else:
            assert tuple(int(line[name]) for name in stream.FIGURES[:4]) == expected[:4]


def test_parquet_has_what_csv_has(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    paths = [tmp_path / "rows.parquet", tmp_path / "rows.csv"]
    for path in paths:
        stream.write(grid_of(FEW), 9, path)
    parquet, text = pandas.read_parquet(paths[0]), pandas.read_csv(paths[1])
    assert list(parquet.columns) == list(text.columns) == list(stream.COLUMNS)
    for name in stream.COLUMNS:
        ours = [None if pandas.isna(one) or one == "" else one for one in parquet[name]]
        assert ours == [None if pandas.isna(one) else one for one in text[name]], name


def test_a_file_is_replaced_only_if_it_is_ours(tmp_path: Path) -> None:
    for path in (tmp_path / "rows.csv", tmp_path / "rows.parquet"):
        path.write_text("mine\n")
        with pytest.raises(StoreError, match="was not written by pvtprof sweep"):
            stream.write(grid_of(FEW), 9, path)
        assert path.read_text() == "mine\n"
        stream.write(grid_of(FEW), 9, path, force=True)
        stream.write(grid_of(FEW), 9, path)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "rows.csv", tmp_path / "rows.parquet"]


def test_a_grid_of_which_every_row_is_refused_is_an_error(tmp_path: Path) -> None:
    grid = grid_of(
        {"model": ["pvt_v2_b0"], "img": ["32"], "design": ["sra_conv"], "R": ["9,1,1,1"]}
    )
    with pytest.raises(
        SpecError, match=r"no row .* has a closed form; the first says: stage 1: R 9"
    ):
        stream.write(grid, 1, tmp_path / "rows.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, columns: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stream._Csv, "write", full)
    with pytest.raises(StoreError, match=r"cannot write .*No space left on device"):
        stream.write(grid_of(FEW), 9, tmp_path / "rows.csv")
    assert list(tmp_path.iterdir()) == []


def test_progress_says_rows_refusals_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SAY_S", 0.0)
    monkeypatch.setattr(stream, "GROUP", 4)
    told: list[str] = []
    stream.write(grid_of(FEW), len(grid_of(FEW)), tmp_path / "rows.csv", progress=told.append)
    assert re.fullmatch(r"12 of 12 rows, \d without a closed form, about 0 s left", told[-1])


def test_the_command_says_what_became_of_the_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.csv"
    words = ["--model", "pvt_v2_b0", "--img", "32..96:32", "--R", "9,4,2,1", "--R", "2,1,1,1"]
    assert main(["sweep", *words, "-o", str(path)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    first, reason, last = said.err.splitlines()
    assert re.fullmatch(r"12 rows: \d+ done, \d have no closed form", first)
    assert "is larger than the" in reason
    assert last == f"Wrote {path}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--img", "1024..224"], "is empty"),
        (["--img", "32..16384", "--batch", "1..4096"], "200,945,664 rows"),
        (["--sample", "9"], "sample is 9; use 1 to 3, which is how many rows this grid has"),
        (["--analytic", "-o", "rows.sqlite"], "rows.sqlite is a store, and --analytic"),
        (["-o", "rows.xlsx"], "rows.xlsx has no known format"),
        (["nowhere.toml"], "cannot read nowhere.toml"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    out = [] if "-o" in words else ["-o", "rows.csv"]
    assert main(["sweep", *words, *out]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_options_come_before_the_keys_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text('model = "pvt_v2_b0"\nimg = [64, 96]\ndesign = "mha"\nbatch = "1..3"\n')
    found = pvtprof.sweep(file=path, img=(64,), out=tmp_path / "rows.csv")
    assert (found.rows, found.done) == (3, 3)
    assert pvtprof.sweep(file=path, sample=2, out=tmp_path / "rows.csv").rows == 2
