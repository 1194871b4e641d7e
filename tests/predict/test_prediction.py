"""Predicted latency: kernels, fits, calibration files, and what rows say of them. No clock."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pvtprof
from pvtprof.analytic import liveness
from pvtprof.analytic.formulas import model_terms
from pvtprof.analytic.parts import op_name
from pvtprof.api import with_methods
from pvtprof.cli import app
from pvtprof.designs.published import MODELS
from pvtprof.designs.spec import StageSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import ATTENTIONS
from pvtprof.errors import SpecError, StoreError, UnavailableError
from pvtprof.observe.environment import environment
from pvtprof.observe.measurement import Measurement
from pvtprof.predict import calibrate, calibration, kept
from pvtprof.predict.calibrate import Timed
from pvtprof.predict.kernels import FEATURES, Kernel, kernels, matched_s
from pvtprof.predict.prediction import Ceilings
from pvtprof.predict.probes import attention_probe, held_out, random_probes
from pvtprof.predict.roofline import bound, ladder
from pvtprof.report import sentences, terminal_full
from pvtprof.report.commands import calibrating
from pvtprof.report.notes import notes
from pvtprof.report.page import html
from pvtprof.run import store
from pvtprof.run.row import Row
from pvtprof.run.rows import terms_of, with_profile
from pvtprof.run.run import Run
from tests.builders import made_up_calibration, observed_run, with_row


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_kernels_are_what_allocates_one_to_one(name: str, attention: str) -> None:
    for variant in VARIANTS:
        terms = model_terms(MODELS[name].with_attention(variant), (160, 224), 2, attention)
        found = list(kernels(terms, "float32"))
        moments = list(liveness.timeline(terms, "float32"))
        assert [f"{t.op.module} {k.aten}".strip() for t, k in found] == [m.at for m in moments]
        for _, kernel in found:
            assert len(kernel.features) == len(FEATURES[kernel.kind])
            assert kernel.features[0] == 1
            assert min(kernel.features) >= 0
        total = sum(term.times * kernel.macs for term, kernel in found)
        assert total == sum(term.cost.macs for term in terms)


def of_module(
    variant: str,
    grid: tuple[int, int],
    ratio: int,
    batch: int = 1,
    dtype: str = "float32",
    attention: str = "eager",
    dim: int = 48,
) -> list[Kernel]:
    stage = StageSpec(dim, 1, 3, 4, ratio, variant)
    return [kernel for kernel, _ in attention_probe(stage, grid, batch, attention, dtype).runs]


def feature(kernel: Kernel, name: str) -> float:
    return kernel.features[FEATURES[kernel.kind].index(name)]


@pytest.mark.parametrize(
    ("keys", "below_32", "below_64", "rest_32", "rest_64"),
    [
        (7, 1, 1, 7, 7),
        (8, 0, 1, 0, 8),
        (15, 0, 1, 7, 15),
        (16, 0, 0, 0, 0),
        (17, 0, 0, 1, 1),
        (24, 0, 0, 0, 8),
    ],
)
def test_what_is_left_of_vectors_is_told_from_whole_ones(
    keys: int, below_32: int, below_64: int, rest_32: int, rest_64: int
) -> None:
    """A vector of AVX2 holds 8 float32, one of AVX-512 16."""
    softmax = next(k for k in of_module("mha", (keys, 1), 1) if k.family == "softmax")
    rows = 3 * keys
    assert feature(softmax, "rows") == rows
    assert feature(softmax, "in rows below 32 B") == below_32 * 4 * keys * rows
    assert feature(softmax, "in rows below 64 B") == below_64 * 4 * keys * rows
    assert feature(softmax, "rows with a rest of 32 B") == bool(rest_32) * rows
    assert feature(softmax, "rows with a rest of 64 B") == bool(rest_64) * rows
    fused = next(
        k for k in of_module("mha", (keys, 1), 1, 1, "float32", "sdpa") if "sdpa" in k.family
    )
    assert feature(fused, "in rests of 32 B") == rest_32 * rows
    assert feature(fused, "in rests of 64 B") == rest_64 * rows


@pytest.mark.parametrize(
    ("grid", "ratio", "batch", "rows"),
    [
        ((7, 7), 4, 1, 1),
        ((7, 7), 4, 3, 3),
        ((20, 9), 8, 2, 4),
        ((16, 40), 8, 1, 2),
    ],
)
def test_a_weight_is_read_again_for_every_row_of_keys(
    grid: tuple[int, int], ratio: int, batch: int, rows: int
) -> None:
    """Of 192 channels 3 times 64: what of 64 is beyond 1 MiB."""
    convolution = next(
        k for k in of_module("sra_conv", grid, ratio, batch, dim=192) if "conv_reduce" in k.family
    )
    beyond = max(0, 64 * 192 * ratio**2 * 4 - 2**20)
    assert feature(convolution, "weight again") == pytest.approx(3 * rows * beyond)


@pytest.mark.parametrize("grid", [(7, 7), (8, 14), (15, 29), (56, 10), (6, 5)])
def test_pooling_takes_what_its_windows_hold(grid: tuple[int, int]) -> None:
    """Torch's windows, one by one: from floor(i h / 7) to ceil((i + 1) h / 7)."""
    pool = next(k for k in of_module("sra_pool", grid, 1, 2) if k.kind == "pooling")
    windows = [sum(-(-(i + 1) * side // 7) - i * side // 7 for i in range(7)) for side in grid]
    assert feature(pool, "taken") == 2 * 48 * windows[0] * windows[1]
    assert feature(pool, "results") == 2 * 48 * 49


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize(
    ("grid", "ratio", "batch"),
    [((20, 21), 3, 1), ((20, 21), 3, 2), ((20, 22), 3, 1), ((20, 21), 4, 1), ((6, 6), 2, 1)],
)
def test_small_convolutions_are_those_that_torch_keeps_from_onednn(
    grid: tuple[int, int], ratio: int, batch: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """48 x 20 x 21 inputs are 20,160; torch asks oneDNN for more than 20,480."""
    family = next(k.family for k in of_module("sra_conv", grid, ratio, batch) if "conv" in k.family)
    convolution = torch.nn.Conv2d(48, 48, ratio, ratio)
    with torch.no_grad(), torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        convolution(torch.zeros(batch, 48, *grid))
    is_onednn = ",exec,cpu,convolution," in capfd.readouterr().out
    assert is_onednn == (family != "conv_small")
    others = [k.family for k in of_module("sra_conv", grid, ratio, batch, "bfloat16")]
    assert "conv_small" not in others


def test_a_fit_finds_the_coefficients_that_made_the_times() -> None:
    chance = random.Random(1)
    features = [(1.0, chance.uniform(1, 1e6), chance.uniform(1, 1e3)) for _ in range(60)]
    made = (3e-6, 2e-11, 5e-9)
    seconds = [float(np.dot(made, f)) * chance.uniform(0.99, 1.01) for f in features]
    seconds[7] *= 40  # disturbed
    assert calibrate.coefficients(features, seconds) == pytest.approx(made, rel=0.05)


def test_a_fit_is_never_negative() -> None:
    features = [(1.0, float(x)) for x in range(1, 30)]
    assert min(calibrate.coefficients(features, [1 / x for x in range(1, 30)])) >= 0


def timed_by(found: calibration.Calibration, count: int) -> list[Timed]:
    """Probes whose times are exactly those of a made-up machine."""
    chance, out, probes = random.Random(2), [], random_probes(3, found.dtype)
    for _ in range(count):
        probe = next(probes)
        parts = tuple(found.families[k.family].seconds(k.features) for k, _ in probe.runs)
        whole = found.seconds(probe.runs)
        rounds = tuple(whole * chance.uniform(0.98, 1.02) for _ in range(5))
        out.append(Timed(probe, parts, rounds))
    return out


def test_a_machine_that_is_as_the_model_says_is_found_again() -> None:
    machine = made_up_calibration()
    found = calibrate.fitted(timed_by(machine, 120), machine.ceilings, "cpu", "float32")
    assert found.scale == pytest.approx(machine.scale, rel=0.05)
    for quality in found.quality.values():
        assert quality.error < 0.03
        assert quality.low < 1 < quality.high
    run = pvtprof.compare(analytic=True)
    runs = [(k, t.times) for t, k in kernels(terms_of(run.row(None, "sra_conv")), "float32")]
    assert found.seconds(runs) == pytest.approx(machine.seconds(runs), rel=0.05)


def test_launches_that_do_not_wait_overlap() -> None:
    machine = replace(made_up_calibration(), scale=1e-6, call_s=1e-3, overlaps=True)
    runs = next(random_probes(0, "float32")).runs
    assert machine.seconds(runs) == pytest.approx(1e-3 * sum(times for _, times in runs))
    assert replace(machine, call_s=0.0).seconds(runs) == pytest.approx(
        sum(times * machine.kernel_s(kernel) for kernel, times in runs)
    )


def test_rows_say_what_is_predicted_and_what_each_operator_waits_for() -> None:
    machine = made_up_calibration()
    run = pvtprof.compare(analytic=True, calibration=machine)
    assert run.ceilings == machine.ceilings
    for row in run.rows:
        said = row.predicted
        assert said is not None
        parts = sum(op.predicted_s or 0 for op in row.ops)
        assert parts == pytest.approx(said.seconds)
        assert (said.low, said.high) == pytest.approx((0.9 * said.seconds, 1.2 * said.seconds))
        assert set(said.rungs) == {"flops", "roofline", "per operator"}
        assert said.rungs["flops"] == pytest.approx(2 * row.macs / 1e11)
        assert {op.bound for op in row.ops} <= {"compute", "bandwidth", "overhead"}
    assert with_methods(store.loads(store.dumps(run))) == run


def test_training_and_other_dtypes_are_not_predicted() -> None:
    machine = made_up_calibration()
    for options in ({"mode": "training"}, {"dtype": "bfloat16"}):
        run = pvtprof.compare(analytic=True, calibration=machine, **options)
        assert all(row.predicted is None for row in run.rows)
        assert run.ceilings is None


def test_a_kernel_waits_for_the_longest() -> None:
    terms = terms_of(pvtprof.compare(analytic=True).row(1, "mha"))
    scores = next(k for t, k in kernels(terms, "float32") if t.op.name == "attn.scores")
    assert bound(scores, Ceilings(1e9, 1e15), 0.0) == "compute"
    assert bound(scores, Ceilings(1e18, 1e6), 0.0) == "bandwidth"
    assert bound(scores, Ceilings(1e18, 1e15), 1.0) == "overhead"
    rungs = ladder([(scores, 3)], Ceilings(1e9, 1e15))
    assert rungs["flops"] == rungs["per operator"] == 3 * 2 * scores.macs / 1e9


def test_probes_leave_out_what_is_held_out() -> None:
    real = {stage.dim for spec in MODELS.values() for stage in spec.stages}
    probes = random_probes(0, "float32")
    for _ in range(100):
        recipe = next(probes).recipe
        stages = recipe["network"]["stages"] if "network" in recipe else [recipe["stage"]]
        assert not real & {stage["dim"] for stage in stages}
    found = held_out(1, 30, 4, "float32")
    assert [p.name for p in found] == [p.name for p in held_out(1, 30, 4, "float32")]
    assert [p.name for p in found] != [p.name for p in held_out(2, 30, 4, "float32")]
    assert {p.recipe["stage"]["dim"] for p in found if p.kind == "attention"} <= real
    groups = {p.group for p in found if p.group}
    assert all(sum(p.group == group for p in found) == 3 for group in groups)


def test_six_networks_run_every_family_of_kernels() -> None:
    probes = list(islice(random_probes(0, "float32"), calibrate.FEWEST))
    found = {kernel.family for probe in probes for kernel, _ in probe.runs}
    assert set(made_up_calibration().families) <= found


def test_a_row_with_unknown_kernels_is_not_predicted() -> None:
    machine = made_up_calibration()
    poor = replace(machine, families={n: f for n, f in machine.families.items() if n != "sdpa"})
    for attention, is_predicted in (("eager", True), ("sdpa", False)):
        run = pvtprof.compare(analytic=True, calibration=poor, attention=attention)
        assert {row.predicted is not None for row in run.rows} == {is_predicted}


def test_trouble_with_a_calibration_stops_no_comparison(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def too_slow(*args: object, **kwargs: object) -> None:
        raise UnavailableError("3 of 40 probes")

    monkeypatch.setattr(kept, "default_path", lambda device, dtype: tmp_path / "f" / "c.json")
    monkeypatch.setattr(calibrate, "calibrate", too_slow)
    found, said = calibrate.of_this_machine("cpu", "float32", True, print)
    assert (found, said) == (None, "latency is not predicted: 3 of 40 probes")
    assert calibrate.of_this_machine("cpu", "float32", False, print) == (None, "")
    machine = replace(made_up_calibration(), environment=environment("cpu", timed=True))
    monkeypatch.setattr(calibrate, "calibrate", lambda *args, **kwargs: machine)
    (tmp_path / "f").write_text("no folder")
    found, said = calibrate.of_this_machine("cpu", "float32", True, print)
    assert found == machine
    assert "is not kept" in said
    (tmp_path / "f").unlink()
    assert calibrate.of_this_machine("cpu", "float32", True, print)[1].startswith("Wrote")
    assert calibrate.of_this_machine("cpu", "float32", False, print) == (machine, "")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    calibration.save(made_up_calibration(), path)
    return path


def test_a_calibration_comes_back_as_it_was(saved: Path) -> None:
    assert calibration.load(saved) == made_up_calibration()


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("pvtprof.calibration/1", "pvtprof.calibration/9", "pvtprof.calibration/9"),
        ('"scale": 1.1', '"scale": -1.1', "scale"),
        ('"scale": 1.1', '"scale": NaN', "scale is nan"),
        ('"scale": 1.1', f'"scale": {10**400}', "scale is a number of more than 60 digits"),
        ("1e-06", "-1e-06", "coefficients"),
        ('"kind": "product"', '"kind": "quotient"', "quotient"),
        ('"dtype": "float32"', '"dtype": "int8"', "int8"),
        ('"flops_per_s": 100000000000.0', '"flops_per_s": 0', "flops_per_s"),
        ('"model": {', '"modell": {', "model"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(
    saved: Path, old: str, new: str, part: str, refused: Callable[..., str]
) -> None:
    text = saved.read_text()
    assert old in text
    saved.write_text(text.replace(old, new))
    with pytest.raises((StoreError, SpecError)) as refusal:
        calibration.load(saved)
    assert part in str(refusal.value)
    refused("choose", "--calibration", str(saved))


def test_a_truncated_calibration_is_refused(saved: Path) -> None:
    saved.write_text(saved.read_text()[:300])
    with pytest.raises(StoreError, match=r"calibration\.json"):
        calibration.load(saved)


def test_a_calibration_of_another_machine_is_refused_by_name(
    saved: Path, refused: Callable[..., str]
) -> None:
    assert "device Test CPU, 2 cores (here: " in refused("choose", "--calibration", str(saved))
    here = environment("cpu")
    mine = replace(made_up_calibration(), environment=here)
    assert calibration.foreign(mine, here) == []
    assert calibration.foreign(mine, replace(here, threads=77)) == [
        f"threads {here.threads} (here: 77)"
    ]


def test_compare_reads_this_machines_calibration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept, "default_path", lambda device, dtype: tmp_path / "mine.json")
    assert app.main(["compare", "--analytic", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ceilings"] is None
    here = replace(made_up_calibration(), environment=environment("cpu"))
    calibration.save(here, tmp_path / "mine.json")
    assert app.main(["compare", "--analytic", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all(row["predicted_s"]["seconds"] > 0 for row in rows)
    calibration.save(made_up_calibration(), tmp_path / "mine.json")
    assert app.main(["compare", "--analytic", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert "latency is not predicted" in said.err
    assert "another environment" in said.err


def test_the_table_the_sentence_and_the_page_show_it() -> None:
    machine = made_up_calibration()
    plain = pvtprof.compare(analytic=True, calibration=machine)
    run = observed_run()
    for row in plain.rows:
        run = with_row(run, row.part.stage, row.design.name, predicted=row.predicted, ops=row.ops)
    run = replace(run, ceilings=machine.ceilings)
    errors = sentences.errors(run)
    assert list(errors) == ["flops", "roofline", "per operator", "calibrated"]
    median = run.row(None, "mha").latency_median_s
    assert median is not None
    assert "predicted" in terminal_full.render(run, 120)
    assert "Predictions of latency, off on average" in terminal_full.render(run, 120)
    page = html.render(run)
    timed = sum(1 for row in run.rows if row.latency and row.predicted)
    assert f"Of {timed} predicted times " in page
    assert "Simpler models are off by: " in page
    assert "Latency as predicted and as measured" in page
    assert {"prediction", "roofline"} <= set(run.figures())
    assert len(page.encode()) <= 1_800_000
    alone = run
    for row in plain.rows:
        assert row.predicted is not None
        alone = with_row(
            alone, row.part.stage, row.design.name, predicted=replace(row.predicted, rungs={})
        )
    assert list(sentences.errors(alone)) == ["calibrated"]
    assert f"Of {timed} predicted times " in (page := html.render(alone))
    assert "Simpler models are off by: " not in page


def profile_of(run: Run, row: Row) -> list[tuple[str, float]]:
    """As if every kernel of a row took 1 ms more than the one before it; views took some too."""
    found = [kernel for _, kernel in kernels(terms_of(row), "float32")]
    own = [(kernel.aten, 1e-3 * i) for i, kernel in enumerate(found, 1)]
    return [("view", 9.0), *own, ("permute", 9.0)]


def test_operators_get_the_seconds_of_their_kernels() -> None:
    run = pvtprof.compare(analytic=True, batch=2)
    row = run.row(2, "mha")  # two heads and two images: q, k and v are copied before the products
    timed = with_profile(row, profile_of(run, row))
    took = {op.name: op.measured_s for op in timed.ops}
    names = [op_name(term) for term, _ in kernels(terms_of(row), "float32")]
    assert names == [
        "q",
        "kv",
        "q_copy",
        "k_copy",
        "scores",
        "scale",
        "softmax",
        "v_copy",
        "mix",
        "merge",
        "proj",
    ]
    assert took == pytest.approx({name: 1e-3 * i for i, name in enumerate(names, 1)})
    assert replace(timed, ops=row.ops) == row
    for other in ([], profile_of(run, row)[:-2], profile_of(run, row)[::-1]):
        assert with_profile(row, other) == row


def as_predicted(slow: str = "") -> Run:
    """A run whose modules take what a calibration says, and each operator its part of half of it;
    but for one operator of stage 3 mha, which takes three times as long, and the whole with it.
    """
    run = pvtprof.compare(analytic=True, calibration=made_up_calibration())
    for stage, variant in product((1, 2, 3), VARIANTS):
        row = run.row(stage, variant)
        is_slow = (stage, variant) == (3, "mha")
        took = {
            op.name: op.predicted_s * (3 if is_slow and op.name == slow else 1)
            for op in row.ops
            if op.predicted_s
        }
        ops = tuple(
            replace(op, measured_s=took[op.name] / 2) if op.name in took else op for op in row.ops
        )
        run = with_row(run, stage, variant, ops=ops, latency=Measurement((sum(took.values()),)))
    return run


def test_operators_that_were_timed_are_beside_what_was_predicted() -> None:
    run = as_predicted()
    assert with_methods(store.loads(store.dumps(run))) == run
    dots = [dot for dot in run.figures()["residuals"].data if dot.mode == "markers"]
    assert [dot.name for dot in dots] == list(VARIANTS)
    assert all(x == pytest.approx(1) for dot in dots for x in dot.x)
    assert {"sr", "pool", "softmax"} <= {y for dot in dots for y in dot.y}
    assert sentences.furthest_off(run) is None
    assert "Furthest" not in " ".join(sentences.predictions(run))
    assert "Operators as timed and as predicted" in html.render(run)


def test_operators_timed_without_their_module_are_no_residuals() -> None:
    """As a file may say that somebody edited."""
    run = as_predicted()
    for stage, variant in product((1, 2, 3), VARIANTS):
        run = with_row(run, stage, variant, latency=None)
    assert "residuals" not in run.figures()
    assert sentences.furthest_off(run) is None
    assert "Operators as timed and as predicted" not in html.render(run)


def test_the_operator_that_surprises_is_named() -> None:
    run = as_predicted("softmax")
    assert sentences.furthest_off(run) == (run.row(3, "mha"), "softmax")
    said = " ".join(sentences.predictions(run))
    assert "Furthest from its prediction: softmax in stage 3 mha, measured " in said


def test_without_operators_timed_the_page_does_not_speak_of_them() -> None:
    run = pvtprof.compare(analytic=True, calibration=made_up_calibration())
    assert "residuals" not in run.figures()
    page = html.render(run)
    assert "prediction" in page
    assert "Operators as timed and as predicted" not in page


def test_what_was_not_timed_or_predicted_is_said() -> None:
    run = as_predicted()
    assert not [note for note in notes(run) if "not" in note.lower() and "pred" in note]
    plain = tuple(replace(op, measured_s=None) for op in run.row(2, "sra_conv").ops)
    run = with_row(run, 2, "sra_conv", ops=plain)
    run = with_row(run, 4, "sra_pool", predicted=None)
    said = " ".join(notes(run))
    assert "than expected: stage 2 sra_conv." in said
    assert "has not seen their kernels: stage 4 sra_pool." in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"img": 96},
            "(16): stage 1 sra_conv (9), stage 2 sra_conv (9), stage 3 sra_conv (9). "
            "A softmax then takes them one by one",
        ),
        ({"img": 64, "dtype": "float64"}, "(8): stage"),
        ({"img": 96, "dtype": "bfloat16"}, "(32): stage"),
    ],
)
def test_fewer_keys_than_a_vector_are_said(options: dict[str, Any], said: str) -> None:
    assert said in " ".join(notes(pvtprof.compare(analytic=True, **options)))


@pytest.mark.parametrize(
    "options", [{"img": 128}, {"img": 96, "dtype": "float64"}, {"img": 96, "attention": "sdpa"}]
)
def test_as_many_keys_as_a_vector_holds_are_no_remark(options: dict[str, Any]) -> None:
    assert "one by one" not in " ".join(notes(pvtprof.compare(analytic=True, **options)))


def test_one_fused_attention_is_as_good_as_another() -> None:
    fused = [k for k in of_module("mha", (8, 8), 1, attention="sdpa") if k.family == "sdpa"]
    assert matched_s(fused, [("_scaled_dot_product_efficient_attention", 2e-3)]) == (2e-3,)
    assert matched_s(fused, [("bmm", 2e-3)]) is None


def test_the_calibration_is_shown_with_its_rates_and_errors() -> None:
    text = calibrating.render(made_up_calibration(), "table", 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "GEMM" in text
    assert "50.0" in text
    assert "8.0 % mean error" in text.replace("\n", " ")
    assert json.loads(calibrating.render(made_up_calibration(), "json", 80))["scale"] == 1.1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["calibrate", "--budget", "0"], "budget is 0"),
        (["calibrate", "--dtype", "int8"], "int8"),
        (["calibrate", "-o", "x.txt"], "x.txt"),
    ],
)
def test_calibrate_refuses_in_one_line(
    words: list[str], part: str, refused: Callable[..., str]
) -> None:
    assert part in refused(*words)


def test_probes_run_the_kernels_that_they_are_said_to() -> None:
    """In a real process, operator by operator; a probe whose operators differ raises."""
    probes = list(islice(random_probes(11, "float32"), 10))
    assert {probe.kind for probe in probes} == {"attention", "model"}
    with calibrate.timing_side("cpu", "float32") as side:
        taken = calibrate.timings(side, probes, rounds=2)
        wrong = replace(probes[0], terms=probes[0].terms[:-1])
        with pytest.raises(UnavailableError, match="other operators"):
            calibrate.timings(side, [wrong], rounds=1)
    for one in taken:
        assert len(one.kernel_s) == len(one.probe.runs)
        assert min(one.kernel_s) > 0
        assert len(one.rounds_s) == 2
