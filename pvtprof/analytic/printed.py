"""A printed figure: what it may stand for, and whether a count gives its digits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pvtprof.errors import SpecError

#: Decimal units by their letter, and the binary ones that are taken for them by mistake.
UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}
BINARY = {10**3: 2**10, 10**6: 2**20, 10**9: 2**30, 10**12: 2**40}
#: A number without a unit below this one is in millions or billions; from it on it is a count.
_BARE = 10**4
_NUMBER = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,18})?(?:\.([0-9]{1,9}))?(?:[eE]\+?([0-9]{1,2}))?"
_WORDS = r"(macs?|flops?|mult-?adds|params?|parameters)?"
#: How a count gives printed digits, the plainest first.
ROUNDED, TWICE, TRUNCATED = "rounded", "rounded twice", "truncated"


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed number: ``mantissa`` without its point, digits behind it, unit, and what it is of.

    ``said`` is "macs", "flops" or "", as the text says.
    """

    text: str
    mantissa: int
    decimals: int
    unit: int
    said: str = ""

    @property
    def units(self) -> tuple[int, ...]:
        """The unit that the text says, and the binary one that it may be by mistake."""
        return (self.unit, BINARY[self.unit]) if self.unit in BINARY else (self.unit,)

    @property
    def value(self) -> float:
        """The printed number in plain counts."""
        return self.mantissa * self.unit / float(10**self.decimals)

    def how(self, count: int, unit: int) -> str:
        """Return how a count gives the printed digits in a unit; "" where it does not.

        A half may go up or to the even digit.

        >>> printed("11.7G").how(11_762_403_008, 10**9), printed("45.8G").how(45_747_191_808, 10**9)
        ('truncated', 'rounded twice')
        """
        scaled = count * 10**self.decimals
        if abs(2 * (scaled - self.mantissa * unit)) <= unit:
            return ROUNDED
        once = (20 * scaled + unit) // (2 * unit)  # one digit more, a half goes up
        if (once + 5) // 10 == self.mantissa:
            return TWICE
        return TRUNCATED if scaled // unit == self.mantissa else ""

    def off(self, count: int, unit: int) -> float:
        """Return the distance of a count from the printed number, as a share of that."""
        share: float = count * 10**self.decimals / (self.mantissa * unit)
        return abs(share - 1)


def printed(text: str, params: bool = False) -> Printed:
    """Return the figure in a text such as "46.6 GFLOPs", "482M", "3.9e9" or "0.57".

    A small number without a unit is in billions; of ``params`` in millions.

    >>> printed("46.6 GFLOPs")
    Printed(text='46.6 GFLOPs', mantissa=466, decimals=1, unit=1000000000, said='flops')
    >>> printed("3.9e9").value, printed("25.4", params=True).value
    (3900000000.0, 25400000.0)
    """
    plain = str(text).strip()
    found = re.fullmatch(rf"{_NUMBER}\s*([KMGTB]?){_WORDS}", plain, re.IGNORECASE)
    whole, behind, power, letter, word = found.groups() if found else (None,) * 5
    digits = (whole or "").replace(",", "") + (behind or "")
    if not digits.strip("0") or int(power or 0) > 15:
        such = "27.4M, 25362856 or 3.9e6" if params else "46.6G, 46.6 GFLOPs, 482M or 3.9e9"
        what = "parameters" if params else "operations"
        raise SpecError(
            f"{text!r} is not a printed number of {what}; use a number above 0, such as {such}"
        )
    mantissa, decimals = int(digits), len(behind or "")
    unit = UNITS[(letter or "").upper()] * 10 ** int(power or 0)
    if unit == 1 and mantissa < _BARE * 10**decimals:
        unit = 10**6 if params else 10**9
    return Printed(plain, mantissa, decimals, unit, _said(word))


def figures(figure: str | None, params: str | None) -> tuple[Printed | None, Printed | None]:
    """Return the printed number of operations and that of parameters; None where it is not given.

    Raises SpecError where neither is.
    """
    if figure is None and params is None:
        raise SpecError("give a printed figure, such as 46.6G, or params, such as 27.4M")
    return (
        None if figure is None else printed(figure),
        None if params is None else printed(params, params=True),
    )


def _said(word: str | None) -> str:
    plain = (word or "").lower().replace("-", "")
    return {"mac": "macs", "mul": "macs", "flo": "flops"}.get(plain[:3], "")
