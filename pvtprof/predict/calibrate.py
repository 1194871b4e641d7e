"""Measure a machine, and fit the model that predicts latency on it.

Random attention modules and networks like PVT's run whole, and operator by operator while they do;
each family of kernels gets coefficients of 0 or more by least squares of the relative error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from statistics import fmean, median

import numpy as np
from scipy.optimize import nnls

from pvtprof import units
from pvtprof.designs.checks import one_of
from pvtprof.designs.setting import Setting
from pvtprof.designs.words import CALIBRATE_BUDGET_S, DTYPES
from pvtprof.errors import PvtprofError, SpecError, StoreError, UnavailableError
from pvtprof.observe.asking import resolved_device
from pvtprof.observe.building import COPY_BYTES
from pvtprof.observe.environment import environment
from pvtprof.observe.machine import Environment
from pvtprof.observe.sides import Side, clock_side, warm
from pvtprof.predict import calibration, kept
from pvtprof.predict.calibration import Calibration, Fitted, Quality
from pvtprof.predict.kept import BUSY, keep
from pvtprof.predict.kernels import Kernel, matched_s
from pvtprof.predict.prediction import Ceilings
from pvtprof.predict.probes import Probe, random_probes
from pvtprof.predict.rates import rates

#: Fewest probes that a fit stands on, budget or not.
FEWEST = 40
SLOWEST = 5  # times the budget, until it is given up
TOGETHER = 5  # probes built in one process
ROUNDS = 5
SAMPLE_S = 0.01  # as a sample of `compare` lasts
FOLDS = 5
#: Relative errors beyond this weigh less in a fit: disturbed samples are no evidence.
ROBUST = 0.05
#: Names under which a worker builds what ceilings are measured with: a matrix product, a copy.
PRODUCT, COPY = "product ceiling", "copy ceiling"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Timed:
    """A probe: seconds of each of its kernels in context, and of all of it, round by round.

    ``waited`` is the share of that for which the process had no core.
    """

    probe: Probe
    kernel_s: tuple[float, ...]
    rounds_s: tuple[float, ...]
    waited: float = 0.0

    @property
    def seconds(self) -> float:
        """Median over the rounds."""
        return median(self.rounds_s)

    @property
    def noise(self) -> float:
        """How much of it is noise, as a share."""
        return noise(self.rounds_s)


def noise(rounds: Sequence[float]) -> float:
    """Return how far the last round is from the median of the others, as a share."""
    return abs(rounds[-1] / median(rounds[:-1]) - 1)


def calibrate(
    device: str = "auto",
    dtype: str = "float32",
    budget_s: float = CALIBRATE_BUDGET_S,
    seed: int = 0,
    progress: Progress = lambda text: None,
    tf32: bool = False,
) -> Calibration:
    """Measure for about ``budget_s`` seconds, and fit.

    Raises UnavailableError where the device is not there, or something cannot be timed on it.
    """
    one_of("dtype", dtype, tuple(DTYPES))
    if not 0 < budget_s < float("inf"):
        raise SpecError(
            f"budget is {budget_s:g} s; use more than 0, such as {CALIBRATE_BUDGET_S:g}"
        )
    device = resolved_device(device)
    with timing_side(device, dtype, tf32) as side:
        progress("measuring the ceilings")
        ceilings = measured_ceilings(side)
        begin, timed = time.perf_counter(), list[Timed]()
        probes = random_probes(seed, dtype)
        while (spent := time.perf_counter() - begin) < budget_s or len(timed) < FEWEST:
            if spent > SLOWEST * budget_s:
                raise UnavailableError(
                    f"{len(timed)} of {FEWEST} probes of {dtype} were timed in {spent:.0f} s; "
                    f"raise --budget ({budget_s:g} s)"
                )
            timed += timings(side, [next(probes) for _ in range(TOGETHER)])
            bar = units.bar(time.perf_counter() - begin, budget_s)
            progress(f"calibrating {bar} of {budget_s:g} s, {len(timed)} probes timed")
    return fitted(timed, ceilings, device, dtype, tf32)


def of_this_machine(
    device: str, dtype: str, may_measure: bool, progress: Progress, tf32: bool = False
) -> tuple[Calibration | None, str]:
    """Return the calibration kept for this machine, and a message about it.

    If there is none, or it is of another environment, a new one is measured and kept, if
    ``may_measure``. The message says what failed; measuring latency goes on without a prediction.
    """
    path = kept.path_of(device, dtype)
    problem = ""
    if path.exists():
        try:
            here = environment(device, timed=True, tf32=tf32)
            found = calibration.load_for(path, dtype, here)
            return found, found.is_doubtful * BUSY
        except PvtprofError as error:
            problem = str(error)
    if not may_measure:
        return None, problem and f"latency is not predicted: {problem}"
    try:
        found = calibrate(device, dtype, progress=progress, tf32=tf32)
    except UnavailableError as error:
        return None, f"latency is not predicted: {error}"
    try:
        return found, keep(found, path)
    except StoreError as error:
        return found, f"the calibration is not kept: {error}"


def timing_side(device: str, dtype: str, tf32: bool = False) -> AbstractContextManager[Side]:
    """Return a process that builds and times probes, with malloc set as for `compare`."""
    return clock_side(Setting(224, 224, dtype=dtype, device=device), tf32=tf32)


def timings(
    side: Side, probes: Sequence[Probe], rounds: int = ROUNDS, watched: bool = True
) -> list[Timed]:
    """Time probes in one fresh process, in rounds; ``watched``: their kernels too."""
    names = {f"{i} {probe.name}": probe for i, probe in enumerate(probes)}
    whole: dict[str, list[float]] = {name: [] for name in names}
    waited: dict[str, list[float]] = {name: [] for name in names}
    parts: dict[str, tuple[float, ...]] = {}
    with side.forked({name: probe.recipe for name, probe in names.items()}) as samplers:
        once_s = {name: warm(sampler) for name, sampler in samplers.items()}
        for name in names if watched else ():
            parts[name] = _kernel_s(names[name], side.profile(name, once_s[name]))
        for _ in range(rounds):
            for name in names:
                sample = samplers[name](max(1, round(SAMPLE_S / once_s[name])))
                whole[name].append(sample.get("device", sample["wall"]))
                lost = 0.0 if "device" in sample else sample["waited"]
                waited[name].append(lost / sample["wall"])
    return [
        Timed(probe, parts.get(name, ()), tuple(whole[name]), median(waited[name]))
        for name, probe in names.items()
    ]


def _kernel_s(probe: Probe, profile: Sequence[tuple[str, float]]) -> tuple[float, ...]:
    """Return the seconds of each kernel of a probe, in which each runs once."""
    if not profile:
        raise UnavailableError(
            f"{probe.name}: its operators cannot be timed by themselves: it waits for the device "
            "inside, or launches too much at once"
        )
    found = matched_s([kernel for kernel, _ in probe.runs], profile)
    if found is None:
        raise UnavailableError(
            f"{probe.name}: torch runs other operators here than pvtprof knows of; its predictions "
            "would mean nothing"
        )
    return found


def measured_ceilings(side: Side) -> Ceilings:
    """Return the best rates of some large matrix products and some large copies."""
    with side.forked({PRODUCT: PRODUCT, COPY: COPY}) as samplers:
        best = {}
        for name, sample in samplers.items():
            blocks = [sample(1) for _ in range(6)]
            best[name] = min(block.get("device", block["wall"]) for block in blocks)
        side_length = side.made[PRODUCT]["shape"][0]
    return Ceilings(2 * side_length**3 / best[PRODUCT], 2 * COPY_BYTES / best[COPY])


def fitted(
    timed: Sequence[Timed], ceilings: Ceilings, device: str, dtype: str, tf32: bool = False
) -> Calibration:
    """Return the calibration from all probes, with the errors on held-out folds."""
    here = environment(device, timed=True, tf32=tf32)
    whole = _fit(timed, ceilings, here, dtype)
    ratios: dict[str, list[float]] = {"attention": [], "model": []}
    for fold in range(FOLDS):
        of_fold = [i // TOGETHER % FOLDS == fold for i in range(len(timed))]
        held, rest = (
            [one for one, is_held in zip(timed, of_fold, strict=True) if is_held is which]
            for which in (True, False)
        )
        part = _fit(rest, ceilings, here, dtype)
        for one in held:
            if all(kernel.family in part.families for kernel, _ in one.probe.runs):
                ratios[one.probe.kind].append(one.seconds / part.seconds(one.probe.runs))
    quality = {
        kind: quality_of(found, [one.noise for one in timed if one.probe.kind == kind])
        for kind, found in ratios.items()
    }
    waited = median(one.waited for one in timed)
    kernels = [
        (kernel, seconds)
        for one in timed
        for (kernel, _), seconds in zip(one.probe.runs, one.kernel_s, strict=True)
    ]
    return replace(whole, quality=quality, rates=rates(kernels), waited=waited)


def _fit(timed: Sequence[Timed], ceilings: Ceilings, here: Environment, dtype: str) -> Calibration:
    samples: dict[str, list[tuple[Kernel, float]]] = {}
    for one in timed:
        for (kernel, _), seconds in zip(one.probe.runs, one.kernel_s, strict=True):
            samples.setdefault(kernel.family, []).append((kernel, seconds))
    families = {
        name: Fitted(
            found[0][0].kind,
            coefficients([kernel.features for kernel, _ in found], [s for _, s in found]),
        )
        for name, found in sorted(samples.items())
    }
    overlaps = here.cuda is not None
    raw = Calibration(here, dtype, families, 1.0, 0.0, overlaps, ceilings, {}, {})
    busy = [raw.seconds(one.probe.runs) for one in timed]
    calls = [sum(times for _, times in one.probe.runs) for one in timed]
    totals = [one.seconds for one in timed]
    if overlaps:
        return replace(raw, call_s=_launch_s(busy, calls, totals))
    scale, call_s = coefficients(list(zip(busy, calls, strict=True)), totals)
    return replace(raw, scale=scale, call_s=call_s)


def coefficients(
    features: Sequence[Sequence[float]], seconds: Sequence[float]
) -> tuple[float, ...]:
    """Return non-negative coefficients with the least absolute relative error, without bias.

    Reweighted least squares (``scipy.optimize.nnls``): what is off by more than ROBUST weighs less.
    """
    matrix, measured = np.array(features, float), np.array(seconds)
    largest = matrix.max(axis=0)
    largest[largest == 0] = 1
    relative, weights = matrix / largest / measured[:, None], np.ones(len(measured))
    for _ in range(8):
        found, _ = nnls(relative * weights[:, None], weights)
        weights = 1 / np.sqrt(np.maximum(np.abs(relative @ found - 1), ROBUST))
    middle = float(np.median(relative @ found))
    return tuple(map(float, found / largest / middle))


def _launch_s(busy: Sequence[float], calls: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the seconds of a launch, from probes that wait for launches."""
    waiting = [
        measured / n
        for kernels, n, measured in zip(busy, calls, seconds, strict=True)
        if measured > 1.5 * kernels
    ]
    return median(waiting) if waiting else 0.0


def quality_of(ratios: Sequence[float], noise: Sequence[float]) -> Quality:
    """Return the quality from measured over predicted times of held-out probes."""
    low, high = np.quantile(ratios, (0.05, 0.95))
    errors = [abs(1 / ratio - 1) for ratio in ratios]
    return Quality(fmean(errors), fmean(noise), float(low), float(high), len(ratios))
