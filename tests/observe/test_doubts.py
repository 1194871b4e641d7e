"""Each warning in both directions: what a busy machine does to times is said, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pvtprof.observe import clocks, latency
from pvtprof.observe.latency import Plan
from pvtprof.observe.measurement import MUCH_WAITED, Measurement
from pvtprof.report import markdown, notes, sentences, terminal_full
from pvtprof.report.page import html
from pvtprof.run.run import Run
from tests.builders import ENVIRONMENT, observed_run

QUIET = (1.0, 1.0, 1.0, 1.01, 1.01, 1.01)


def measurement(waited: float, samples: tuple[float, ...] = QUIET) -> Measurement:
    return Measurement(samples, series={"waited": tuple(waited * s for s in samples)})


@pytest.mark.parametrize(("waited", "is_doubtful"), [(0.0, False), (0.05, False), (0.5, True)])
def test_waiting_for_a_core_is_said_with_the_share(waited: float, is_doubtful: bool) -> None:
    found = measurement(waited)
    assert found.is_doubtful is is_doubtful
    assert [
        warning.startswith("waited for a core (50 % of the time)") for warning in found.warnings
    ] == [True] * is_doubtful


def test_one_sample_that_waited_is_no_doubt() -> None:
    waited = (0.0,) * 5 + (0.9,)
    assert not Measurement(QUIET, series={"waited": waited}).is_doubtful


def test_short_samples_beside_a_busy_loop_are_doubtful() -> None:
    """Most ran undisturbed within a slice of the scheduler; a few waited for whole slices."""
    samples = (0.9, 1.0, 1.0, 1.1, 5.0, 5.0)
    waited = (0.0, 0.0, 0.0, 0.0, 4.0, 4.0)
    assert Measurement(samples, series={"waited": waited}).is_doubtful


def test_a_wide_interval_is_a_doubt_and_a_narrow_one_is_none() -> None:
    wide = Measurement((1.0, 1.0, 1.0, 2.0, 2.0, 2.0))
    assert wide.is_doubtful
    assert wide.warnings[0].startswith("the 95 % interval is wide (67 %)")
    assert not Measurement(QUIET).is_doubtful
    assert Measurement(QUIET).warnings == ()


def test_a_thread_that_waits_for_a_gpu_is_no_doubt() -> None:
    series = {"wall": QUIET, "waited": QUIET}
    assert Measurement(QUIET, series=series).waited == 0.0


def test_switches_are_said_when_there_are_many() -> None:
    assert replace(measurement(0.0), switches=100).warnings == ()
    (said,) = replace(measurement(0.0), switches=10_000).warnings
    assert said.startswith("interrupted by other programs (")


def test_a_system_that_counts_nothing_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows: no ``resource``, so no switches and no faults."""
    monkeypatch.setattr(clocks, "_disturbances", dict)
    one = {"one": latency.sampler(lambda: sum(range(1000)))}
    (found,) = latency.measure(one, Plan(0.2)).values()
    assert (found.switches, found.faults) == (None, None)


@pytest.mark.parametrize(("own", "waited"), [(1.0, 0.0), (0.25, 0.75)])
def test_waiting_is_wall_time_without_the_threads_own(
    own: float, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fake clock: a call takes a second, of which the thread has ``own`` on a core."""
    now = 0.0

    def call() -> None:
        nonlocal now
        now += 1.0

    monkeypatch.setattr(clocks.time, "thread_time_ns", lambda: int(own * now * 1e9))
    found = clocks.timed(call, 4, clock=lambda: now)
    assert found["wall"] == 1.0
    assert found["waited"] == waited


def busy(run: Run, waited: float = 0.5) -> Run:
    """The run as a busy machine would have timed it."""
    rows = []
    for row in run.rows:
        assert row.latency
        series = {"waited": tuple(waited * s for s in row.latency.samples)}
        rows.append(replace(row, latency=replace(row.latency, series=series)))
    return replace(run, rows=tuple(rows))


@pytest.fixture(scope="module")
def calm() -> Run:
    return observed_run()


def test_a_calm_run_marks_nothing_and_its_answer_has_no_doubt(calm: Run) -> None:
    assert " ?" not in terminal_full.render(calm, 200)
    assert list(sentences.doubts(calm)) == []
    assert '<div class="answer"' in html.render(calm)


def test_a_busy_run_marks_every_time_and_says_once_what_to_do(calm: Run) -> None:
    run = busy(calm)
    shown = terminal_full.render(run, 200)
    assert shown.count(" ms ?") == len(run.rows)
    assert " % ?" in shown or "x ?" in shown
    assert "of its time" not in shown  # no ratio of times in a sentence
    (doubt,) = sentences.doubts(run)
    assert doubt.startswith("15 of 15 times were taken on a busy machine and cannot be trusted")
    assert "All other figures are exact." in doubt
    assert shown.count("cannot be trusted") == 1
    page = html.render(run)
    assert '<div class="answer doubtful"' in page
    assert "<b>too noisy</b>" in page
    assert " ms ?" in markdown.render(run)
    assert sum("waited for a core" in line for line in notes.notes(run)) == 1


def test_under_a_quota_that_is_said(calm: Run) -> None:
    run = replace(busy(calm), environment=replace(ENVIRONMENT, cpu_quota=0.5))
    (doubt,) = sentences.doubts(run)
    assert "under a CPU quota of 0.5 cores" in doubt
    assert "lift the quota" in doubt


def test_the_threshold_is_between_the_two() -> None:
    assert measurement(MUCH_WAITED - 0.01).warnings == ()
    assert measurement(MUCH_WAITED + 0.01).warnings != ()
