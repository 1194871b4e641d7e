"""Checks of a user's input: whole numbers, image sizes, names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import index

from pvtprof.errors import SpecError

MAX_SIDE = 16384
MAX_BATCH = 4096


def positive(what: str, value: int, most: int | None = None) -> int:
    """Return ``value`` if it is a whole number from 1 to ``most``; else raise SpecError."""
    limit = f"from 1 to {most}" if most else "of 1 or more"
    refusal = SpecError(f"{what} is {value!r}; use a whole number {limit}")
    try:
        whole = index(value)
    except TypeError:
        raise refusal from None
    if isinstance(value, bool) or whole < 1 or whole > (most or whole):
        raise refusal
    return whole


def named_size(text: str) -> tuple[str, int]:
    """Return the name and the size in a text; raise SpecError for any other.

    >>> named_size(" h = 512 ")
    ('h', 512)
    """
    match = re.fullmatch(r"\s*([A-Za-z]\w*)\s*=\s*([0-9]{1,12})\s*", text)
    if not match:
        raise SpecError(f"{text!r} is not NAME=SIZE; use sizes such as h=512,w=640")
    return match[1], int(match[2])


def image_size(img: int | Sequence[int]) -> tuple[int, int]:
    """Return (height, width) in pixels, from one side or from both.

    >>> image_size(224), image_size((800, 1333))
    ((224, 224), (800, 1333))
    """
    if isinstance(img, Sequence) and not isinstance(img, str):
        if len(img) != 2:
            raise SpecError(f"image size is {img!r}; use a side, or (height, width), in pixels")
        height, width = img
        return (
            positive("image height", height, MAX_SIDE),
            positive("image width", width, MAX_SIDE),
        )
    return image_size((img, img))


def one_of(what: str, value: str, allowed: Sequence[str]) -> str:
    """Return ``value`` if it is one of ``allowed``; else raise SpecError with the nearest."""
    if value not in allowed:
        import difflib

        text = str(value)[:60]
        near = difflib.get_close_matches(text.lower(), allowed, n=3, cutoff=0.65)
        near = near or [name for name in allowed if name.startswith(text.lower()) and text]
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise SpecError(f"unknown {what} {text!r}; {hint}use one of {', '.join(allowed)}")
    return value
