"""The attention variants; each has its entry here, its formula and its module elsewhere.

The operator list of a variant is in ``analytic/formulas.py``, its torch module in
``models/attention.py``: two rooms that cannot see each other. Everything else iterates over
``VARIANTS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: What a variant takes as keys: every token; a strided convolution of the grid by R; the grid
#: pooled to a fixed side.
TOKENS, CONVOLVED, POOLED = "tokens", "convolved", "pooled"


@dataclass(frozen=True, slots=True)
class Variant:
    """One attention variant: its rule for the keys, and where it comes from.

    ``keys`` is TOKENS, CONVOLVED (it has an ``sr_ratio``) or POOLED (it has a pool size).
    ``source`` names the design in words, with the paper and section.
    """

    keys: str
    source: str

    @property
    def has_ratio(self) -> bool:
        """Whether its keys depend on R."""
        return self.keys == CONVOLVED

    @property
    def pools(self) -> bool:
        """Whether its keys are a pooled grid."""
        return self.keys == POOLED


#: Every variant by its name, in the order in which every table shows them.
VARIANTS: Mapping[str, Variant] = {
    "mha": Variant(TOKENS, "plain multi-head attention"),
    "sra_conv": Variant(
        CONVOLVED,
        "spatial-reduction attention, strided convolution (arXiv:2102.12122, section 3.3)",
    ),
    "sra_pool": Variant(
        POOLED, "linear spatial-reduction attention, pooling (arXiv:2106.13797, section 3.1)"
    ),
}
#: The variant without any reduction, against which the others are held.
PLAIN = "mha"
