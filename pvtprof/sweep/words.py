"""The values of a grid's axes, read from words: numbers, ranges, image sizes, R, sizes by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from pvtprof.designs.checks import MAX_SIDE, positive
from pvtprof.designs.spec import checked_ratios
from pvtprof.errors import SpecError
from pvtprof.sweep.targets import sizes_of

_RANGE = re.compile(r"([0-9]{1,99})\.\.([0-9]{1,99})(?::([0-9]{1,99}))?")
_SIDES = re.compile(r"([0-9]{1,9})(?:\s*[xX*\u00d7]\s*([0-9]{1,9}))?")


def parts_of(words: Iterable[str]) -> Iterator[str]:
    """Yield the words, those that list several with commas apart.

    >>> list(parts_of(["1,8", " 16"]))
    ['1', '8', '16']
    """
    for word in words:
        yield from (part.strip() for part in word.split(","))


def numbers(option: str, words: Sequence[str], most: int, least: int = 1) -> tuple[int, ...]:
    """Return the whole numbers of an axis, each once; "224..1024:32" is every 32nd, ends included.

    >>> numbers("batch", ["1,8", "16..48:16"], 4096)
    (1, 8, 16, 32, 48)
    """
    found: dict[int, None] = {}
    for word in parts_of(words):
        if (one := ranged(option, word, most, least)) is not None:
            found |= dict.fromkeys(one)
        elif re.fullmatch("[0-9]{1,9}", word):
            value = int(word)
            found[value if value == least else positive(option, value, most)] = None
        else:
            raise SpecError(
                f"{option} is {word!r}; use a whole number from {least} to {most}, or a range such "
                "as 8..64:8"
            )
    return tuple(found)


def ranged(option: str, word: str, most: int, least: int = 1) -> range | None:
    """Return the range that a word means, None where it means none; raise SpecError for an empty.

    >>> ranged("img", "224..256:16", 16384), ranged("img", "224", 16384)
    (range(224, 257, 16), None)
    """
    match = _RANGE.fullmatch(word)
    if match is None:
        if ".." in word:
            raise SpecError(f"{option} {word!r} is no range; write FROM..TO:STEP, as 224..1024:32")
        return None
    start, stop, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if step == 0:
        raise SpecError(f"{option} {word} has a step of 0; use 1 or more, as 224..1024:32")
    if start > stop:
        turned = f"{stop}..{start}" + f":{step}" * (match[3] is not None)
        raise SpecError(f"{option} {word} is empty: {start} is above {stop}; write {turned}")
    for end in (start, stop):
        if end != least:  # which may be 0
            positive(option, end, most)
    return range(start, stop + 1, step)


def images(words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the images as (height, width), each once; a range is one of squares.

    >>> images(["224..288:32", "800x1333"])
    ((224, 224), (256, 256), (288, 288), (800, 1333))
    """
    found: dict[tuple[int, int], None] = {}
    for word in parts_of(words):
        if (one := ranged("img", word, MAX_SIDE)) is not None:
            found |= dict.fromkeys((side, side) for side in one)
            continue
        match = _SIDES.fullmatch(word)
        if match is None:
            raise SpecError(
                f"img is {word!r}; use pixels such as 224 or 800x1333, or a range: 224..1024:32"
            )
        height, width = int(match[1]), int(match[2] or match[1])
        found[positive("image height", height, MAX_SIDE), positive("width", width, MAX_SIDE)] = None
    return tuple(found)


def ratios(words: Sequence[str], count: int) -> tuple[tuple[int, ...], ...]:
    """Return R of each stage, one tuple a word, each once.

    >>> ratios(["8,4,2,1", "4,2,1,1"], 4)
    ((8, 4, 2, 1), (4, 2, 1, 1))
    """
    found: dict[tuple[int, ...], None] = {}
    for word in words:
        listed = re.split(r"\s*[,;]\s*|\s+", word.strip("[]() "))
        if not all(re.fullmatch("[0-9]{1,9}", part) for part in listed):
            raise SpecError(f"R is {word!r}; use a whole number per stage, such as 8,4,2,1")
        found[checked_ratios([int(part) for part in listed], count)] = None
    return tuple(found)


def sizes(words: Sequence[str]) -> tuple[str, ...]:
    """Return the sizes of a module of the user's own, one text a point; ranges are multiplied out.

    >>> sizes(["h=64..128:64,w=32"]), sizes([])
    (('h=64,w=32', 'h=128,w=32'), ('',))
    """
    found: dict[str, None] = {}
    for word in words:
        axes = []
        for part in parts_of([word]):
            name, _, value = (text.strip() for text in part.partition("="))
            several = ranged(name, value, 10**9)
            axes.append([part] if several is None else [f"{name}={size}" for size in several])
        for point in product(*axes):
            at = sizes_of(",".join(point))
            if len(at) < len(point):
                raise SpecError(f"at {word!r} gives a size twice; give each once")
            found[",".join(f"{name}={size}" for name, size in sorted(at.items()))] = None
    return tuple(found) or ("",)


def texts(value: object) -> tuple[str, ...]:
    """Return the values of an axis as the command line has them."""
    several = [value] if isinstance(value, str | int | os.PathLike) else value
    if not isinstance(several, Sequence):
        raise SpecError(f"{value!r} is no value of an axis; use one value, or a list")
    return tuple(_text(one) for one in several)


def _text(value: object) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        return "x".join(map(str, value))  # (height, width)
    return str(value)


def ratio_texts(ratios: Sequence[Any]) -> tuple[str, ...]:
    """Return one R, or each of several, as the command line has it.

    >>> ratio_texts((8, 4, 2, 1)), ratio_texts([(8, 4, 2, 1), "4,2,1,1"])
    (('8,4,2,1',), ('8,4,2,1', '4,2,1,1'))
    """
    if ratios and all(isinstance(one, int) for one in ratios):
        ratios = [ratios]
    return tuple(one if isinstance(one, str) else ",".join(map(str, one)) for one in ratios)
