"""The closed forms of many rows, quickly: what repeats between rows is computed once.

Whole numbers throughout, and equal to ``Planned.row()``, by test.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pvtprof.analytic.dense import dense_ops
from pvtprof.analytic.formulas import Term, layout, stage_terms, total
from pvtprof.analytic.geometry import Sizes, model_sizes
from pvtprof.analytic.parts import part_terms, timeline
from pvtprof.designs.checks import MAX_BATCH
from pvtprof.designs.part import MODEL, Part
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.tasks import TASKS
from pvtprof.designs.words import DTYPES
from pvtprof.errors import SpecError
from pvtprof.moment import highest
from pvtprof.sweep.amounts import DEPTH
from pvtprof.sweep.network import Kept, Network
from pvtprof.sweep.planned import Planned, part_named
from pvtprof.sweep.seconds import kernels_s, latency_s
from pvtprof.sweep.stages import (
    Piece,
    Portion,
    Stage,
    StageProgram,
    Times,
    all_sizes,
    portions,
    terms_of,
    together,
)

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration

#: A whole number in a store or in Parquet has 64 bits, one of them for the sign.
MOST = 2**63 - 1
#: How a network runs, as far as its operators depend on it: whether it uses its position embedding
#: as it is stored, the attention, whether the batch is above 1, and the dtype.
How: TypeAlias = tuple[bool, str, bool, str]


class Figures(NamedTuple):
    """The closed forms of a row; ``predicted_s`` only where a calibration predicts it."""

    macs: int
    params: int
    moved_bytes: int
    peak_bytes: int
    predicted_s: float | None = None


#: The figures of a row that are the same on every machine.
EXACT = Figures._fields[:-1]


class ClosedForms:
    """The closed forms of rows, one after the other; it keeps what many of them share.

    ``calibrations`` predict the latency of rows by device and dtype.
    """

    def __init__(self, calibrations: Mapping[tuple[str, str], Calibration] | None = None) -> None:
        self._calibrations = calibrations or {}
        self._numbers: dict[Hashable, int] = {}  # few: of each layout, portion and R of a stage
        self._networks, self._settings, self._pieces = Kept(), Kept(), Kept()
        self._plans, self._attentions, self._wholes = Kept(), Kept(), Kept()
        self._layouts, self._programs, self._kernels = Kept(), Kept(), Kept()
        self._sizes = Kept()

    def of(self, planned: Planned) -> Figures:
        """Return the figures of a row; raises SpecError where its closed forms do not hold.

        >>> one = Planned("pvt_v2_b2", "sra_conv", 224, 224, (8, 4, 2, 1), 7)
        >>> ClosedForms().of(one).macs == one.row().macs
        True
        """
        words = _words(planned)
        if words in self._wholes and not self._calibrations:
            found = _figures(self._wholes[words], planned.batch, DTYPES[planned.dtype])
        elif planned.target:
            row = planned.row()
            found = Figures(row.macs, row.params, sum(row.moved_bytes), row.peak.bytes)
        else:
            found = self._of_network(planned)
        if max(found[:4]) > MOST:
            name = found._fields[found.index(max(found[:4]))]
            raise SpecError(f"{name} needs more than 64 bits; use a smaller --img or --batch")
        return found

    def _number(self, value: Hashable) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def _of_network(self, planned: Planned) -> Figures:
        words = (planned.height, planned.width, planned.batch, planned.dtype)
        setting = self._settings.once(
            (words, planned.attention, planned.mode),
            lambda: Setting(*words, attention=planned.attention, mode=planned.mode),
        )
        network = self._network(planned)
        network.look_at((planned.height, planned.width))
        if planned.mode == "training":
            return _by_operator(network.spec, part_named(planned.part, network.spec.last), setting)
        calibration = (
            self._calibrations.get((planned.device, planned.dtype)) if not planned.threads else None
        )
        if planned.part == MODEL.name:
            return self._of_model(_words(planned), network, setting, calibration)
        part = part_named(planned.part, network.spec.last)
        number, grid, _ = network.places[(part.stage or 1) - 1]
        key = (number, grid, setting.batch, setting.dtype, setting.attention, calibration is None)
        found: Figures = self._attentions.once(
            key, lambda: _by_operator(network.spec, part, setting, calibration)
        )
        return found

    def _network(self, planned: Planned) -> Network:
        key = (
            *(planned.model, planned.changes, planned.design),
            *(planned.sr_ratios, planned.pool_size, planned.task, planned.content),
        )

        def made() -> Network | str:
            plain = replace(
                planned, height=224, width=224, batch=1, mode="inference", dtype="float32"
            )
            try:
                return Network(plain.workload.designs[0].spec, self._number)
            except SpecError as error:
                return str(error)

        found = self._networks.once(key, made)
        if isinstance(found, str):
            raise SpecError(found)
        network: Network = found
        return network

    def _of_model(
        self,
        words: Hashable,
        network: Network,
        setting: Setting,
        calibration: Calibration | None,
    ) -> Figures:
        how = (network.stored, setting.attention, setting.batch > 1, setting.dtype)
        piece: Piece = self._wholes.once(words, lambda: self._whole(network, setting, how))
        found = _figures(piece, setting.batch, setting.bytes_each)
        if calibration is None:
            return found
        return found._replace(predicted_s=self._seconds(network, setting, calibration))

    def _whole(self, network: Network, setting: Setting, how: How) -> Piece:
        """Return the figures of a network at an image: at batch 1, or at any batch above."""
        stages = self._layout(network, how)
        sizes: tuple[Sizes, ...] = self._sizes.once(
            (network.key, network.image, setting.batch > 1),
            lambda: model_sizes(network.spec, setting.batch, setting.image),
        )
        runs = tuple([stage.runs(at) for stage, at in zip(stages, sizes, strict=True)])
        plan = self._plans.once(
            (network.layout, how[:3], runs),
            lambda: self._plan(network, setting, stages, sizes),
        )
        dense = _dense_terms(network, setting)
        pieces = []
        for i, (number, portion) in enumerate(plan):
            of_stage = i < len(sizes)
            place = network.places[i] if of_stage else (network.layout, network.image)
            found = self._pieces.get((place, how, number))
            if found is None:
                if of_stage:
                    program = self._program(stages[i], (number, portion), how, sizes[i], runs[i])
                    at = {**sizes[i], DEPTH: stages[i].depth}
                else:
                    program = self._programs.once(
                        (network.layout, how, number),
                        partial(StageProgram, dense, setting.dtype, portion, 1),
                    )
                    at = {**all_sizes(dense), DEPTH: 1}
                found = self._pieces.once((place, how, number), partial(program.at, at))
            pieces.append(found)
        return together(pieces, [portion for _, portion in plan])

    def _program(
        self,
        stage: Stage,
        numbered: tuple[int, Portion],
        how: How,
        sizes: Sizes,
        runs: tuple[bool, ...],
    ) -> StageProgram:
        number, portion = numbered
        program: StageProgram = self._programs.once(
            (stage.number, how, number, runs),
            lambda: StageProgram(terms_of(stage.ops, sizes), how[3], portion, stage.depth),
        )
        return program

    def _layout(self, network: Network, how: How) -> list[Stage]:
        """Return the operators of every stage."""

        def made() -> list[Stage]:
            found: list[list[Times]] = [[] for _ in network.spec.stages]
            for op, stage, times in layout(network.any_ratio, network.stored, how[1]):
                found[stage - 1].append((op, times))
            return [
                Stage(ops, stage.depth, self._number)
                for ops, stage in zip(found, network.spec.stages, strict=True)
            ]

        stages: list[Stage] = self._layouts.once((network.layout, how[:2]), made)
        return stages

    def _plan(
        self, network: Network, setting: Setting, stages: Sequence[Stage], sizes: Sequence[Sizes]
    ) -> tuple[tuple[int, Portion], ...]:
        """Return what is alive where, of all stages, and of neck and head where there are any."""
        terms = [terms_of(stage.ops, at) for stage, at in zip(stages, sizes, strict=True)]
        if dense := _dense_terms(network, setting):
            terms.append(dense)
        return tuple((self._number(portion), portion) for portion in portions(terms))

    def _seconds(
        self, network: Network, setting: Setting, calibration: Calibration
    ) -> float | None:
        """Return the predicted seconds of a network; None where a kernel was never calibrated."""
        if TASKS[network.spec.task].neck:  # whose kernels depend on the grids of several stages
            terms = part_terms(network.spec, MODEL, setting)
            return latency_s([kernels_s(terms, setting.dtype, calibration)], calibration)
        how = (network.stored, setting.attention, setting.batch, setting.dtype)
        keys = [(place, how) for place in network.places]
        found = [self._kernels[key] for key in keys if key in self._kernels]
        if len(found) < len(keys):
            found = [
                self._kernels.once(
                    (place, how), partial(kernels_s, terms, setting.dtype, calibration)
                )
                for place, terms in zip(
                    network.places,
                    stage_terms(network.spec, setting.image, setting.batch, setting.attention),
                    strict=True,
                )
            ]
        return latency_s(found, calibration)


def _words(planned: Planned) -> Hashable:
    """Return the words of a row that its figures depend on, but for the batch: any above 1."""
    batch = planned.batch
    return (
        *(planned.model, planned.changes, planned.design, planned.sr_ratios, planned.pool_size),
        *(planned.task, planned.height, planned.width, planned.dtype, planned.attention),
        *(planned.mode, planned.part, planned.target, batch > 1, 1 <= batch <= MAX_BATCH),
        planned.content,
    )


def _figures(piece: Piece, batch: int, bytes_each: int) -> Figures:
    """Return the figures of a network at a batch."""
    (macs, more_macs), (params, more_params) = piece.macs, piece.params
    moved, more_moved = piece.moved
    return Figures(
        batch * macs + more_macs,
        batch * params + more_params,
        bytes_each * (batch * moved + more_moved),
        max([batch * each + beside for each, beside in piece.peaks[0]]),
    )


def _dense_terms(network: Network, setting: Setting) -> list[Term]:
    """Return the operators of neck and head; none for a task that has neither."""
    if not TASKS[network.spec.task].neck:
        return []
    return [Term(*one) for one in dense_ops(network.spec, setting.image, setting.batch)]


def _by_operator(
    spec: ModelSpec, part: Part, setting: Setting, calibration: Calibration | None = None
) -> Figures:
    """Return the figures of one part from all its operators."""
    terms = part_terms(spec, part, setting)
    cost = total(terms)
    seconds = None
    if calibration:
        seconds = latency_s([kernels_s(terms, setting.dtype, calibration)], calibration)
    return Figures(
        cost.macs,
        cost.params,
        setting.bytes_each * (cost.reads + cost.writes),
        highest(timeline(terms, setting)).bytes,
        seconds,
    )
