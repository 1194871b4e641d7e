"""What fits into memory: the edge by closed form, and by the witness."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtprof import units
from pvtprof.analytic.fit import Fits, fits, largest, needs, squared
from pvtprof.cli.app import main
from pvtprof.designs.checks import MAX_BATCH, MAX_SIDE
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import MODES
from pvtprof.designs.workload import workload
from pvtprof.errors import SpecError, UnavailableError
from pvtprof.observe import asking, environment
from pvtprof.run import fit_checks
from tests.builders import TWO, shallow
from tests.trials import ALL, sample

GIB = 2**30
#: What is fitted, and the memory for it: of a published model where everything is tried.
ASKED: tuple[str | ModelSpec, int] = ("pvt_v2_b0", 2 * GIB) if ALL else (TWO, GIB // 8)
MEMORY = ASKED[1]


def fitting(model: str | ModelSpec, memory_bytes: int, **options: object) -> Fits:
    """What fits of the three designs of a model."""
    asked = workload(model, **options)  # type: ignore[arg-type] # passed through as given
    return fits(asked.designs, asked.setting, memory_bytes)


@pytest.fixture(scope="module")
def fitted() -> Fits:
    return fitting(*ASKED, batch=2)


def test_every_design_in_both_modes(fitted: Fits) -> None:
    assert [(f.variant, f.mode) for f in fitted.fits] == [
        (variant, mode) for variant in VARIANTS for mode in MODES
    ]


def test_the_edge_fits_and_one_more_does_not(fitted: Fits) -> None:
    for found in fitted.fits:
        for edge in (found.image, found.batch):
            assert edge.next_needs is not None
            assert edge.needs <= MEMORY < edge.next_needs


def test_the_witness_sees_the_same_bytes_at_every_edge_and_beyond(fitted: Fits) -> None:
    fits = fitted.fits if ALL else fitted.fits[-1:]
    seen = list(fit_checks.checks(replace(fitted, fits=fits)))
    assert len(seen) == 4 * len(fits) >= (24 if ALL else 4)
    assert all(formula == observed for _, formula, observed in seen), seen


def test_the_witness_would_object(fitted: Fits) -> None:
    """Of a formula that is one byte off, at the edge and beyond it."""
    found = fitted.fits[0]
    assert found.image.next_needs is not None
    image = replace(found.image, needs=found.image.needs - 1, next_needs=found.image.next_needs + 1)
    wrong = replace(fitted, fits=(replace(found, image=image),))
    off = [formula - observed for _, formula, observed in fit_checks.checks(wrong)]
    assert off == [-1, 1, 0, 0]


def witness_off_by(nbytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the witness say what the formula says, and so many bytes more."""
    monkeypatch.setattr(
        fit_checks, "_observed_needs", lambda spec, setting: needs(spec, setting)[0] + nbytes
    )


def test_an_objection_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    witness_off_by(1, monkeypatch)
    assert main(["fit", "--memory", "40MiB", "--model", "pvt_v2_b0", "--check"]) == 1
    assert "checked on fake tensors: 0 of " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "mode"), sample(product(("pvt_tiny", "pvt_v2_b0", "pvt_v2_b2_li"), MODES), 3)
)
def test_a_larger_image_never_needs_less(name: str, mode: str) -> None:
    """Else bisection could miss the largest: side by side over the sizes where grids change."""
    spec = MODELS[name] if ALL else shallow(MODELS[name], blocks=1)
    for variant in VARIANTS:
        sizes = [*range(32, 80), *range(216, 233), *range(510, 516)]
        asked = [workload(spec, side, mode=mode) for side in sizes]
        found = [needs(one.spec(variant), one.setting)[0] for one in asked]
        assert found == sorted(found), (variant, mode)


@given(st.integers(-5, 40), st.integers(0, 40))
def test_bisection_finds_the_last_that_holds(edge: int, high: int) -> None:
    assert largest(lambda n: n <= edge, 0, high) == max(-1, min(edge, high))


def test_pvtprofs_own_limits_are_said_and_not_passed() -> None:
    found = fitting("pvt_v2_b0", 2**60, img=32, sr_ratios=(1, 1, 1, 1))
    edges = [edge for f in found.fits for edge in (f.image, f.batch)]
    assert {edge.size for edge in edges} == {MAX_SIDE, MAX_BATCH}
    assert {edge.next_needs for edge in edges} == {None}


def test_where_nothing_fits_the_smallest_that_the_design_takes_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each by itself: R 8 keeps sra_conv from images that the others take."""
    found = {(f.variant, f.mode): f.image for f in fitting("pvt_v2_b0", 20 * 2**20).fits}
    for variant, smallest in (("mha", 1), ("sra_conv", 29), ("sra_pool", 1)):
        edge = found[variant, "training"]
        assert (edge.size, edge.tried, edge.next_needs) == (0, smallest, None)
        assert edge.needs > 20 * 2**20
    assert main(["fit", "--memory", "20MiB", "--model", "pvt_v2_b0"]) == 0
    assert "not even 29" in capsys.readouterr().out


def test_one_more_is_said_only_where_there_is_one_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--memory", "900EiB", "--model", "pvt_v2_b0", "--img", "64"]) == 0
    text = capsys.readouterr().out
    assert "does not fit" not in text
    assert "16384 pixels a side and 4096 images" in text


def test_memory_and_device_together_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--memory", "2GiB", "--device", "cpu"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_memory_below_the_parameters_is_an_error() -> None:
    with pytest.raises(SpecError, match="the parameters of pvt_v2_b2 alone take 80"):
        fitting("pvt_v2_b2", 10 * 2**20)


@pytest.mark.parametrize("amount", ["0", "0GiB", "24XB", "24", "-1GiB", "GiB", "1e9B", "24 iB", ""])
def test_what_is_no_amount_of_memory_is_one_line(
    amount: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--memory", amount]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert repr(amount) in error
    assert "24GiB" in error


@pytest.mark.parametrize(("text", "expected"), [("24GiB", 24 * GIB), ("1.5kB", 1500), ("7 B", 7)])
def test_amounts_of_memory(text: str, expected: int) -> None:
    assert units.parsed_size(text) == expected


def test_the_table_fits_80_columns_and_names_the_operator(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["fit", "--memory", "2GiB", "--model", "pvt_v2_b0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("block1.attn.scores mul holds the peak" in line for line in lines)


def test_json_has_every_byte(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--memory", "2GiB", "--model", "pvt_v2_b0", "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    work = workload("pvt_v2_b0", 224, mode=records[1]["mode"])
    side = records[1]["largest_image"]
    spec = work.spec(records[1]["variant"])
    expected = needs(spec, squared(work.setting, side))
    assert (records[1]["image_needs_bytes"], records[1]["image_peak_at"]) == expected


def test_check_leaves_stdout_to_the_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    witness_off_by(0, monkeypatch)
    options = ["--memory", "40MiB", "--model", "pvt_v2_b0", "--check", "--format", "json"]
    assert main(["fit", *options]) == 0
    shown = capsys.readouterr()
    records = json.loads(shown.out)
    beyond = sum(
        r[f"{what}_next_needs_bytes"] is not None for r in records for what in ("image", "batch")
    )
    assert f"checked on fake tensors: {12 + beyond} of {12 + beyond} sizes agree" in shown.err


def test_without_memory_it_takes_the_devices(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {
        "device": "cuda:0",
        "name": "Some GPU",
        "memory_bytes": 24 * GIB,
        "memory": {"taken": GIB},
        "workspace_bytes": 2**20,
        "found": ["cpu", "cuda:0"],
    }
    missing = {"missing": "it", "found": ["cpu", "cuda:0"]}
    monkeypatch.setattr(asking, "installed_torch", lambda: ("2.11.0+cu130", "13.0"))
    monkeypatch.setattr(
        asking, "_asked", lambda name: facts if name in ("auto", "cuda", "cuda:0") else missing
    )
    assert main(["fit", "--model", "pvt_v2_b0"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Some GPU: 24.0 GiB without 1.00 GiB of CUDA's context and other programs" in said
    assert environment.device_memory("cuda:0").bytes == 23 * GIB - 2**20
    assert environment.device_memory("cpu").bytes <= 2**50
    with pytest.raises(UnavailableError, match="found cpu, cuda:0; use --device"):
        environment.device_memory("cuda:1")
    for device in ("gpu", "1", "cuda1", "cuda:\N{SUPERSCRIPT THREE}", ""):
        with pytest.raises(SpecError, match="unknown device"):
            environment.device_memory(device)


def test_all_models_have_an_answer() -> None:
    for name in MODELS if ALL else ("pvt_tiny", "pvt_v2_b2_li"):
        found = fitting(name, 8 * GIB, sr_ratios=(1, 1, 1, 1))
        assert all(f.image.size and f.batch.size for f in found.fits)
