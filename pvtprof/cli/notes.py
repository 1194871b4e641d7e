"""Notes on stderr: options that a command takes and that change less, or more, than expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pvtprof.cli.options import is_given
from pvtprof.designs.tasks import CLASSIFY

if TYPE_CHECKING:
    from pvtprof.designs.workload import Workload


def note_without_effect(ctx: click.Context, *names: str) -> None:
    """Name the given options that only measuring needs, where nothing is measured."""
    for param in ctx.command.params:
        if param.name in names and is_given(ctx, param.name):
            click.echo(f"{param.opts[0]} has no effect: --analytic measures nothing", err=True)


def note_unused_settings(variant: str, names: Sequence[str]) -> None:
    """Name the given settings of `formula --at` that belong to another design."""
    for name, option, owner in (
        ("sr_ratios", "R", "sra_conv"),
        ("pool_size", "pool-size", "sra_pool"),
    ):
        if name in names and variant != owner:
            click.echo(f"--at {option} has no effect on {variant}: only {owner} uses it", err=True)


def note_proposals(ctx: click.Context, task: str | None) -> None:
    """Say where proposals are given for a task that has none."""
    if is_given(ctx, "proposals") and task != "mask-rcnn":
        click.echo(
            f"--proposals has no effect on --task {task or CLASSIFY}: only mask-rcnn uses it",
            err=True,
        )


def note_large_pool(ctx: click.Context, asked: Sequence[Workload]) -> None:
    """Say where a given pool size is larger than the token grid, so that keys become more."""
    if not is_given(ctx, "pool_size"):
        return
    from pvtprof.analytic.geometry import model_sizes, token_grids

    for work in asked:
        for design in work.designs:  # a refusal comes without notes
            model_sizes(design.spec, work.batch, work.setting.image)
    for work in asked:
        side = work.pool_size
        grids = token_grids(work.model, work.height, work.width)
        for number, (height, width) in enumerate(grids, 1):
            variants = [design.spec.stages[number - 1].variant for design in work.designs]
            if "sra_pool" in variants and side * side > height * width:
                click.echo(
                    f"--pool-size {side} is larger than the {height}x{width} token grid of stage "
                    f"{number} of {work.name}: sra_pool has more keys than tokens there",
                    err=True,
                )
                break
