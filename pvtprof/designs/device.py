"""Words that name a device. Whether this machine has it is checked elsewhere."""

from __future__ import annotations

import re

from pvtprof.errors import SpecError

DEVICES = "auto, cpu, cuda or cuda:N"


def device_word(word: str) -> str:
    """Return ``word`` if it names a device; raise SpecError for any other word.

    Whether this machine has the device is checked later, and is another error.

    >>> device_word("cuda:1")
    'cuda:1'
    """
    if not re.fullmatch("auto|cpu|cuda(:[0-9]{1,3})?", word):
        raise SpecError(f"unknown device {word!r}; use {DEVICES}")
    return word
