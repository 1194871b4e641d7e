"""Result files: there and back, refused when they are not ours, never half written."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

import pvtprof
from pvtprof import store
from pvtprof.errors import StoreError
from pvtprof.records import Run
from tests.builders import observed_run


@pytest.fixture(scope="module")
def run() -> Run:
    return observed_run()


def test_a_saved_run_comes_back_the_same(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "run.json")
    assert pvtprof.load(tmp_path / "run.json") == run


def test_numbers_beyond_64_bits_come_back_the_same(tmp_path: Path) -> None:
    large = pvtprof.compare(img=16384, batch=4096, analytic=True)
    assert large.row(None, "mha").macs > 2**64
    large.save(tmp_path / "large.json")
    assert pvtprof.load(tmp_path / "large.json") == large
    assert large.to_frame()["macs"].tolist() == [row.macs for row in large.rows]


def test_the_file_has_the_agreed_fields(run: Run) -> None:
    document = json.loads(store.dumps(run))
    assert document["schema"] == "pvtprof.run/1"
    assert document["workload"] == {
        "model": "pvt_v2_b2", "height": 224, "width": 224, "batch": 1, "dtype": "float32",
        "device": "cpu", "attention": "eager", "mode": "inference", "sr_ratios": [8, 4, 2, 1],
        "pool_size": 7,
    }  # fmt: skip
    fields = """scope stage variant dim num_heads sr_ratio blocks tokens kv_tokens macs params
        counts params_counted peak_bytes saved_bytes moved_bytes latency_s not_run ops"""
    assert set(fields.split()) <= set(document["rows"][0])
    assert set(document["rows"][0]["ops"][0]) >= {"name", "macs", "params", "read", "written"}


def test_unknown_fields_are_left_for_later_versions(run: Run) -> None:
    document = json.loads(store.dumps(run))
    document["workload"]["later"] = document["rows"][0]["later"] = 1
    assert store.loads(json.dumps(document)) == run


def changed(run: Run, path: list[object], value: object) -> str:
    document = json.loads(store.dumps(run))
    place = document
    for key in path[:-1]:
        place = place[key]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
    return json.dumps(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ["schema"],
            "pvtprof.run/2",
            "has schema 'pvtprof.run/2', this pvtprof reads 'pvtprof.run/1'",
        ),
        (["workload", "model"], "resnet", "unknown model 'resnet'"),
        (["workload", "height"], "224", "image height is '224'"),
        (["rows"], [], "there is no row of a whole model"),
        (["rows", 0], {}, "has no field 'grid'"),
        (["rows", 0, "macs"], "many", "macs is 'many', not a whole number"),
        (["rows", 0, "variant"], "sra", "the row of stage 1 mha is missing"),
        (["rows", 0, "latency_s", "samples"], ["x"], "field of the wrong kind"),
        (["rows", 0, "counts"], 3, "field of the wrong kind"),
        (["rows"], None, "field of the wrong kind"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(
    run: Run, path: list[object], value: object, message: str
) -> None:
    with pytest.raises(StoreError) as caught:
        store.loads(changed(run, path, value), "x.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("x.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "nope", "[]", "3", "null", '{"schema": 1}', "[" * 100_000])
def test_what_is_not_a_run_is_refused(text: str) -> None:
    with pytest.raises(StoreError):
        store.loads(text)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused(run: Run, share: float) -> None:
    text = store.dumps(run)
    with pytest.raises(StoreError, match="not JSON, or truncated"):
        store.loads(text[: int(share * (len(text) - 2))])


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoreError, match="is not a text file"):
        store.load(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["run.json", "run.html", "run.csv", "run.md"])
def test_a_file_that_pvtprof_did_not_write_is_left_alone(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    target.write_text("mine")
    with pytest.raises(StoreError, match="was not written by pvtprof"):
        store.write(target, "new")
    assert target.read_text() == "mine"
    store.write(target, "new", force=True)
    assert target.read_text() == "new"


def test_its_own_files_are_replaced_and_keep_their_mode(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    run.save(target)
    target.chmod(0o640)
    run.save(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_link_is_followed_and_not_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "run.json").symlink_to(tmp_path / "real" / "run.json")
    run.save(tmp_path / "run.json")
    assert (tmp_path / "run.json").is_symlink()
    assert pvtprof.load(tmp_path / "real" / "run.json") == run


def test_a_full_disk_leaves_the_earlier_file_and_no_rubbish(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "run.json"
    run.save(target)
    before = target.read_text()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device; what was there .* unchanged"):
        run.save(target)
    assert target.read_text() == before
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_directory_and_an_unknown_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory"):
        store.check_writable(tmp_path)
    with pytest.raises(StoreError, match="cannot tell the format"):
        store.check_writable(tmp_path / "run.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is not a directory"):
        store.check_writable(tmp_path / "file" / "run.json")


def test_an_unwritable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the system says: root, as which containers run, may write everywhere."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(StoreError, match="is not writable"):
        store.check_writable(tmp_path / "run.json")
