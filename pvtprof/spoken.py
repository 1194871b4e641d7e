"""Numbers as people read them in a sentence: three digits, whole per cent, and exact rounding.

The page (``report/assets/spoken.js``) says them the same, digit for digit.
"""

from __future__ import annotations

import re

from pvtprof import units


def duration(seconds: float) -> str:
    """Return a time with three digits as people read it: in seconds from one on.

    >>> duration(0.01234), duration(2.443), duration(324.684)
    ('12.3 ms', '2.44 s', '325 s')
    """
    if seconds < 1:
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
    for decimals in range(first, max(first, 1) + 1):
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


def compact(count: int, base: int = 1000) -> str:
    """Return a whole number with three digits, in thousands or (``base`` 1024) in binary units.

    Exact: rounded half up, with whole numbers alone, as the page does it.

    >>> compact(642252800), compact(999), compact(999600), compact(15253504, 1024)
    ('642 M', '999', '1.00 M', '14.5 MiB')
    """
    names = (
        ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
        if base == 1024
        else ("", "k", "M", "G", "T", "P", "E")
    )
    if count < base:
        return f"{count} {names[0]}".rstrip()
    for power, name in enumerate(names[1:], 1):
        unit = base**power
        decimals = max(0, 3 - len(str(count // unit)))
        while True:
            scaled = (2 * count * 10**decimals + unit) // (2 * unit)
            if scaled < 1000 or not decimals:
                break
            decimals -= 1
        if scaled < base * 10**decimals or name == names[-1]:
            break
    whole, rest = divmod(scaled, 10**decimals)
    return f"{whole:,}{f'.{rest:0{decimals}}' if decimals else ''} {name}"


def compact_seconds(seconds: float) -> str:
    """Return seconds with three digits, in the unit in which they are 1 or more.

    >>> compact_seconds(0.0018416), compact_seconds(2.5), compact_seconds(0.0000254)
    ('1.84 ms', '2.50 s', '25.4 µs')
    """
    scale, unit = next(
        ((s, u) for s, u in ((1.0, "s"), (1e3, "ms")) if seconds * s >= 1), (1e6, "µs")
    )
    value = seconds * scale
    return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f} {unit}"
