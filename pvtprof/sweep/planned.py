"""One row that a sweep asks for, as words: what to build, on what, and how."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from pvtprof.designs.design_text import digest
from pvtprof.designs.part import MODEL, Part, attention_of
from pvtprof.designs.tasks import CLASSIFY
from pvtprof.designs.workload import Workload, workload
from pvtprof.errors import SpecError

if TYPE_CHECKING:
    from pvtprof.run.row import Row


#: The words of a row as columns of a table; ``content`` is the last.
ROW_COLUMNS = (
    *("model", "design", "part", "height", "width", "sr_ratios", "pool_size", "batch", "dtype"),
    *("attention", "mode", "task", "threads", "device", "changes", "target", "at", "content"),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """One row that is asked for. Two rows are the same if their keys are equal.

    ``model`` is a name or the path of a design file, ``design`` a word as ``compare --design``
    takes it. ``part`` is "model", or "stage 1" for one attention module of that stage. ``threads``
    0 leaves their number to torch. ``changes`` are the settings of ``--set``. A module of the
    user's own has a ``target`` and its sizes ``at``, as "h=512,w=640"; model and design are "" and
    the numbers of the model are 0 there. ``content`` is a hash of what the design file said, with
    the changes; "" for a published model.
    """

    model: str
    design: str
    height: int
    width: int
    sr_ratios: tuple[int, ...]
    pool_size: int
    part: str = MODEL.name
    batch: int = 1
    dtype: str = "float32"
    attention: str = "eager"
    mode: str = "inference"
    task: str = CLASSIFY
    device: str = "cpu"
    threads: int = 0
    changes: tuple[str, ...] = ()
    target: str = ""
    at: str = ""
    content: str = ""

    @property
    def key(self) -> str:
        """The row as canonical JSON, the same on every machine: words that are no default, sorted.

        >>> Planned("pvt_v2_b0", "mha", 224, 224, (1, 1, 1, 1), 7, batch=8).key
        '{"batch":8,"design":"mha","height":224,"model":"pvt_v2_b0","pool_size":7,\
"sr_ratios":[1,1,1,1],"width":224}'
        """
        words = {
            name: value
            for name, default in _DEFAULTS.items()
            if (value := getattr(self, name)) != default
        }
        return json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def columns(self) -> tuple[str | int, ...]:
        """The row as columns of a table, in the order of ``ROW_COLUMNS``."""
        return (
            *(self.model, self.design, self.part, self.height, self.width),
            *(",".join(map(str, self.sr_ratios)), self.pool_size, self.batch, self.dtype),
            *(self.attention, self.mode, self.task, self.threads, self.device),
            *(" ".join(self.changes), self.target, self.at, self.content),
        )

    @classmethod
    def from_key(cls, text: str) -> Planned:
        """Return the row of a key; raises SpecError for a text that is none.

        >>> one = Planned("pvt_v2_b0", "mha", 224, 224, (1, 1, 1, 1), 7, threads=2)
        >>> Planned.from_key(one.key) == one
        True
        """
        try:
            words = json.loads(text)
            given: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in words.items()
            }
            return cls(**given)
        except (ValueError, TypeError, AttributeError):
            raise SpecError(f"{text[:60]!r} is no key of a row of a sweep") from None

    @property
    def workload(self) -> Workload:
        """The workload with the one design of the row; raises SpecError where it cannot be."""
        if self.target:
            raise SpecError(f"{self.target} is a module of your own, and no PVT network")
        found = workload(
            self.model,
            (self.height, self.width),
            self.sr_ratios,
            batch=self.batch,
            dtype=self.dtype,
            attention=self.attention,
            mode=self.mode,
            pool_size=self.pool_size,
            changes=self.changes,
            designs=(self.design,),
            task=self.task,
        )
        if self.content and (now := digest(found.model)) != self.content:
            raise SpecError(
                f"{self.model} was changed since this row was asked for (content {self.content}, "
                f"now {now}); the same sweep once more adds rows of what it says now"
            )
        return found

    def row(self) -> Row:
        """Return the closed forms of the row; raises SpecError where they do not hold.

        >>> Planned("pvt_v2_b2", "sra_conv", 224, 224, (8, 4, 2, 1), 7).row().macs
        4026734592
        """
        from pvtprof.run.rows import analytic_row

        if self.target:
            from pvtprof.sweep.targets import target_row

            return target_row(self)
        work = self.workload
        setting = replace(work.setting, device=self.device)
        return analytic_row(work.designs[0], part_named(self.part, work.model.last), setting)


#: Every field of a row with its default; what has none is in every key.
_DEFAULTS: dict[str, Any] = {
    field.name: None if field.default is MISSING else field.default for field in fields(Planned)
}


def part_named(word: str, last: int) -> Part:
    """Return the part of a network of ``last`` stages that a word names.

    >>> part_named("stage 3", 4).stage, part_named("model", 4).stage
    (3, None)
    """
    if word == MODEL.name:
        return MODEL
    for stage in range(1, last + 1):
        if word == str(attention_of(stage)):
            return attention_of(stage)
    raise SpecError(f"part is {word!r}; use model, or stage 1 to stage {last} (its attention)")
