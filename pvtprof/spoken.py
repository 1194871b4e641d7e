"""Numbers as people read them in a sentence: three digits, whole per cent, and exact rounding.

The page's script (``report/assets/answer.js``) says them the same, digit for digit.
"""

from __future__ import annotations

import re

from pvtprof import units


def duration(seconds: float) -> str:
    """Return a time with three digits as people read it: in seconds from ten on.

    >>> duration(0.01234), duration(9.5), duration(324.684)
    ('12.3 ms', '9,500 ms', '325 s')
    """
    if seconds < 10:
        return units.milliseconds(seconds)
    part, whole = seconds.as_integer_ratio()
    return f"{_decimal(part, whole, max(0, 3 - len(str(part // whole))))} s"


def short(count: int | None) -> str:
    """Return a count with three digits, as people read it.

    >>> short(4026734592), short(25362856), short(16640), short(49), short(None)
    ('4.03 G', '25.4 M', '16.6 K', '49', '-')
    """
    if count is None:
        return "-"
    power = next((p for p in (12, 9, 6, 3) if count >= 10**p), 0)
    if not power:
        return str(count)
    whole = len(str(count // 10**power))
    return f"{_decimal(count, 10**power, max(0, 3 - whole))} {' KMGT'[power // 3]}"


def people(part: float, whole: float) -> str:
    """Return a ratio for a sentence: whole per cent, a multiple from 2 on, and never 100 % or
    0 % for what is not.

    >>> people(469, 1000), people(37, 1000), people(998, 1000), people(167651, 10000)
    ('47 %', '3.7 %', '99.8 %', '16.8x')
    >>> people(1, 1), people(10**6 - 1, 10**6), people(1, 10**6), people(1, 0)
    ('100 %', 'nearly 100 %', 'nearly 0 %', '-')
    """
    if not whole:
        return "-"
    (a, b), (c, d) = part.as_integer_ratio(), whole.as_integer_ratio()
    part, whole = a * d, b * c
    if 1000 * part >= 1995 * whole:
        digits = len(str(part // whole))
        return f"{_decimal(part, whole, max(0, 3 - digits))}x"
    first = 0 if 10 * part >= whole else 1 if 100 * part >= whole else 2
    for decimals in range(first, 3):
        text = _decimal(100 * part, whole, decimals)
        if part in (0, whole) or float(text) not in (0, 100):
            return f"{text} %"
    return f"nearly {'100' if 2 * part > whole else '0'} %"


def unbroken(text: str) -> str:
    """Return a text in which no line ends between a number and its unit.

    >>> unbroken("20 % more, 14.5 MiB") == "20\\u00a0% more, 14.5\\u00a0MiB"
    True
    """
    return re.sub(r"(\d) (%|m?s\b|[KMGTPE]i?B?\b)", "\\1\u00a0\\2", text)


def _decimal(numerator: int, denominator: int, decimals: int) -> str:
    """A quotient with some decimals, rounded half to even, in groups of three."""
    scaled, rest = divmod(numerator * 10**decimals, denominator)
    scaled += 2 * rest > denominator or (2 * rest == denominator and scaled % 2)
    front, back = divmod(scaled, 10**decimals)
    return f"{front:,}" + (f".{back:0{decimals}}" if decimals else "")
