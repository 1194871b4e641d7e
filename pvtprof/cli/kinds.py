"""Kinds of values that options of the command line take."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import click

from pvtprof import units
from pvtprof.designs.checks import named_size
from pvtprof.designs.device import device_word
from pvtprof.errors import SpecError


class Img(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``224``, ``800x1333`` or ``800*1333`` (height x width) as (height, width)."""

    name = "HEIGHT[xWIDTH]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Return (height, width) in pixels."""
        if isinstance(value, tuple):
            return value[0], value[1]
        found = re.fullmatch(r"([0-9]{1,18})(?:\s*[xX*\u00d7]\s*([0-9]{1,18}))?", value.strip())
        if not found:
            self.fail(f"{value!r} is not an image size; use pixels such as 224 or 800x1333")
        return int(found[1]), int(found[2] or found[1])


class Ratios(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``8,4,2,1``, ``8 4 2 1`` or ``[8, 4, 2, 1]`` as whole numbers, one per stage."""

    name = "R1,R2,R3,R4"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Return the ratios."""
        if isinstance(value, tuple):
            return value
        for part in (parts := re.split(r"\s*[,;]\s*|\s+", value.strip("[]() "))):
            if not re.fullmatch(r"-?[0-9]{1,9}", part):
                among = "" if part == value else f"{value!r}: "
                self.fail(
                    f"{among}{part!r} is not a whole number; use one per stage, such as 8,4,2,1"
                )
        return tuple(int(part) for part in parts)


class Setting(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``img=512`` as ("img", (512, 512)): the name and value of one option."""

    name = "NAME=VALUE"
    kinds: Mapping[str, tuple[str, click.ParamType]] = {  # type: ignore[type-arg] # as above
        "model": ("model", click.STRING),
        "img": ("img", Img()),
        "R": ("sr_ratios", Ratios()),
        "batch": ("batch", click.INT),
        "pool-size": ("pool_size", click.INT),
    }

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Any]:
        """Return the parameter's name and value."""
        if isinstance(value, tuple):
            return value[0], value[1]
        name, equals, text = value.partition("=")
        if name not in self.kinds or not equals:
            names = ", ".join(f"{name}=" for name in self.kinds)
            self.fail(f"{value!r} is not a setting; use one of {names}, such as img=512")
        if len(several := re.split(r",\s*(?=[A-Za-z])", value)) > 1:
            self.fail(f"{value!r} is {len(several)} settings; write --at {' --at '.join(several)}")
        parameter, kind = self.kinds[name]
        return parameter, kind.convert(text, param, ctx)


class Quantity(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """A number above 0 with its unit; ``read`` converts the text, or returns None."""

    def __init__(self, name: str, read: Callable[[str], float | None], what: str) -> None:
        self.name = name
        self.read = read
        self.what = what

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return bytes, or seconds."""
        if isinstance(value, int | float):
            return value
        quantity = self.read(value)
        if not quantity:
            self.fail(f"{value!r} is not {self.what}")
        return quantity


#: ``24GiB`` or ``16GB`` as bytes.
MEMORY = Quantity(
    "SIZE",
    units.parsed_size,
    "an amount of memory; use a number above 0 and a unit in one word, such as 24GiB; units are "
    "KiB, MiB, GiB, TiB, KB, MB, GB and TB",
)
#: ``50ms`` or ``0.2s`` as seconds.
DURATION = Quantity(
    "TIME",
    units.parsed_seconds,
    "a time; use a number above 0 and a unit, such as 50ms or 0.2s",
)


class Tolerance(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``latency:5%`` as 0.05."""

    name = "latency:PERCENT%"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the share, such as 0.05."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"latency:([0-9]{1,3}(?:\.[0-9]{1,3})?)%", value)
        if not found or not 2 <= float(found[1]) <= 100:
            self.fail(f"{value!r} is not a slowdown; use latency:2% to latency:100%")
        return float(found[1]) / 100


class Device(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """A word that names a device; whether this machine has it is checked later."""

    name = "text"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the word."""
        return device_word(value)


class Listed(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``a,b`` as a tuple of values of the kind ``one``."""

    def __init__(self, one: click.ParamType) -> None:  # type: ignore[type-arg] # as above
        self.one = one
        self.name = one.name

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, ...]:
        """Return the tuple of values."""
        if isinstance(value, tuple):
            return value
        return tuple(self.one.convert(part, param, ctx) for part in value.split(","))


class Models(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``pvt_tiny,my_pvt.toml`` as a tuple of models; the path of a file may have commas."""

    name = "TEXT"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Return the models."""
        if isinstance(value, tuple):
            return value
        return (value,) if os.path.isfile(value) else tuple(value.split(","))


class Sizes(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``h=512,w=640`` as a dict."""

    name = "NAME=SIZE,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, int]:
        """Return sizes by name."""
        if isinstance(value, dict):
            return value
        try:
            return dict(map(named_size, value.split(",")))
        except SpecError as error:
            self.fail(str(error))


class Range(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """``h=64..1024`` as ("h", (64, 1024))."""

    name = "NAME=FROM..TO"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, tuple[int, int]]:
        """Return a name and the first and last size."""
        if isinstance(value, tuple):
            return value[0], value[1]
        match = re.fullmatch(r"([A-Za-z]\w*)=([0-9]{1,9})\.\.([0-9]{1,9})", value.strip())
        if match and int(match[2]) > int(match[3]):
            self.fail(f"{value!r}: {match[2]} is above {match[3]}; give the smaller size first")
        if not match:
            self.fail(f"{value!r} is not NAME=FROM..TO; use a range such as h=64..1024")
        return match[1], (int(match[2]), int(match[3]))
