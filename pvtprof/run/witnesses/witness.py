"""A witness: its formula by submodule, and how it observes a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pvtprof.analytic.formulas import Term
from pvtprof.designs.setting import Setting
from pvtprof.observe.witness import Count

if TYPE_CHECKING:
    from pvtprof.observe.sides import Side
    from pvtprof.observe.subject import Subject

Formula: TypeAlias = Callable[[Sequence[Term], Setting], Mapping[str, int]]
Watch: TypeAlias = Callable[["Subject", Setting], Count]
Ask: TypeAlias = Callable[["Side", str], Count]


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness: its formula by submodule, and how it watches a module.

    ``place`` orders the witnesses. ``title`` is what sentences call it, ``label`` what tables do.
    ``columns`` are the names of its formula (None: a column of its own holds that) and of its
    figure in a frame. ``on_real`` says that it needs real tensors, and so memory. Where
    ``is_exact`` is False, it also sees what no formula describes. ``by_module`` says that it
    reports submodule by submodule. ``applies`` says in which settings it can watch.
    ``ask`` is how the process that times on a GPU watches a row that it has built, by its name: the
    process that asks keeps off the GPU. ``shown_elsewhere`` False: a frame has its columns only in
    settings where it applies.
    """

    name: str
    place: int
    title: str
    label: str
    formula: Formula
    columns: tuple[str | None, str]
    watch: Watch | None = None
    on_real: bool = False
    is_exact: bool = True
    by_module: bool = False
    applies: Callable[[Setting], bool] = lambda setting: True
    ask: Ask | None = None
    shown_elsewhere: bool = True
