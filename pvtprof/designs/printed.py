"""A figure as a paper prints it, and the exact values that it may stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from pvtprof.errors import SpecError

_PREFIXES = {"": 0, "k": 3, "m": 6, "g": 9, "b": 9, "t": 12}
_FIGURE = re.compile(
    r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e([0-9]{1,2}))?\s*([kmgbt]?)\s*"
    r"(flops?|macs?|madds?|mult-adds|params?|parameters)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed figure: ``digits`` times ten to the power ``exponent``, as ``text`` says it."""

    text: str
    digits: Decimal
    exponent: int

    def match(self, exact: int) -> str:
        """Return how an exact value becomes this figure; "" where it does not.

        "rounded"; "rounded twice" (first to one digit more, upwards at 5, as mmcv's report is
        copied into a table); "cut off" (digits left out); "in units of 1024" for a binary prefix.

        >>> printed("46.6G").match(46_579_000_000), printed("11.7G").match(11_762_403_008)
        ('rounded', 'cut off')
        >>> printed("13.0M").match(12_947_028), printed("4.0G").match(3_833_735_744)
        ('rounded twice', '')
        """
        value = Decimal(exact).scaleb(-self.exponent)
        if how := self._match(value):
            return how
        binary = Decimal(exact) / Decimal(1024) ** (self.exponent // 3)
        is_binary = self.exponent >= 3 and self._match(binary) == "rounded"
        return "in units of 1024" if is_binary else ""

    def _match(self, value: Decimal) -> str:
        step = Decimal(1).scaleb(int(self.digits.as_tuple().exponent))
        for how in (ROUND_HALF_UP, ROUND_HALF_EVEN):
            if value.quantize(step, how) == self.digits:
                return "rounded"
        finer = value.quantize(step / 10, ROUND_HALF_UP)
        if finer.quantize(step, ROUND_HALF_UP) == self.digits:
            return "rounded twice"
        return "cut off" if value.quantize(step, ROUND_DOWN) == self.digits else ""

    @property
    def value(self) -> int:
        """The printed figure as a whole number."""
        return int(self.digits.scaleb(self.exponent))


def printed(text: str) -> Printed:
    """Return the figure that a text prints, such as "46.6G", "3.9 GFLOPs", "27.4M" or "3.9e9".

    Raises SpecError for any other text.
    """
    found = _FIGURE.fullmatch(str(text).strip().replace(",", ""))
    if not found or not Decimal(found[1]):
        raise SpecError(f"{text!r} is no printed figure; use such as 46.6G, 3.9GMACs or 482M")
    exponent = int(found[2] or 0) + _PREFIXES[found[3].lower()]
    return Printed(str(text).strip(), Decimal(found[1]), exponent)
