"""A store is read by SQL, as a frame and as files; nothing that is asked of it changes it."""

from __future__ import annotations

import _thread
import hashlib
import json
import sqlite3
import threading
from pathlib import Path

import pandas as pd
import pytest

import pvtprof
from pvtprof.cli import app
from pvtprof.errors import SpecError, StoreError
from pvtprof.sweep import frame, reading
from pvtprof.sweep.planned import Planned
from pvtprof.sweep.store import Store
from tests.sweep.drawn import Drawn, filled

ROWS = [
    Planned("pvt_v2_b0", "mha", side, side, (1, 1, 1, 1), 7, batch=batch)
    for side in (32, 64)
    for batch in (1, 2)
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "night.sqlite"
    filled(path, ROWS, Drawn(lambda planned: 1e-6 * planned.height * planned.batch))
    with Store.open(path) as one:  # refused: R is larger than the grid; and one is not yet measured
        one.add([Planned("pvt_v2_b0", "sra_conv", 32, 32, (16, 1, 1, 1), 7)], 0)
        one.add([Planned("pvt_v2_b0", "mha", 96, 96, (1, 1, 1, 1), 7)], 0)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_frame_has_the_closed_forms_and_the_times(store: Path) -> None:
    found = pvtprof.open(store).to_frame()
    assert list(found.columns) == list(frame.COLUMNS)
    assert len(found) == 6
    lines = {(line["height"], line["batch"]): line for line in found.to_dict("records")[:4]}
    for planned in ROWS:
        line, row = lines[planned.height, planned.batch], planned.row()
        assert (line["macs"], line["params"]) == (row.macs, row.params)
        assert (line["moved_bytes"], line["peak_bytes"]) == (sum(row.moved_bytes), row.peak.bytes)
        assert line["latency_low_s"] <= line["latency_s"] <= line["latency_high_s"]
    assert found["sr_ratios"][0] == "1,1,1,1"
    assert found["macs"].dtype == "Int64"
    assert "R 16 is larger" in found["failure"][4]
    assert found["tries"].tolist() == [1, 1, 1, 1, 0, 0]


def test_a_query_answers(store: Path) -> None:
    found = reading.query(store, "SELECT height, count(*) AS n FROM rows GROUP BY 1")
    assert found.columns == ("height", "n")
    assert found.rows == ((32, 3), (64, 2), (96, 1))


WRITES = [
    "DELETE FROM measured",
    'INSERT INTO "row" (key, place) VALUES (1, 2)',
    'UPDATE "row" SET macs = 0',
    'DROP TABLE "row"',
    "CREATE TABLE mine (a)",
    "CREATE TEMP TABLE mine AS SELECT * FROM rows",
    "ATTACH 'other.sqlite' AS other",
    "PRAGMA user_version = 7",
    "PRAGMA journal_mode = DELETE",
    "VACUUM INTO 'copy.sqlite'",
    "VACUUM",
    "BEGIN",
    "REINDEX",
    "WITH a AS (SELECT 1) DELETE FROM lease",
    "ALTER TABLE lease ADD COLUMN x",
]


@pytest.mark.parametrize("sql", WRITES)
def test_sql_that_writes_is_refused_in_one_line(
    store: Path, sql: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digest(store), sorted(path.name for path in store.parent.glob("*.sqlite"))
    assert app.main(["query", str(store), sql]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    kind = "is no SELECT" if sql.startswith(("PRAGMA", "BEGIN")) else "does more than read"
    assert f"this SQL {kind} (" in said.err
    assert (digest(store), sorted(path.name for path in store.parent.glob("*.sqlite"))) == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT latncy FROM rows",
            "latncy (a text stands in single quotes); the view rows has the columns",
        ),
        ("SELEC 1", "syntax error"),
        ("SELECT 1; SELECT 2", "more than one statement"),
        ("SELECT 1; DELETE FROM lease", "more than one statement"),
        ("", "there is no SQL"),
        ("-- nothing", "there is no SQL"),
        ("SELECT load_extension('x')", "does more than read"),
        ("SELECT ?", "the SQL is wrong"),
        ("SELECT '\0'", "the SQL is wrong"),
    ],
)
def test_sql_that_is_wrong_is_said_in_one_line(store: Path, sql: str, message: str) -> None:
    with pytest.raises(SpecError, match=r"^[^\n]*$") as raised:
        reading.query(store, sql)
    assert message in str(raised.value)


def test_ctrl_c_ends_a_query_as_such(store: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    pressed = threading.Timer(0.1, _thread.interrupt_main)
    pressed.start()
    with pytest.raises(KeyboardInterrupt):
        reading.query(store, endless)
    pressed.join()


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_the_command_prints_an_answer(
    store: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT design, height AS h, predicted_s FROM rows WHERE batch = 2 ORDER BY 2"
    assert app.main(["query", str(store), sql, "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "json":
        assert json.loads(out)[0] == {"design": "mha", "h": 32, "predicted_s": None}
    elif form == "csv":
        assert out.splitlines()[1:] == ["mha,32,", "mha,64,"]
    else:
        assert out.splitlines()[0].split() == ["design", "h", "predicted_s"]
        assert out.endswith("\n2 rows\n")


def test_no_rows_are_an_answer_too(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["query", str(store), "SELECT model FROM rows WHERE batch = 9"]) == 0
    assert capsys.readouterr().out.endswith("\n0 rows\n")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_store_is_exported(store: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"night{suffix}"
    pvtprof.open(store).export(path)
    found = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    whole = pvtprof.open(store).to_frame()
    assert list(found.columns) == list(whole.columns)
    assert found["macs"].astype("Int64").tolist() == whole["macs"].tolist()
    assert found["latency_s"].tolist()[:4] == pytest.approx(whole["latency_s"].tolist()[:4])


def test_an_export_replaces_no_file(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine\n")
    assert app.main(["query", str(store), "-o", str(path)]) == 2
    assert path.read_text() == "mine\n"
    assert app.main(["query", str(store), "-o", str(path), "--force"]) == 0
    assert path.read_text().startswith("model,design,part,")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_answer_whose_names_mean_something_else_is_exported(
    store: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"means{suffix}"
    sql = "SELECT avg(height) + 0.5 AS height, max(design) AS macs FROM rows WHERE batch = 2"
    assert app.main(["query", str(store), sql, "-o", str(path)]) == 0
    found = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert found.to_dict("records") == [{"height": 48.5, "macs": "mha"}]


@pytest.mark.parametrize(
    "sql", ["SELECT height, height FROM rows", "SELECT 1 AS a UNION SELECT 'b' AS a"]
)
def test_what_parquet_cannot_hold_is_said_in_one_line(
    store: Path, tmp_path: Path, sql: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(["query", str(store), sql, "-o", str(tmp_path / "a.parquet")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("; write a .csv")
    assert list(tmp_path.iterdir()) == []
    assert app.main(["query", str(store), sql, "-o", str(tmp_path / "a.csv")]) == 0


def test_a_folder_that_cannot_be_made_is_said_in_one_line(store: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine\n")
    with pytest.raises(StoreError, match=r"^cannot write [^\n]*$"):
        pvtprof.open(store).export(tmp_path / "file" / "night.csv")


def test_a_format_that_is_not_known_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"ends in \.parquet or \.csv"):
        pvtprof.open(store).export(tmp_path / "night.xlsx")


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as made:
        made.execute("CREATE TABLE a (b)")
    made.close()
    text = tmp_path / "text.sqlite"
    text.write_text("no database at all " * 20)
    for path in (other, text, tmp_path / "none.sqlite", tmp_path):
        with pytest.raises(StoreError, match=r"^[^\n]*$"):
            pvtprof.open(path)
