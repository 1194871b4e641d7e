"""Sizes and options as people type them, answered with the spelling that works."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import click

#: Options that take several numbers as one word, and what stands between them.
JOINED_BY = {"--img": "x", "--R": ","}
#: What other tools call an option, and what it is called here.
SYNONYMS = {
    **dict.fromkeys(
        ("--shape", "--size", "--img-size", "--image-size", "--input-size", "--imgsz"), "--img"
    ),
    **dict.fromkeys(("--r", "--sr", "--sr-ratio", "--sr-ratios", "--sr_ratios"), "--R"),
    **dict.fromkeys(("--batch-size", "--batch_size", "--bs"), "--batch"),
    "--precision": "--dtype",
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
        numbers = [value] * bool(equals) or list(takewhile(_is_number, words[i + 1 :]))
        if option not in SYNONYMS.values() or (option == name and len(numbers) < 2):
            continue
        given = f"{word} {' '.join(() if equals else numbers)}".strip()
        works = f"{option} {JOINED_BY.get(option, ' ').join(numbers)}".strip()
        if option in JOINED_BY or option != name:
            raise click.UsageError(f"{given} is not understood; write {works}")


def _is_number(word: str) -> bool:
    return word.strip(",").isdecimal()
