"""Result files: there and back, refused when they are not ours, never half written."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

import pvtprof
from pvtprof import files
from pvtprof.api import with_methods
from pvtprof.errors import StoreError
from pvtprof.observe.machine import WITHHELD
from pvtprof.report import markdown, sheets
from pvtprof.run import store
from pvtprof.run.run import Run
from tests.builders import ENVIRONMENT, made_up_calibration, observed_run

#: A run that the version before wrote.
OLD = Path(__file__).parents[2] / "reports" / "xeon-2-cores-224.json"


@pytest.fixture(scope="module")
def run() -> Run:
    return observed_run()


def test_a_saved_run_comes_back_the_same(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "run.json")
    assert pvtprof.load(tmp_path / "run.json") == run


def test_the_calibration_that_predicted_comes_back_and_is_withheld(tmp_path: Path) -> None:
    made = made_up_calibration()
    run = pvtprof.compare("pvt_v2_b0", img=64, analytic=True, calibration=made)
    run.save(tmp_path / "run.json")
    assert pvtprof.load(tmp_path / "run.json").calibration == made
    hidden = run.anonymous()
    assert hidden.calibration
    assert hidden.calibration.environment.device == WITHHELD
    hidden.save(tmp_path / "hidden.json")
    assert ENVIRONMENT.device not in (tmp_path / "hidden.json").read_text()
    document = json.loads(store.dumps(run))
    del document["calibration"]  # as in a file of an earlier version
    assert with_methods(store.loads(json.dumps(document))) == replace(run, calibration=None)


def test_a_calibration_without_its_quality_is_refused(tmp_path: Path) -> None:
    run = pvtprof.compare("pvt_v2_b0", img=64, analytic=True, calibration=made_up_calibration())
    document = json.loads(store.dumps(run))
    del document["calibration"]["quality"]["model"]
    with pytest.raises(StoreError, match=r"calibration has no field quality\.model"):
        store.loads(json.dumps(document))


def test_numbers_beyond_64_bits_come_back_the_same(tmp_path: Path) -> None:
    large = pvtprof.compare(img=16384, batch=4096, analytic=True)
    assert large.row(None, "mha").macs > 2**64
    large.save(tmp_path / "large.json")
    assert pvtprof.load(tmp_path / "large.json") == large
    assert large.to_frame()["macs"].tolist() == [row.macs for row in large.rows]


def test_the_file_has_the_agreed_fields(run: Run) -> None:
    document = json.loads(store.dumps(run))
    assert document["schema"] == "pvtprof.run/2"
    assert document["settings"] == [
        {
            "height": 224,
            "width": 224,
            "batch": 1,
            "dtype": "float32",
            "device": "cpu",
            "attention": "eager",
            "mode": "inference",
        }
    ]
    assert [design["name"] for design in document["designs"]] == ["mha", "sra_conv", "sra_pool"]
    assert document["designs"][0]["spec"]["stages"][0]["sr_ratio"] == 8
    fields = """design part setting blocks tokens kv_tokens dim num_heads sr_ratio macs params
        witnesses peak_bytes peak_at saved_bytes moved_bytes flops_per_byte latency_s predicted_s
        not_run ops"""
    assert set(fields.split()) <= set(document["rows"][0])
    assert set(document["rows"][0]["ops"][0]) >= {"name", "macs", "params", "read", "written"}


def test_unknown_fields_are_left_for_later_versions(run: Run) -> None:
    document = json.loads(store.dumps(run))
    document["settings"][0]["later"] = document["rows"][0]["later"] = 1
    assert with_methods(store.loads(json.dumps(document))) == run


def test_a_witness_of_a_later_version_is_kept_and_shown(run: Run) -> None:
    document = json.loads(store.dumps(run))
    document["rows"][0]["witnesses"]["joules"] = {
        "formula": 3,
        "counted": 4,
        "by_module": {},
        "skipped": {},
        "handles": [],
        "is_exact": False,
    }
    later = store.loads(json.dumps(document))
    assert later.rows[0].witnesses["joules"].rest == 1
    assert later.agrees
    assert any("joules" in line for line in sheets.agreement(later).lines)


def test_several_comparisons_come_back_the_same(tmp_path: Path) -> None:
    many = pvtprof.compare(["pvt_v2_b0", "pvt_tiny"], img=[64, (96, 128)], analytic=True)
    assert len(many.rows) == 60
    many.save(tmp_path / "many.json")
    found = pvtprof.load(tmp_path / "many.json")
    assert found == many
    assert [(one.model, one.setting.image) for one in found.comparisons] == [
        ("pvt_v2_b0", (64, 64)),
        ("pvt_v2_b0", (96, 128)),
        ("pvt_tiny", (64, 64)),
        ("pvt_tiny", (96, 128)),
    ]


def test_a_file_of_the_schema_before_has_the_same_figures() -> None:
    text = OLD.read_text()
    found, document = store.loads(text), json.loads(text)
    assert document["schema"] == "pvtprof.run/1"
    assert found.agrees
    for row, old in zip(found.rows, document["rows"], strict=True):
        assert (row.design.name, row.part.stage) == (old["variant"], old["stage"])
        assert (row.macs, row.params, row.peak.bytes) == (
            old["macs"],
            old["params"],
            old["peak_bytes"]["formula"],
        )
        assert row.witnesses["fvcore"].counted == old["counts"]["fvcore"]["counted"]
        assert row.witnesses["torch"].counted == old["counts"]["torch"]["counted"]
        assert row.witnesses["params"].counted == old["params_counted"]
        assert row.witnesses["peak bytes"].counted == old["peak_bytes"]["observed"]
        assert row.witnesses["saved bytes"].counted == old["saved_bytes"]["observed"]
        assert row.latency is not None
        assert list(row.latency.samples) == old["latency_s"]["samples"]
        assert [op.macs for op in row.ops] == [op["macs"] for op in old["ops"]]


def changed(text: str, path: list[object], value: object) -> str:
    document = json.loads(text)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document)


HUGE = 10**400
#: What is wrong in a file of either schema.
DAMAGE_OF_BOTH = [
    (["environment", "device"], "\x1b[2J", "not plain text"),
    (["environment", "device"], "\ud800", "not plain text"),
    (["environment", "threads"], "two", "environment.threads is 'two'"),
    (["rows"], None, "rows is None, not a list"),
    (["rows", 0], 3, "rows[0] is 3, not an object"),
    (["rows", 0, "grid"], None, "grid does not go with stage 1"),
    (["rows", 0, "grid"], "x", "grid is 'x', not a list"),
    (["rows", 0, "grid"], [56], "rows[0].grid is [56], not a list of length 2"),
    (["rows", 0, "macs"], "many", "rows[0].macs is 'many', not a whole number"),
    (["rows", 0, "macs"], HUGE, "a number of more than 60 digits"),
    (["rows", 0, "ops", 0, "times"], 1.5, "times is 1.5"),
    (["rows", 0, "ops", 0, "name"], 1, "name is 1, not plain text"),
    (["rows", 0, "ops", 0, "measured_s"], 0, "rows[0].ops[0]: measured_s is 0.0; use seconds"),
    (
        ["rows", 0, "ops", 0, "predicted_s"],
        -1,
        "rows[0].ops[0].predicted_s is -1, not a finite number",
    ),
    (["rows", 0, "latency_s", "samples"], [], "samples is empty"),
    (["rows", 0, "latency_s", "samples"], ["x"], "samples[0] is 'x', not a finite number"),
    (["rows", 0, "latency_s", "samples"], [float("nan")], "samples[0] is nan, not a finite number"),
    (["rows", 0, "latency_s", "samples"], [HUGE], "a number of more than 60 digits"),
    (["rows", 0, "latency_s", "calls"], "x", "calls is 'x'"),
]

#: In a file of this schema.
DAMAGE = [
    *DAMAGE_OF_BOTH,
    (
        ["schema"],
        "pvtprof.run/9",
        "has the schema 'pvtprof.run/9'; this command reads 'pvtprof.run/2' and 'pvtprof.run/1'",
    ),
    (["designs"], [], "rows[0].design is 0; there are 0 designs"),
    (["designs", 0, "kind"], "cnn", "designs[0].kind is 'cnn', not"),
    (["designs", 0, "name"], "\x1b[2J", "not plain text"),
    (["designs", 0, "spec", "stages", 1, "dim"], 127, "dim 127 is not divisible by num_heads 2"),
    (["designs", 0, "spec", "stages"], 3, "stages is 3, not a list"),
    (
        ["designs", 0, "spec", "built"],
        [224],
        "designs[0].spec.built is [224], not a list of length 2",
    ),
    (["settings", 0, "height"], "224", "settings[0].height is '224', not a whole number"),
    (["settings", 0, "dtype"], "int8", "unknown dtype 'int8'"),
    (["settings", 0, "batch"], 0, "batch is 0"),
    (["rows"], [], "a run has no rows"),
    (["rows", 0], {}, "there is no field rows[0].design"),
    (["rows", 0, "design"], 7, "rows[0].design is 7; there are 3 designs"),
    (["rows", 0, "setting"], 1, "rows[0].setting is 1; there are 1 settings"),
    (["rows", 0, "part"], "stage 7", "rows[0]: unknown part 'stage 7'"),
    (["rows", 0, "part"], "stage 2", "rows are not distinct"),
    (["rows", 0, "peak_bytes"], None, "rows[0].peak_bytes is None"),
    (["rows", 0, "witnesses"], 3, "rows[0].witnesses is 3, not an object"),
    (["rows", 0, "witnesses", "params", "counted"], -1, "counted is -1"),
    (["rows", 0, "witnesses", "torch", "counted"], True, "counted is True"),
    (["rows", 0, "witnesses", "torch", "is_exact"], 1, "is_exact is 1, not true or false"),
    (
        ["rows", 0, "witnesses", "torch", "by_module"],
        {"x": []},
        "by_module.x is [], not a list of length 2",
    ),
    (["rows", 0, "witnesses", "torch", "skipped"], {"x": "y"}, "skipped.x is 'y'"),
]

#: In a file of the schema before.
DAMAGE_V1 = [
    *DAMAGE_OF_BOTH,
    (["workload", "model"], "resnet", "unknown model 'resnet'"),
    (["workload", "height"], "224", "workload.height is '224', not a whole number"),
    (
        ["workload", "sr_ratios"],
        [8, 4, True, 1],
        "workload.sr_ratios[2] is True, not a whole number",
    ),
    (["rows"], [], "rows are not those of four stages"),
    (["rows", 0], {}, "there is no field rows[0].variant"),
    (["rows", 0, "variant"], "sra", "rows are not those of four stages"),
    (["rows", 0, "stage"], 7, "rows are not those of four stages"),
    (["rows", 0, "stage"], None, "grid does not go with stage None"),
    (["rows", 0, "params_counted"], -1, "rows[0].params_counted is -1"),
    (["rows", 0, "peak_bytes", "formula"], None, "rows[0].peak_bytes.formula is None"),
    (["rows", 0, "counts"], 3, "rows[0].counts is 3, not an object"),
    (["rows", 0, "counts", "torch", "counted"], True, "counted is True"),
    (
        ["rows", 0, "counts", "torch", "by_module"],
        {"x": []},
        "by_module.x is [], not a list of length 2",
    ),
    (["rows", 0, "counts", "torch", "skipped"], {"x": "y"}, "skipped.x is 'y'"),
    (["rows", 0, "latency_s", "calls"], None, "rows[0].latency_s: there is no field calls"),
    (["rows", 0, "latency_s", "series"], {"cpu": []}, "series are not as long as samples"),
    (["rows", 0, "latency_s", "samples"], [-0.1], "samples[0] is -0.1, not a finite number"),
    (["rows", 0, "latency_s", "samples"], [1e13], "samples[0] is 10000000000000.0; use seconds"),
    (["rows", 0, "ops", 0, "bound"], "speed", "rows[0].ops[0]: unknown bound 'speed'; use one of"),
    (["rows", 0, "counts", "torch", "skipped"], {"a": 1, "\x1b": 1}, "a name in rows[0].counts."),
    (["rows", 0, "counts", "torch", "handles"], ["\n"], "handles[0] is '\\n', not plain text"),
    (["workload"], {"model": "pvt_v2_b2"}, "there is no field workload.height"),
    (["ceilings"], {"flops_per_s": 0, "bytes_per_s": 1}, "ceilings: flops_per_s is 0"),
]


@pytest.mark.parametrize(("path", "value", "message"), DAMAGE)
def test_a_damaged_file_is_refused_in_one_line(
    run: Run, path: list[object], value: object, message: str
) -> None:
    assert message in refusal(changed(store.dumps(run), path, value))


@pytest.mark.parametrize(("path", "value", "message"), DAMAGE_V1)
def test_a_damaged_file_of_the_schema_before_is_refused_in_one_line(
    path: list[object], value: object, message: str
) -> None:
    assert message in refusal(changed(OLD.read_text(), path, value))


def refusal(text: str) -> str:
    """The one line that refuses a file."""
    with pytest.raises(StoreError) as caught:
        store.loads(text, "x.json")
    assert str(caught.value).startswith("x.json")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nope",
        "[]",
        "3",
        "null",
        '{"schema": 1}',
        "[" * 100_000,
        '{"schema": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_not_a_run_is_refused(text: str) -> None:
    with pytest.raises(StoreError):
        store.loads(text)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused(run: Run, share: float) -> None:
    text = store.dumps(run)
    with pytest.raises(StoreError, match="is not JSON, or is cut off"):
        store.loads(text[: int(share * (len(text) - 2))])


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\x89PNG\x00\xff")
    with pytest.raises(StoreError, match="is not a text file"):
        store.load(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["run.json", "run.html", "run.csv", "run.md"])
def test_a_file_that_pvtprof_did_not_write_is_left_alone(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    target.write_text("mine")
    with pytest.raises(StoreError, match="was not written by pvtprof"):
        files.write(target, "new")
    assert target.read_text() == "mine"
    files.write(target, "new", force=True)
    assert target.read_text() == "new"


def test_its_own_file_with_notes_of_the_user_is_left_alone(run: Run, tmp_path: Path) -> None:
    for name, text in (("run.md", markdown.render(run)), ("run.json", store.dumps(run))):
        for mine in (f"my notes\n{text}", f"{text}my notes\n"):
            (tmp_path / name).write_text(mine)
            with pytest.raises(StoreError, match="or was changed since"):
                files.write(tmp_path / name, text)
            assert (tmp_path / name).read_text() == mine


def test_a_name_that_does_not_fit_the_format_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"use a name that ends in \.json"):
        run.save(tmp_path / "run.csv")
    with pytest.raises(StoreError, match=r"use a name that ends in \.html"):
        run.to_html(tmp_path / "run.json")


def test_a_path_that_the_system_refuses_is_one_line(run: Run, tmp_path: Path) -> None:
    for name in ("x" * 300 + ".json", "nul\0.json"):
        with pytest.raises(StoreError, match="cannot write"):
            files.check_writable(tmp_path / name)


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
        files.check_writable(tmp_path)
    with pytest.raises(StoreError, match="has no known format"):
        files.check_writable(tmp_path / "run.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is not a directory"):
        files.check_writable(tmp_path / "file" / "run.json")


def test_an_unwritable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the system says: root, as which containers run, may write everywhere."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(StoreError, match="is not writable"):
        files.check_writable(tmp_path / "run.json")
