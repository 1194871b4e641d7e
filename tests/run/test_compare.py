"""The join of formulas and witnesses, end to end on small real networks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import pvtprof
from pvtprof.designs.published import MODELS
from pvtprof.designs.setting import Setting
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import DeviceMemoryError, SpecError, UnavailableError
from pvtprof.observe import fvcore, latency, sides, subject
from pvtprof.observe.witness import Count
from pvtprof.report import notes, sentences
from pvtprof.run import observer
from pvtprof.run.measuring import Measuring
from pvtprof.run.row import Agreement, Row
from pvtprof.run.run import Run
from tests.builders import FOUR, TWO, observed_run, shallow, with_row, with_witness
from tests.rounds import PLENTY_S, eight_rounds
from tests.trials import ALL


@pytest.fixture(scope="module", autouse=True)
def _eight_rounds() -> Iterator[None]:
    with eight_rounds():
        yield


#: What the witnesses saw of each row, for those who ask for ``seen_before``.
SEEN: dict[str, dict[str, Agreement]] = {}


@contextmanager
def watched_once() -> Iterator[None]:
    """The witnesses watch each row once, and say the same again."""
    watched = observer.Observer._watched

    def once(self: observer.Observer, row: Row, subject: subject.Subject, on_real: bool) -> Row:
        key = f"{row.design} {row.part} {row.setting} {on_real}"
        if key not in SEEN:
            SEEN[key] = dict(watched(self, row, subject, on_real).witnesses)
        return replace(row, witnesses=SEEN[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observer.Observer, "_watched", once)
        yield


@pytest.fixture
def seen_before() -> Iterator[None]:
    """For tests of the clock."""
    with watched_once():
        yield


@pytest.fixture(scope="module")
def worker() -> Iterator[sides.Side]:
    """One timed process for all tests that do not harm it: it takes seconds to start."""
    setting = Setting(64, 64, device="cpu")
    with sides.clock_side(setting) as side:
        yield side


@pytest.fixture
def shared_worker(worker: sides.Side, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sides, "clock_side", lambda *asked: nullcontext(worker))
    yield
    worker.ask({"end": True})  # ends a fork that Ctrl-C left: it cannot fork, it has threads


@pytest.fixture(scope="module")
def small() -> Run:
    with watched_once():
        return pvtprof.compare(FOUR, img=64, batch=2, budget_s=PLENTY_S, device="cpu")


def test_every_row_has_all_its_witnesses_and_they_agree(small: Run) -> None:
    assert len(small.rows) == 15
    for row in small.rows:
        assert set(row.witnesses) == {"fvcore", "torch", "params", "peak bytes", "saved bytes"}
        assert row.witnesses["params"].counted == row.params
        assert row.agrees
        assert row.witnesses["peak bytes"].by_module == {row.peak.at: (row.peak.bytes,) * 2}
        assert row.latency
        assert row.not_run is None


def test_operators_of_a_module_are_timed_by_themselves(small: Run) -> None:
    taken = {
        row.name: [op.measured_s for op in row.ops if op.measured_s is not None]
        for row in small.rows
    }
    for row in small.rows:
        its = taken[row.name]
        assert len(its) == (len(row.ops) if row.part.stage else 0)
        assert all(seconds > 0 for seconds in its)


@pytest.mark.usefixtures("seen_before", "shared_worker")
def test_operators_for_which_no_time_is_left_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that is an hour on whenever one looks at it; the rounds are by a real one."""
    hours = iter(range(0, 10**9, 3600))
    monkeypatch.setattr(observer, "time", SimpleNamespace(perf_counter=lambda: next(hours)))
    run = pvtprof.compare(FOUR, img=64, batch=2, budget_s=PLENTY_S, device="cpu")
    assert all(row.latency for row in run.rows)
    assert {op.measured_s for row in run.rows for op in row.ops} == {None}


def test_the_model_row_is_the_embeddings_plus_all_blocks(small: Run) -> None:
    for variant in VARIANTS:
        model = small.row(None, variant)
        attention = sum(
            small.row(s, variant).macs * small.row(s, variant).blocks for s in (1, 2, 3, 4)
        )
        inside = sum(op.macs for op in model.ops if ".attn." in op.name)
        assert inside == attention
        assert sum(op.macs for op in model.ops) == model.macs


def test_the_operators_of_a_row_add_up(small: Run) -> None:
    for row in small.rows:
        assert sum(op.macs for op in row.ops) == row.macs
        assert sum(op.params for op in row.ops) == row.params
        assert len({op.name for op in row.ops}) == len(row.ops)


def test_sdpa_agrees_too_and_says_what_fvcore_was_taught() -> None:
    reduced, plain = TWO.stages
    first = replace(TWO, name="first", version=1, stages=(reduced, replace(plain, sr_ratio=1)))
    run = pvtprof.compare(
        first, img=64, sr_ratios=(4, 1), attention="sdpa", budget_s=0, device="cpu"
    )
    assert run.agrees
    assert run.row(1, "mha").witnesses["fvcore"].handles == ("aten::scaled_dot_product_attention",)
    assert any("registered a handle" in note for note in notes.notes(run))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"] if ALL else ["bfloat16"])
def test_other_dtypes_are_counted_alike(dtype: str) -> None:
    run = pvtprof.compare(TWO, img=64, dtype=dtype, budget_s=0, device="cpu")
    assert run.agrees


@pytest.mark.usefixtures("seen_before")
def test_without_a_budget_nothing_is_timed_and_each_row_says_so() -> None:
    run = pvtprof.compare(FOUR, img=64, batch=2, budget_s=0, device="cpu")
    assert all(row.latency is None for row in run.rows)
    assert {row.not_run for row in run.rows} == {"no time left to measure; raise --budget (0 s)"}


def test_v1s_class_token_stage_stays_plain_and_the_notes_say_so() -> None:
    run = pvtprof.compare("pvt_tiny", analytic=True)
    row = run.row(4, "sra_pool")
    assert (row.runs_as, row.tokens, row.kv_tokens) == ("mha", 50, 50)
    assert row.macs == run.row(4, "mha").macs
    assert "stage 4 sra_pool is plain mha here: the class token cannot be pooled." in notes.notes(
        run
    )


def test_conv_and_pool_leave_the_same_keys_at_224_and_part_at_512() -> None:
    at224, at512 = (pvtprof.compare(img=side, analytic=True) for side in (224, 512))
    for stage in (1, 2, 3):
        assert (
            at224.row(stage, "sra_conv").kv_tokens == at224.row(stage, "sra_pool").kv_tokens == 49
        )
        assert at512.row(stage, "sra_conv").kv_tokens == 16 * 16
        assert at512.row(stage, "sra_pool").kv_tokens == 49


def test_what_does_not_fit_is_not_started_and_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observer, "free_bytes", lambda device: 40 * 2**20)
    started: list[object] = []
    held = subject.Subject.held
    monkeypatch.setattr(
        subject.Subject, "held", lambda self, device: started.append(self) or held(self, device)
    )
    spec = shallow(MODELS["pvt_v2_b0"], blocks=1)
    run = pvtprof.compare(spec, designs=["mha", "sra_conv"], budget_s=0, device="cpu")
    plain = run.row(1, "mha")
    assert plain.not_run == "needs 76.6 MiB, 40.0 MiB free"  # 4q + 2S + params, in float32
    assert "fvcore" not in plain.witnesses
    assert plain.witnesses["torch"].equal
    assert run.agrees
    assert len(started) == 8  # all but stage 1 mha and the model with it


@pytest.mark.usefixtures("shared_worker")
def test_ctrl_c_keeps_what_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    count = fvcore.count
    seen: list[int] = []

    def interrupted(*args: object) -> Count:
        seen.append(1)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return count(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(fvcore, "count", interrupted)
    run = pvtprof.compare(FOUR, img=64, budget_s=PLENTY_S, device="cpu")
    assert run.interrupted
    assert run.row(1, "mha").latency is not None
    assert run.row(None, "mha").not_run == "interrupted"
    assert run.row(1, "mha").not_run is None


@pytest.mark.usefixtures("seen_before", "shared_worker")
def test_ctrl_c_while_timing_keeps_the_complete_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def two_rounds(calls: object, *args: object, keep: dict[str, object], **more: object) -> None:
        keep.update(dict.fromkeys(calls, latency.Measurement((1.0, 2.0))))  # type: ignore[call-overload]
        raise KeyboardInterrupt

    monkeypatch.setattr(latency, "measure", two_rounds)
    run = pvtprof.compare(FOUR, img=64, batch=2, device="cpu")
    assert run.row(1, "sra_pool").latency == latency.Measurement((1.0, 2.0))
    assert run.row(2, "mha").not_run == "interrupted"


@pytest.mark.usefixtures("seen_before", "shared_worker")
def test_ctrl_c_in_the_last_stage_is_an_interruption_too(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = latency.measure

    def stopped(calls: dict[str, object], *args: object, **kwargs: object) -> object:
        taken = measure(calls, *args, **kwargs)  # type: ignore[arg-type]
        if "model mha" in calls:
            raise KeyboardInterrupt
        return taken

    monkeypatch.setattr(latency, "measure", stopped)
    run = pvtprof.compare(FOUR, img=64, batch=2, budget_s=PLENTY_S, device="cpu")
    assert run.interrupted
    assert all(row.latency for row in run.rows)


@pytest.mark.usefixtures("shared_worker")
@pytest.mark.parametrize(
    "error",
    [RuntimeError("DefaultCPUAllocator: can't allocate memory"), *([MemoryError()] if ALL else [])],
)
def test_running_out_of_memory_is_said_and_the_run_goes_on(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, failed = fvcore.count, []

    def failing(*args: object) -> Count:
        if not failed:
            failed.append(1)
            raise error
        return count(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(fvcore, "count", failing)
    run = pvtprof.compare(TWO, img=64, budget_s=PLENTY_S, device="cpu")
    assert str(run.row(1, "mha").not_run).startswith("ran out of memory")
    assert run.row(1, "sra_conv").latency
    assert run.agrees


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            DeviceMemoryError("DefaultCPUAllocator: can't allocate memory"),
            "ran out of memory; close",
        ),
        (
            UnavailableError("the timed process: its process died (-9)"),
            "the timed process: its process died (-9)",
        ),
        (
            UnavailableError("the timed process: illegal memory access"),
            "the timed process: illegal memory access",
        ),
    ],
)
@pytest.mark.usefixtures("seen_before", "shared_worker")
def test_a_timed_process_that_fails_is_said_and_the_run_goes_on(
    error: UnavailableError, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = latency.measure

    def failing(calls: dict[str, object], *args: object, **kwargs: object) -> object:
        if "stage 2 mha" in calls:
            raise error
        return measure(calls, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(latency, "measure", failing)
    run = pvtprof.compare(FOUR, img=64, batch=2, budget_s=PLENTY_S, device="cpu")
    assert str(run.row(2, "mha").not_run).startswith(expected)
    assert run.row(2, "mha").latency is None
    assert run.row(3, "mha").latency
    assert run.agrees


def test_a_gpu_that_cannot_be_asked_is_said_without_a_budget_too() -> None:
    def fails(*_: object, **__: object) -> None:
        raise UnavailableError("its process died")

    rows = [
        replace(row, setting=replace(row.setting, device="cuda:0"))
        for row in pvtprof.compare(FOUR, img=64, analytic=True).rows
        if row.part.stage == 1
    ]
    watching = observer.Observer(rows, Measuring("cuda:0", 0), 1, print)
    watching.clock = SimpleNamespace(forked=fails)  # type: ignore[assignment]
    watching._time(rows[0].part, {row.name: (row.part, row.design.name) for row in rows})
    assert {row.not_run for row in watching.rows.values()} == {"its process died"}


@pytest.mark.usefixtures("seen_before")
def test_a_killed_timed_process_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed from outside while it measures; the process that other tests share is left alone."""
    ask, others = sides.Side.ask, set(workers_of(os.getpid()))

    def killing(self: sides.Side, request: dict[str, object]) -> object:
        if request.get("name") == "stage 3 mha":
            for pid in set(workers_of(os.getpid())) - others:
                os.kill(pid, signal.SIGKILL)
        return ask(self, request)

    monkeypatch.setattr(sides.Side, "ask", killing)
    run = pvtprof.compare(FOUR, img=64, batch=2, budget_s=PLENTY_S, device="cpu")
    assert run.row(2, "mha").latency
    assert run.row(3, "mha").not_run == "the timed process: its process died"
    assert run.row(None, "mha").not_run == "the timed process: its process died"
    assert run.agrees
    assert set(workers_of(os.getpid())) == others


def workers_of(parent: int) -> list[int]:
    """The processes that a process has started, and those that they have, that still run."""
    done = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True)
    found, parents = [], {parent}
    for pid, ppid, stat in sorted((line.split() for line in done.stdout.splitlines()), key=_first):
        if int(ppid) in parents and not stat.startswith("Z"):
            parents.add(int(pid))
            found.append(int(pid))
    return [pid for pid in found if Path(f"/proc/{pid}").exists()]  # ps itself is gone


def _first(words: list[str]) -> int:
    return int(words[0])


@pytest.mark.usefixtures("seen_before")
def test_the_timed_process_has_its_memory_pinned() -> None:
    run = pvtprof.compare(FOUR, img=64, batch=2, budget_s=PLENTY_S, device="cpu")
    assert "MALLOC_MMAP_MAX_=0" in str(run.environment.timed_with)
    taken = run.row(1, "mha").latency
    assert taken
    assert taken.stopped in ("interval", "budget", "rounds")
    assert taken.middle("cpu")
    untimed = pvtprof.compare(FOUR, img=64, batch=2, budget_s=0, device="cpu")
    assert untimed.environment.timed_with is None


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> Count:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(fvcore, "count", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        pvtprof.compare(FOUR, img=64, budget_s=0, device="cpu")


def test_a_disagreement_is_named_with_both_figures() -> None:
    run = observed_run()
    found = run.row(2, "sra_conv").witnesses["torch"]
    q = found.by_module["attn.q"]
    wrong = Agreement(
        found.formula, found.counted + 7, {**found.by_module, "attn.q": (q[0], q[1] + 7)}, {}
    )
    run = with_row(run, 2, "sra_conv", witnesses={"torch": wrong})
    assert not run.agrees
    assert sentences.agreement(run).startswith("FORMULA AND COUNTERS DISAGREE")
    (line,) = sentences.disagreements(run)
    assert re.fullmatch(r"stage 2 sra_conv: torch in attn.q: formula [\d,]+, counted [\d,]+", line)


def test_wrong_params_disagree_too() -> None:
    run = with_witness(observed_run(), 1, "mha", "params", 1)
    assert not run.agrees
    assert list(sentences.disagreements(run)) == ["stage 1 mha: params: formula 16,640, counted 1"]


def test_a_stage_in_which_fewer_macs_are_slower_is_named() -> None:
    run = observed_run()
    slow = replace(run.row(3, "mha").latency, samples=tuple(0.1 + k / 1e4 for k in range(7)))  # type: ignore[type-var]
    run = with_row(run, 3, "sra_conv", latency=slow)
    assert any(
        text.startswith("stage 3 sra_conv: 72.8 % of mha's MACs but")
        for text in sentences.surprises(run)
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": "resnet"}, SpecError, "unknown model 'resnet'"),
        (
            {"img": 64, "sr_ratios": (32, 1, 1, 1)},
            SpecError,
            "stage 1: R 32 is larger than the 16x16",
        ),
        ({"img": 16385}, SpecError, "image height is 16385; use a whole number from 1 to 16384"),
        ({"img": 224.5}, SpecError, "image height is 224.5"),
        ({"img": (224, 225, 226)}, SpecError, "use a side, or"),
        ({"img": "224"}, SpecError, "image height is '224'"),
        ({"img": None}, SpecError, "image height is None"),
        ({"sr_ratios": 8}, SpecError, "R is 8; use 4 whole numbers"),
        ({"batch": 0}, SpecError, "batch is 0"),
        ({"pool_size": 0}, SpecError, "pool size is 0"),
        ({"dtype": "int8"}, SpecError, "unknown dtype 'int8'"),
        ({"sr_ratios": ()}, SpecError, "R has 0 values"),
        ({"budget_s": float("nan")}, SpecError, "budget is nan"),
        ({"budget_s": "3"}, SpecError, "budget is '3'"),
        (
            {"img": 16384, "batch": 4096, "dtype": "float64"},
            SpecError,
            "past what torch can address",
        ),
        ({"device": "cuda:99"}, UnavailableError, "device 'cuda:99' is not available"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        pvtprof.compare(**options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_the_command_repeats_the_run() -> None:
    run = pvtprof.compare(
        "pvt_tiny",
        (320, 256),
        (4, 2, 1, 1),
        batch=3,
        dtype="float64",
        attention="sdpa",
        pool_size=5,
        analytic=True,
    )
    assert run.command == (
        "pvtprof compare --model pvt_tiny --img 320x256 --R 4,2,1,1 --batch 3 --dtype float64 "
        "--attention sdpa --pool-size 5 --analytic"
    )


def test_a_refusal_of_one_of_several_comparisons_says_which() -> None:
    with pytest.raises(SpecError, match=r"^pvt_v2_b2 at 16: stage 1: R 8 is larger than the 4x4"):
        pvtprof.compare(img=[16, 224], analytic=True)
    with pytest.raises(SpecError, match=r"^stage 1: R 8 is larger than the 4x4"):
        pvtprof.compare(img=16, analytic=True)
