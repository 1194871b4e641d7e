"""The closed forms of many rows, quickly: what repeats between rows is computed once.

Whole numbers throughout, and equal to ``Planned.row()``, by test.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pvtprof.analytic.dense import dense_ops
from pvtprof.analytic.formulas import Term, layout, total, uses_stored
from pvtprof.analytic.geometry import model_sizes, token_grids
from pvtprof.analytic.parts import part_terms, timeline
from pvtprof.designs.part import MODEL, Part
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import DTYPES
from pvtprof.errors import SpecError
from pvtprof.moment import highest
from pvtprof.sweep.planned import Planned, part_named
from pvtprof.sweep.stages import Piece, Portion, peak, piece, portions

if TYPE_CHECKING:
    from pvtprof.predict.calibration import Calibration

#: So many stages at their sizes, and networks, are kept. Then all are forgotten, so that memory
#: stays what it is however many rows there are.
KEPT = 8192
#: A whole number in a store or in Parquet has 64 bits, one of them for the sign.
MOST = 2**63 - 1


class Figures(NamedTuple):
    """The closed forms of a row; ``predicted_s`` only where a calibration predicts it."""

    macs: int
    params: int
    moved_bytes: int
    peak_bytes: int
    predicted_s: float | None = None


class _Kept(dict[Any, Any]):
    """Values by key, each made when it is first asked for; forgotten where there are too many."""

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        found = self.get(key)
        if found is None:
            if len(self) >= KEPT:
                self.clear()
            found = self[key] = make()
        return found


class _Network:
    """A network of a sweep: its layout and stages by number, and its grids at the last image."""

    def __init__(self, spec: ModelSpec, number: Callable[[Hashable], int]) -> None:
        self.spec = spec
        plain = [
            replace(stage, sr_ratio=2 if VARIANTS[stage.runs_as].has_ratio else 1)
            for stage in spec.stages
        ]
        #: The same network with any R, on which no operator depends.
        self.any_ratio = replace(spec, name="", stages=tuple(plain))
        self.layout = number(self.any_ratio)
        self.stages = [number((self.layout, i, stage)) for i, stage in enumerate(spec.stages)]
        self.ratios = [
            stage.sr_ratio if VARIANTS[stage.runs_as].has_ratio else 1 for stage in spec.stages
        ]
        self.image = (0, 0)
        self.refused = ""
        self.stored = False
        self.grids: tuple[tuple[int, int], ...] = ()
        #: Of each stage: its number, its grid, and the positions that its patches are taken from.
        self.places: list[tuple[int, tuple[int, int], int]] = []

    def look_at(self, image: tuple[int, int]) -> None:
        """Find the grids of an image; raise SpecError where this network does not take it."""
        if image != self.image:
            self.image, self.refused = image, ""
            try:
                self._find_grids(image)
            except SpecError as error:
                self.refused = str(error)
        if self.refused:
            raise SpecError(self.refused)

    def _find_grids(self, image: tuple[int, int]) -> None:
        self.grids = token_grids(self.spec, *image)
        if any(r > min(grid) for r, grid in zip(self.ratios, self.grids, strict=True)):
            model_sizes(self.spec, 1, image)  # which says which stage
        self.stored = uses_stored(self.spec, image)
        before = [height * width for height, width in (image, *self.grids)]
        self.places = list(zip(self.stages, self.grids, before, strict=False))


class ClosedForms:
    """The closed forms of rows, one after the other; it keeps what many of them share.

    ``calibrations`` predict the latency of rows by device and dtype.
    """

    def __init__(self, calibrations: Mapping[tuple[str, str], Calibration] | None = None) -> None:
        self._calibrations = calibrations or {}
        self._numbers: dict[Hashable, int] = {}  # few: one for each layout, portion and R of a stage
        self._networks, self._settings, self._pieces = _Kept(), _Kept(), _Kept()
        self._plans, self._attentions = _Kept(), _Kept()

    def of(self, planned: Planned) -> Figures:
        """Return the figures of a row; raises SpecError where its closed forms do not hold.

        >>> one = Planned("pvt_v2_b2", "sra_conv", 224, 224, (8, 4, 2, 1), 7)
        >>> ClosedForms().of(one).macs == one.row().macs
        True
        """
        if planned.target:
            row = planned.row()
            found = Figures(row.macs, row.params, sum(row.moved_bytes), row.peak.bytes)
        else:
            found = self._of_network(planned)
        for name, value in zip(found._fields, found[:4], strict=False):
            if value > MOST:
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
            return _whole(network.spec, part_named(planned.part, network.spec.last), setting)
        calibration = (
            self._calibrations.get((planned.device, planned.dtype)) if not planned.threads else None
        )
        if planned.part == MODEL.name:
            return self._of_model(network, setting, calibration)
        part = part_named(planned.part, network.spec.last)
        number, grid, _ = network.places[(part.stage or 1) - 1]
        key = (number, grid, setting.batch, setting.dtype, setting.attention, calibration is None)
        found: Figures = self._attentions.once(
            key, lambda: _whole(network.spec, part, setting, calibration)
        )
        return found

    def _network(self, planned: Planned) -> _Network:
        key = (
            *(planned.model, planned.changes, planned.design),
            *(planned.sr_ratios, planned.pool_size, planned.task),
        )

        def made() -> _Network | str:
            plain = replace(
                planned, height=224, width=224, batch=1, mode="inference", dtype="float32"
            )
            try:
                return _Network(plain.workload.designs[0].spec, self._number)
            except SpecError as error:
                return str(error)

        found = self._networks.once(key, made)
        if isinstance(found, str):
            raise SpecError(found)
        network: _Network = found
        return network

    def _of_model(
        self, network: _Network, setting: Setting, calibration: Calibration | None
    ) -> Figures:
        how = (network.stored, setting.attention, setting.batch, setting.dtype)
        keys: list[Hashable] = [(place, how) for place in network.places]
        keys.append((network.layout, network.image, how))  # the neck and the head of a task
        pieces: list[Piece] = [self._pieces.get(key) for key in keys]
        if None in pieces:
            if len(self._pieces) + len(keys) > KEPT:
                self._pieces.clear()
            terms = self._terms(network, setting)
            for i, key in enumerate(keys):
                if pieces[i] is None:
                    pieces[i] = self._pieces[key] = piece(terms[i], setting.dtype)
        plan_key = (network.layout, how[:2], tuple([one.runs for one in pieces]))
        plan = self._plans.once(plan_key, lambda: self._plan(self._terms(network, setting)))
        return Figures(
            sum([one.macs for one in pieces]),
            sum([one.params for one in pieces]),
            DTYPES[setting.dtype] * sum([one.moved for one in pieces]),
            peak(pieces, plan),
            self._seconds(pieces, setting.dtype, calibration) if calibration else None,
        )

    def _terms(self, network: _Network, setting: Setting) -> list[list[Term]]:
        """Return all operators of a network, stage by stage, those of neck and head at the end."""
        spec = network.spec
        sizes = model_sizes(spec, setting.batch, setting.image)
        found: list[list[Term]] = [[] for _ in sizes]
        for op, stage, times in layout(network.any_ratio, network.stored, setting.attention):
            found[stage - 1].append(Term(op, sizes[stage - 1], times))
        dense = [Term(*one) for one in dense_ops(spec, setting.image, setting.batch)]
        return [*found, dense]

    def _plan(self, terms: Sequence[Sequence[Term]]) -> tuple[tuple[int, Portion], ...]:
        return tuple((self._number(portion), portion) for portion in portions(terms))

    def _seconds(
        self, pieces: Sequence[Piece], dtype: str, calibration: Calibration
    ) -> float | None:
        """Return the predicted seconds of a network; None where a kernel was never calibrated."""
        busy, calls = 0.0, 0
        for one in pieces:
            if one.kernels_s is None:
                one.kernels_s = _kernels_s(one.terms, dtype, calibration)
            seconds, count = one.kernels_s
            if seconds is None:
                return None
            busy, calls = busy + seconds, calls + count
        return _latency_s(busy, calls, calibration)


def _latency_s(busy: float, calls: int, calibration: Calibration) -> float:
    """Return the seconds of so many kernels that take ``busy`` seconds together."""
    waits = calls * calibration.call_s
    return max(busy, waits) if calibration.overlaps else busy + waits


def _kernels_s(
    terms: Sequence[Term], dtype: str, calibration: Calibration
) -> tuple[float | None, int]:
    """Return the seconds of all kernels of a stage, and their number; None for an unknown one."""
    from pvtprof.predict.kernels import kernels

    busy, calls = 0.0, 0
    for term, kernel in kernels(terms, dtype):
        if kernel.family not in calibration.families:
            return None, 0
        busy += term.times * calibration.kernel_s(kernel)
        calls += term.times
    return busy, calls


def _whole(
    spec: ModelSpec, part: Part, setting: Setting, calibration: Calibration | None = None
) -> Figures:
    """Return the figures of one part from all its operators."""
    terms = part_terms(spec, part, setting)
    cost = total(terms)
    seconds = None
    if calibration:
        busy, calls = _kernels_s(terms, setting.dtype, calibration)
        seconds = None if busy is None else _latency_s(busy, calls, calibration)
    return Figures(
        cost.macs,
        cost.params,
        setting.bytes_each * (cost.reads + cost.writes),
        highest(timeline(terms, setting)).bytes,
        seconds,
    )
