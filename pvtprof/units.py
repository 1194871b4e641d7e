"""Numbers to text. No other module formats numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def integer(value: int | None) -> str:
    """Return a whole number with every digit, in groups of three.

    >>> integer(1943774976)
    '1,943,774,976'
    """
    return "-" if value is None else f"{value:,}"


def sides(height: int, width: int) -> str:
    """Return an image size or grid, as the command line takes it.

    >>> sides(224, 224), sides(800, 1333)
    ('224', '800x1333')
    """
    return str(height) if height == width else f"{height}x{width}"


def ratios(sr_ratios: Sequence[int]) -> str:
    """Return R of every stage, as the command line takes it.

    >>> ratios((8, 4, 2, 1))
    '8,4,2,1'
    """
    return ",".join(map(str, sr_ratios))


def grid(height: int, width: int) -> str:
    """Return a token grid, such as 56x56.

    >>> grid(56, 56)
    '56x56'
    """
    return f"{height}x{width}"


def giga(macs: int) -> str:
    """Return a number in billions with three digits, as papers print MACs.

    >>> giga(4045817152), giga(45817152)
    ('4.05 G', '0.0458 G')
    """
    return f"{_three(macs / 1e9)} G"


def millions(params: int) -> str:
    """Return a number in millions with three digits, as papers print parameters.

    >>> millions(25362856)
    '25.4 M'
    """
    return f"{_three(params / 1e6)} M"


def factor(value: float) -> str:
    """Return a factor with two digits.

    >>> factor(15.87), factor(4.08)
    ('x16', 'x4.1')
    """
    return f"x{value:.0f}" if value >= 9.95 else f"x{value:.1f}"


def exact_size(count: int) -> str:
    """Return bytes exactly, in the largest binary unit that gives a whole number.

    >>> exact_size(24 * 2**30), exact_size(25276510208), parsed_size(exact_size(25276510208))
    ('24GiB', '24684092KiB', 25276510208)
    """
    unit = 0
    while count and count % 1024 == 0 and unit < len(_BINARY) - 1:
        count, unit = count // 1024, unit + 1
    return f"{count}{_BINARY[unit]}"


def told_size(count: int) -> str:
    """Return bytes as people write them, in a form that `parsed_size` takes, and never more.

    >>> told_size(24 * 2**30), told_size(25276510208), told_size(25325273088)
    ('24GiB', '23.5GiB', '23.58GiB')
    >>> told_size(25344658432)
    '23.6GiB'
    """
    unit = min((count.bit_length() - 1) // 10, len(_BINARY) - 1) if count else 0
    text = f"{(20 * count + 1024**unit) // (2 * 1024**unit)}"
    text = f"{text[:-1] or 0}.{text[-1]}".removesuffix(".0")
    if (parsed := parsed_size(f"{text}{_BINARY[unit]}")) is None or parsed > count:
        hundredths = 100 * count // 1024**unit
        text = f"{hundredths // 100}.{hundredths % 100:02}"
    return f"{text}{_BINARY[unit]}"


def size(count: int | None) -> str:
    """Return bytes in binary units, with three digits.

    >>> size(15253504), size(512), size(None)
    ('14.5 MiB', '512 B', '-')
    """
    if count is None:
        return "-"
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_BINARY) - 1:
        value, unit = value / 1024, unit + 1
    return f"{count} B" if unit == 0 else f"{_three(value)} {_BINARY[unit]}"


def parsed_size(text: str) -> int | None:
    """Return the bytes in a text such as "24GiB" or "1.5 GB"; None for another text.

    >>> parsed_size("24GiB"), parsed_size("1.5 GB"), parsed_size("24XB")
    (25769803776, 1500000000, None)
    """
    from fractions import Fraction  # loads decimal: not before it is needed

    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) *([kKMGTPE]?i?B)", text.strip())
    if not found or found[2] == "iB":
        return None
    prefix, base = found[2][:-1], 1024 if "i" in found[2] else 1000
    power = " KMGTPE".index(prefix[0].upper()) if prefix else 0
    return int(Fraction(found[1]) * base**power)


def parsed_seconds(text: str) -> float | None:
    """Return the seconds in a text such as "50ms" or "0.2 s"; None for another text.

    >>> parsed_seconds("50ms"), parsed_seconds("0.2 s"), parsed_seconds("fast")
    (0.05, 0.2, None)
    """
    from fractions import Fraction  # loads decimal: not before it is needed

    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) *(us|ms|s)", text.strip())
    return (
        float(Fraction(found[1]) / {"us": 10**6, "ms": 1000, "s": 1}[found[2]]) if found else None
    )


def milliseconds(seconds: float | None) -> str:
    """Return seconds as milliseconds, with three digits.

    >>> milliseconds(0.01234), milliseconds(0.000012)
    ('12.3 ms', '0.0120 ms')
    """
    return "-" if seconds is None else f"{_three(1e3 * seconds)} ms"


def about_duration(seconds: float) -> str:
    """Return seconds in the unit that people would use.

    >>> about_duration(40), about_duration(600), about_duration(9000), about_duration(200_000)
    ('40 s', '10 min', '2.5 h', '2.3 days')
    """
    for unit, size, digits in (("days", 86400, 1), ("h", 3600, 1), ("min", 60, 0)):
        if seconds >= (1.5 if size > 60 else 2) * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"


def marked(text: str, is_doubtful: bool) -> str:
    """A figure that cannot be trusted is marked as such.

    >>> marked("12.3 ms", True), marked("12.3 ms", False)
    ('12.3 ms ?', '12.3 ms')
    """
    return f"{text} ?" if is_doubtful and text != "-" else text


def bare_milliseconds(seconds: float | None) -> str:
    """Return seconds as milliseconds without the unit, with five digits.

    >>> bare_milliseconds(0.0123456)
    '12.346'
    """
    return "-" if seconds is None else f"{1e3 * seconds:.5g}"


def cell(value: str | float | None) -> str:
    """Return a value of a table: every digit of a whole number, five digits of another.

    >>> cell("mha"), cell(3136), cell(0.0123456), cell(None)
    ('mha', '3,136', '0.012346', '-')
    """
    if isinstance(value, float):
        return f"{value:,.5g}"
    return value if isinstance(value, str) else integer(value)


def interval(bounds: tuple[float, float] | None) -> str:
    """Return an interval of seconds in milliseconds.

    >>> interval((0.0119, 0.0128)), interval(None)
    ('11.9 to 12.8', '-')
    """
    if bounds is None:
        return "-"
    low, high = bounds
    return f"{_three(1e3 * low)} to {_three(1e3 * high)}"


def intensity(flops_per_byte: float) -> str:
    """Return FLOPs for each moved byte, with three digits.

    >>> intensity(11.34), intensity(0.0)
    ('11.3', '0')
    """
    return _three(flops_per_byte) if flops_per_byte else "0"


def percent(part: float, whole: float) -> str:
    """Return a share in percent, with one decimal, or two digits below 1 %.

    >>> percent(469, 1000), percent(1, 300), percent(1, 0)
    ('46.9 %', '0.33 %', '-')
    """
    if not whole:
        return "-"
    share = 100 * part / whole
    return f"{share:.2f} %" if 0 < share < 1 else f"{share:.1f} %"


def ratio(part: float, whole: float) -> str:
    """Return a ratio as people say it: in percent below 2, else as a multiple.

    >>> ratio(469, 1000), ratio(1120, 1000), ratio(278976, 16640), ratio(1, 0)
    ('46.9 %', '112.0 %', '16.8x', '-')
    """
    if not whole or part / whole < 1.995:
        return percent(part, whole)
    return f"{_three(part / whole)}x"


def bar(part: float, whole: float, width: int = 20) -> str:
    """Return a bar of ``width`` characters, and the percentage, of how much of a whole is done.

    >>> bar(7, 20, width=10), bar(21, 20, width=4)
    ('━━━━────── 35 %', '━━━━ 100 %')
    """
    share = min(part / whole, 1.0)
    done = math.ceil(width * share)
    return f"{'━' * done}{'─' * (width - done)} {100 * share:.0f} %"


def _three(value: float) -> str:
    digits = 3 - len(str(int(value))) if value >= 1 else 3 + max(0, _leading_zeros(value) - 1)
    return f"{value:,.{max(0, digits)}f}"


def _leading_zeros(value: float) -> int:
    zeros = 0
    while 0 < value < 0.1:
        value, zeros = value * 10, zeros + 1
    return zeros + 1
