"""Options of the command line that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import click

from pvtprof import units
from pvtprof.cli.kinds import Device, Img, Listed, Ratios, Sizes
from pvtprof.designs.device import DEVICES
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.designs.variants import VARIANTS
from pvtprof.designs.words import ATTENTIONS, DEFAULT_MODEL, DEFAULT_PROPOSALS, DTYPES

Command: TypeAlias = Callable[..., None]
Option: TypeAlias = Callable[[Command], Command]
FORMATS = ("table", "json", "csv", "markdown")


def only_one(name: str, values: Sequence[Any]) -> Any:
    """Return the single value of an option; raises UsageError where there are several."""
    if len(values) > 1:
        shown = ", ".join(v if isinstance(v, str) else units.sides(*v) for v in values)
        way_out = "; height and width are one word with an x, as 800x1280" * (name == "--img")
        raise click.UsageError(f"{name} has {len(values)} values ({shown}); give one{way_out}")
    return values[0]


def _several(ctx: click.Context, param: click.Parameter, values: Any) -> tuple[Any, ...]:
    """Return all values of an option that is repeated or lists several, each value once."""
    return tuple(dict.fromkeys(value for listed in values for value in listed))


def _sizes(ctx: click.Context, param: click.Parameter, values: Any) -> tuple[Any, ...]:
    """Return all sizes; name two squares in one word, which may be meant as one size.

    ``--img 800,1280`` is the word.
    """
    found = _several(ctx, param, values)
    if len(values) == 1 and len(found) == 2 and all(height == width for height, width in found):
        (a, _), (b, _) = found
        click.echo(
            f"--img {a},{b} is two square images; one of {a} by {b} is --img {a}x{b}", err=True
        )
    return found


def _single(ctx: click.Context, param: click.Parameter, values: Any) -> Any:
    return only_one(param.opts[0], _several(ctx, param, values))


def model_option(several: bool = False) -> Option:
    """Return the option --model: one value, or with ``several`` a tuple of them."""
    return click.option(
        "--model",
        type=Listed(click.STRING),
        multiple=True,
        callback=_several if several else _single,
        default=(DEFAULT_MODEL,),
        show_default=True,
        help="A published model (see `pvtprof models`), or a design file: my_pvt.toml.",
    )


set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change the model, with a key of a design file: depths=3,4,18,3; repeatable.",
)
design_option = click.option(
    "--design",
    "designs",
    multiple=True,
    metavar="[NAME=]DESIGN",
    help="Compare this in place of mha, sra_conv and sra_pool: one of them, or one per stage, as "
    "sra_pool,sra_pool,sra_pool,mha; repeatable.",
)


def img_option(several: bool = False) -> Option:
    """Return the option --img: one (height, width), or with ``several`` a tuple of them."""
    return click.option(
        "--img",
        type=Listed(Img()),
        multiple=True,
        callback=_sizes if several else _single,
        default=("224",),
        show_default=True,
        help="Image size in pixels.",
    )


def format_option(*forms: str) -> Option:
    """Return the option --format of a command that prints ``forms``, the first by default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True
    )


device_option = click.option(
    "--device", type=Device(), default="auto", show_default=True, help=f"{DEVICES}."
)
dtype_option = click.option(
    "--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True
)

batch_option = click.option(
    "--batch", type=int, default=1, show_default=True, help="Images in one call."
)

tf32_option = click.option(
    "--tf32",
    type=click.Choice(("off", "on")),
    default="off",
    show_default=True,
    callback=lambda ctx, param, value: value == "on",
    help="On a GPU: TF32 for products and convolutions of float32.",
)

attention_option = click.option(
    "--attention",
    type=click.Choice(ATTENTIONS),
    default="eager",
    show_default=True,
    help="Written out in operators, or torch's fused kernel.",
)


ratios_option = click.option(
    "--R",
    "sr_ratios",
    type=Ratios(),
    help="Reduction ratio R of sra_conv in each stage.  [default: the model's]",
)
pool_size_option = click.option(
    "--pool-size",
    type=int,
    help="Side of the grid to which sra_pool pools.  [default: the model's: 7]",
)
#: What `choose` searches.
_search_options = (
    click.option(
        "--only",
        type=Listed(click.Choice(list(VARIANTS))),
        multiple=True,
        callback=_several,
        metavar="VARIANT",
        help=f"Search only this variant ({', '.join(VARIANTS)}); repeatable.",
    ),
    click.option(
        "--min-keys",
        type=int,
        default=1,
        show_default=True,
        help="The fewest keys that a stage may have.",
    ),
    click.option(
        "--R",
        "sr_ratios",
        type=Ratios(),
        help="The only R of sra_conv, one per stage.  [default: 1 to 16 in each]",
    ),
    click.option(
        "--pool-size",
        "pool_sizes",
        type=Listed(click.INT),
        multiple=True,
        callback=_several,
        metavar="SIDE",
        help="The only sides of pooled grids, such as 5,7,9.  [default: 3 to 16]",
    ),
)


def workload_options(several: bool = False, searched: bool = False) -> Option:
    """Return one decorator that adds the options that say what runs.

    With ``several``, --model and --img take more than one value. With ``searched``, --R and
    --pool-size say what is searched.
    """
    options = (
        model_option(several),
        set_option,
        img_option(several),
        *(() if searched else (ratios_option,)),
        batch_option,
        dtype_option,
        device_option,
        attention_option,
        *(_search_options if searched else (pool_size_option,)),
    )

    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


task_option = click.option(
    "--task",
    metavar="TASK",
    help=f"What the model is used for: {', '.join(TASKS)}.  [default: {CLASSIFY}]",
)


def task_options(command: Command) -> Command:
    """Add the options that say what a model is the backbone of."""
    proposals = click.option(
        "--proposals",
        type=int,
        help="Proposals of one image for the box head of mask-rcnn.  "
        f"[default: {DEFAULT_PROPOSALS}]",
    )
    return task_option(proposals(command))


FREE_HELP = (
    "Dimensions that vary, as b=0,h=2,w=3 or q.0=b,k.1=m; default: batch, and spatial or "
    "sequence dimensions."
)
limit_option = click.option(
    "--limit",
    "limit_s",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Seconds that deriving may take.",
)


def target_options(command: Command) -> Command:
    """The options that name modules of the user's own, as one decorator."""
    options = (
        click.option(
            "--target",
            "targets",
            multiple=True,
            help="A module of your own, as `pvtprof derive` takes it; repeatable.",
        ),
        click.option("--at", type=Sizes(), help="Sizes of your modules, as h=512,w=640."),
        click.option("--free", help=FREE_HELP),
        limit_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def is_given(ctx: click.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def outputs_options(command: Command) -> Command:
    """Add the options that say where results go, which ``compare`` and ``report`` share."""
    output = click.option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        metavar="FILE",
        help="Write FILE (.json .html .csv .md); repeatable.",
    )
    form = click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="What to print on stdout.",
    )
    force = click.option("--force", is_flag=True, help="Replace files that pvtprof did not write.")
    anonymous = click.option("--anonymous", is_flag=True, help="Leave out devices and dates.")
    return output(form(force(anonymous(command))))
