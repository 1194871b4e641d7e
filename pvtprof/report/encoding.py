"""Text as a terminal of another encoding can show it: spelled otherwise, and no exponent lost."""

from __future__ import annotations

import re
import unicodedata

#: What stands for a character that an encoding lacks.
SPELLED = {"·": "*", "\u00d7": "x", "±": "+-", "⌊": "floor(", "⌋": ")", "°": " deg"}
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")


def in_encoding(text: str, encoding: str) -> str:
    """Return the text with whatever the encoding lacks spelled in ASCII; "?" where nothing fits.

    >>> in_encoding("C² + 10¹²·n", "ascii"), in_encoding("C² + 10¹²·n", "utf-8")
    ('C^2 + 10^12*n', 'C² + 10¹²·n')
    >>> in_encoding("10²⁴", "latin-1")
    '10^24'
    """

    def fits(part: str) -> bool:
        return part.encode(encoding, "replace").decode(encoding) == part

    def spelled(part: str) -> str:
        if fits(part):
            return part
        return SPELLED.get(part) or ("-" if "BOX DRAW" in unicodedata.name(part, "") else "?")

    if fits(text):
        return text
    text = _SUPERSCRIPTS.sub(
        lambda run: run[0] if fits(run[0]) else f"^{unicodedata.normalize('NFKC', run[0])}", text
    )
    return "".join(map(spelled, text))
