"""`pvtprof sweep`: many settings, by formula into a file of rows, or measured into a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pvtprof import units
from pvtprof.cli.folders import new_folders_named
from pvtprof.cli.options import Command
from pvtprof.cli.progress import progress
from pvtprof.designs.tasks import TASKS
from pvtprof.designs.words import (
    ATTENTIONS,
    DEFAULT_MODEL,
    DTYPES,
    MODES,
    REFERENCE_S,
    ROW_BUDGET_S,
    ROW_LIMIT_S,
)

if TYPE_CHECKING:
    from pvtprof.sweep.entry import Swept

#: The axes of a grid: every option may be repeated, and lists values with commas; but --R,
#: --design, --set and --at, in which a comma stands between the stages or sizes of one value.
AXES = {
    "model": ("A,B", f"Models, or design files.  [default: {DEFAULT_MODEL}]"),
    "set": ("KEY=VALUE", "Change every model, with a key of a design file."),
    "img": ("SIZES", "Image sizes: 224, 800x1333, 224..1024:32.  [default: 224]"),
    "R": ("R1,R2,R3,R4", "R of sra_conv, one per stage; repeatable.  [default: the model's]"),
    "design": ("DESIGN", "One design; repeatable.  [default: mha, sra_conv and sra_pool]"),
    "pool-size": ("SIDES", "Sides to which sra_pool pools.  [default: the model's]"),
    "part": ("PARTS", '"model", or "stage 1": one attention module of it.  [default: model]'),
    "task": ("TASKS", f"Of {', '.join(TASKS)}.  [default: classify]"),
    "batch": ("SIZES", "Images in one call: 1,8 or 8..64:8.  [default: 1]"),
    "dtype": ("DTYPES", f"Of {', '.join(DTYPES)}.  [default: float32]"),
    "attention": ("WORDS", f"Of {', '.join(ATTENTIONS)}.  [default: eager]"),
    "mode": ("MODES", f"Of {', '.join(MODES)}.  [default: inference]"),
    "device": ("DEVICES", "auto, cpu, cuda or cuda:N.  [default: cpu]"),
    "threads": ("NUMBERS", "Threads of torch; 0: as many as it takes itself.  [default: 0]"),
    "target": ("TARGET", "A module of your own, as `pvtprof derive` takes it; repeatable."),
    "at": ("SIZES", "Sizes of your modules: h=64..256:64,w=64; repeatable."),
}

#: What the other options are called in a plan.
OPTIONS = {
    **{name: name for name in ("out", "sample", "seed", "workers", "scheduler")},
    **{name: f"{name}_s" for name in ("budget", "limit", "reference")},
}


def _axes(command: Command) -> Command:
    for name, (metavar, text) in reversed(AXES.items()):
        command = click.option(
            f"--{name}", f"axis_{name.replace('-', '_')}", multiple=True, metavar=metavar, help=text
        )(command)
    return command


@click.command()
@click.argument("file", required=False, metavar="[FILE.toml]")
@_axes
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    help="A store (.sqlite), or closed forms (.parquet .csv).  [default: reports/sweep.sqlite]",
)
@click.option("--analytic", is_flag=True, help="Closed forms alone, into a .parquet or .csv.")
@click.option("--sample", type=int, metavar="N", help="N rows of the grid, at random.")
@click.option("--seed", type=int, help="Of the sample, and of the order.  [default: 0]")
@click.option("--budget", type=float, help=f"Seconds of timing a row.  [default: {ROW_BUDGET_S}]")
@click.option(
    "--limit", type=float, help=f"Seconds until a row is given up.  [default: {ROW_LIMIT_S:g}]"
)
@click.option(
    "--reference",
    type=float,
    help=f"Minutes between two timings of the reference.  [default: {REFERENCE_S / 60:g}]",
)
@click.option(
    "--workers", type=int, metavar="N", help="Measure in N processes that dask starts here."
)
@click.option("--scheduler", metavar="ADDRESS", help="Measure on the workers of a dask cluster.")
@click.option("--again", is_flag=True, help="Measure these rows once more, and no others.")
@click.option("--yes", is_flag=True, help="Allow more than 10 million rows.")
@click.option("--force", is_flag=True, help="Replace a file that pvtprof did not write.")
def command(
    file: str | None,
    again: bool,
    yes: bool,
    force: bool,
    analytic: bool,
    **given: Any,
) -> None:
    """Sweep over every combination of models, designs, sizes and settings.

    Into a .parquet or .csv go the closed forms of every row, a million in a minute if much repeats.
    Into a store (.sqlite) go measured rows, one at a time; the same command goes on where it was
    ended, whatever ended it; -o alone goes on with the rows of the store. The keys of FILE.toml
    are the names of the options; options come first. Workers on many machines:
    docs/many-machines.md. Exit code 0; 2: wrong usage, or a file that cannot be written; 3: no
    scheduler or worker; 130: Ctrl-C.

    \b
    Examples:
      pvtprof sweep --model pvt_v2_b0,pvt_v2_b2 --img 224..1024:32 -o rows.parquet
      pvtprof sweep --R 8,4,2,1 --R 4,2,1,1 --design sra_conv --batch 1,8 -o night.sqlite
      pvtprof sweep night.toml --sample 500 --seed 1
      pvtprof sweep night.toml --scheduler tcp://10.0.0.1:8786
    """
    from pvtprof.sweep import entry

    words = {name: given[key] for name in AXES if given[key := f"axis_{name.replace('-', '_')}"]}
    options = {key: given[name] for name, key in OPTIONS.items() if given[name] is not None}
    if "reference_s" in options:
        options["reference_s"] *= 60
    if analytic:
        options["analytic"] = True
    plan = entry.plan_of(file, words, options | {"again": again, "yes": yes, "force": force})
    with new_folders_named([plan.out]), progress(is_logged=True) as show:
        found = entry.swept(plan, show)
    for line in said(found):
        click.echo(line, err=True)


def said(found: Swept) -> Sequence[str]:
    """Return what became of the rows, in lines; the path comes last."""
    rows = f"{units.integer(found.rows)} row{'s' * (found.rows != 1)}"
    text = f"{rows}: {units.integer(found.done)} done"
    for count, what in (
        (found.failed, "failed"),
        (found.refused, "have no closed form"),
        (found.left, "left"),
    ):
        text += f", {units.integer(count)} {what}" * (count > 0)
    reasons = [
        f"  {units.integer(count)} failed: {reason}" for reason, count in found.reasons.items()
    ]
    if found.reason:
        reasons.append(f"  the first without a closed form: {found.reason}")
    return (*found.notes, text, *reasons, f"Wrote {found.path}")
