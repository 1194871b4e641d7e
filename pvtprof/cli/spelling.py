"""Wrong words on the command line, answered with the spelling that works."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

import click

from pvtprof.designs.words import DEFAULT_POOL_SIZE

#: Options that take several numbers as one word, and what stands between them.
JOINED_BY = {"--img": "x", "--R": ","}
#: What other tools call an option, and what it is called here.
SYNONYMS = {
    **dict.fromkeys(
        ("--shape", "--size", "--img-size", "--image-size", "--input-size", "--imgsz"), "--img"
    ),
    **dict.fromkeys(("--input-shape", "--resolution"), "--img"),
    **dict.fromkeys(("--r", "--sr", "--sr-ratio", "--sr-ratios", "--sr_ratios"), "--R"),
    **dict.fromkeys(("--batch-size", "--batch_size", "--bs"), "--batch"),
    "--precision": "--dtype",
    **dict.fromkeys(("--optim", "--opt"), "--optimizer"),
    **dict.fromkeys(("--grad-checkpoint", "--gradient-checkpointing", "--with-cp"), "--checkpoint"),
    **dict.fromkeys(("--autocast", "--mixed-precision", "--fp16"), "--amp"),
}
_AT = "put numbers in with --at, such as --at img=512"
#: What tensors are like: batch, channels, height and width.
_SHAPE = re.compile(r"(?:[0-9]+[,x ])?[13][,x ]([0-9]+)[,x ]([0-9]+)")
_ALL = "compare shows the three designs in every stage; --design names others"
#: Options by the unit of their value.
_BY_UNIT = {"--memory": r"[0-9.]+[KMGT]i?B", "--within": r"[0-9.]+m?s"}
#: Options that a command does not have, and what to do instead.
INSTEAD = {
    "compare": {
        **dict.fromkeys(("--designs", "--variant", "--stage"), _ALL),
        "--calibrate": "`pvtprof calibrate` does it, and compare does it where it was not done",
        "--memory": "`pvtprof fit` and `pvtprof choose` have it",
    },
    "fit": {
        "--mode": "fit answers for inference and for training",
        **dict.fromkeys(("-o", "--output"), "redirect stdout: `pvtprof fit --format json > FILE`"),
    },
    "choose": dict.fromkeys(
        ("--max-latency", "--latency"), "write --within, such as --within 50ms"
    ),
    "formula": dict.fromkeys(("--model", "--img", "--R", "--batch", "--pool-size"), _AT),
}


def check_spelling(words: Sequence[str]) -> None:
    """Raise UsageError for numbers in several words, and for names of options of other tools.

    >>> check_spelling(["compare", "--shape", "800", "1280"])
    Traceback (most recent call last):
    click.exceptions.UsageError: --shape 800 1280 is not understood; write --img 800x1280
    """
    for i, word in enumerate(words):
        name, equals, value = word.partition("=")
        option = SYNONYMS.get(name, name)
        if option == "--img":
            _check_no_channels(name, value if equals else " ".join(words[i + 1 :]))
        numbers = [value] * bool(equals) or [
            number.strip(",") for number in takewhile(_is_number, words[i + 1 :])
        ]
        if option not in SYNONYMS.values() or (option == name and len(numbers) < 2):
            continue
        given = f"{word} {' '.join(() if equals else numbers)}".strip()
        works = f"{option} {JOINED_BY.get(option, ' ').join(numbers)}".strip()
        if option in JOINED_BY or option != name:
            raise click.UsageError(f"{given} is not understood; write {works}")


def _check_no_channels(name: str, value: str) -> None:
    """Raise UsageError for the shape of a tensor, such as 3,224,224, where a size is asked for."""
    found = _SHAPE.match(value)
    if found and value[found.end() :][:1] in ("", " "):
        height, width = found.groups()
        size = height if height == width else f"{height}x{width}"
        raise click.UsageError(
            f"{name} {found[0]} is the shape of a tensor; write --img {size}, without channels"
        )


def check_given_once(command: click.Command, words: Sequence[str]) -> None:
    """Raise UsageError for an option that takes one value and is given twice."""
    for param in command.params:
        if isinstance(param, click.Option) and not (param.multiple or param.is_flag):
            times = sum(word.partition("=")[0] in param.opts for word in words)
            if times > 1:
                raise click.UsageError(f"{param.opts[0]} is given {times} times; give it once")


def _is_number(word: str) -> bool:
    return word.strip(",").isdecimal()


def complete(error: click.ClickException) -> str:
    """Return the message of a click error, with a way out if click gives none."""
    message = error.format_message()
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return message
    if isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter):
        return _with_a_number(message, error.param)
    if isinstance(error, click.NoSuchOption):
        if error.ctx.parent is None:
            works = f"pvtprof compare {error.option_name}"
            return f"{error.message.rstrip('.')}; write the command first, such as `{works}`"
        options = INSTEAD.get(error.ctx.info_name or "", {})
        if instead := options.get(error.option_name):
            return f"{error.message.rstrip('.')}; {instead}"
    if "; " in message:
        return message
    way_out = _option_of_argument(message, error.ctx)
    return f"{message.rstrip('.')}{way_out}; see `{error.ctx.command_path} --help`"


def _with_a_number(message: str, param: click.Parameter | None) -> str:
    """Return the message of a wrong value, with a number that is right.

    A value that is another option is a value left out.
    """
    default = param.default if param else None
    if param and param.opts[0] == "--pool-size":  # None means the model's
        default = DEFAULT_POOL_SIZE
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    example = f"; give one, such as {default:g}" if is_number else ""
    message = re.sub(r"a valid float( range)?\.", f"a number{example}", message)
    message = re.sub(r"a valid integer( range)?\.", f"a whole number{example}", message)
    if param and (found := re.search(r": '(--[a-z][\w-]*)' is not", message)):
        return f"{message.rstrip('.')}; {param.opts[0]} needs a value before {found[1]}"
    return message


def _option_of_argument(message: str, ctx: click.Context) -> str:
    """Return the way out for a word that belongs to no option; "" for another message."""
    from pvtprof.designs.published import NAMEABLE

    found = re.search(r"extra arguments? \((\S+)", message)
    if not found:
        return ""
    word = found[1].rstrip(")")
    is_model = word in NAMEABLE or word.endswith(".toml")
    unit = next((name for name, pattern in _BY_UNIT.items() if re.fullmatch(pattern, word)), "")
    name = "--model" if is_model else "--target" if ":" in word else unit or "--img"
    if any(name in param.opts for param in ctx.command.params) and not word.isalpha():
        return f"; write {name} {word}"
    return "; join several values with commas, such as 8,4,2,1"
