"""The words that name a device, whether it is there or not."""

from __future__ import annotations

import re

from pvtprof.errors import SpecError

DEVICES = "auto, cpu, cuda or cuda:N"


def device_word(word: str) -> str:
    """Return ``word`` where it names a device; raises SpecError for any other word.

    Whether the device is there is asked later: that is another error.

    >>> device_word("cuda:1")
    'cuda:1'
    """
    if not re.fullmatch("auto|cpu|cuda(:[0-9]{1,3})?", word):
        raise SpecError(f"{word!r} is no device; use {DEVICES}")
    return word
