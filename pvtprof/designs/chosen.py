"""The designs that a user wants compared: an attention variant for each stage, each with a name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pvtprof.designs.checks import one_of
from pvtprof.designs.design import PvtDesign
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.variants import VARIANTS
from pvtprof.errors import SpecError

#: The model's own attention, as its file says it or as it is published.
OWN = "own"
#: Designs as the Python API takes them: "sra_conv", "mine=sra_pool,mha", a list, or by name.
Given: TypeAlias = Sequence[str | Sequence[str]] | Mapping[str, str | Sequence[str]]


def words_of(designs: Given) -> tuple[str, ...]:
    """Return designs as the command line has them, each once.

    >>> words_of({"late": ["sra_pool", "mha"]}), words_of(["mha", ("sra_pool", "mha")])
    (('late=sra_pool,mha',), ('mha', 'sra_pool,mha'))
    """
    if isinstance(designs, str):
        raise SpecError(f"designs is {designs!r}; use a list of designs, such as [{designs!r}]")
    if isinstance(designs, Mapping):
        return tuple(f"{name}={_joined(one)}" for name, one in designs.items())
    return tuple(dict.fromkeys(map(_joined, designs)))


def _joined(design: str | Sequence[str]) -> str:
    return design if isinstance(design, str) else ",".join(map(str, design))


def named(word: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of a design and its variants: one for all stages, or one per stage.

    >>> named("late=sra_pool,mha"), named("sra_pool,sra_conv,mha"), named("sra_conv")
    (('late', ('sra_pool', 'mha')), ('pool-conv-mha', ('sra_pool', 'sra_conv', 'mha')), \
('sra_conv', ('sra_conv',)))
    """
    name, equals, rest = word.rpartition("=")
    variants = tuple(part.strip() for part in rest.split(","))
    for variant in variants:
        one_of("attention variant", variant, (*VARIANTS, *([OWN] if len(variants) == 1 else [])))
    if not equals:
        joined = "-".join(variant.removeprefix("sra_") for variant in variants)
        return (variants[0] if len(variants) == 1 else joined), variants
    if not re.fullmatch(r"[^\W\d][\w.+-]{0,39}", name):
        raise SpecError(
            f"design {word!r} has the name {name!r}; use up to 40 letters, digits and . _ - +, "
            "a letter first"
        )
    if name in (*VARIANTS, OWN) and variants != (name,):
        raise SpecError(
            f"design {word!r} is called {name}, which is another design; give it another name"
        )
    return name, variants


def chosen(spec: ModelSpec, ratios: Sequence[int], words: Sequence[str]) -> tuple[PvtDesign, ...]:
    """Return the designs of a network that ``words`` name, in their order, with these R."""
    found: dict[str, PvtDesign] = {}
    for word in words:
        name, variants = named(word)
        if name in found:
            raise SpecError(f"two designs are called {name}; name one of them, as NAME={word}")
        if len(variants) not in (1, spec.last):
            raise SpecError(
                f"design {word!r} has {len(variants)} attention variants for the {spec.last} "
                f"stages of {spec.name}; give one for all stages, or one per stage; for "
                "several designs, repeat --design"
            )
        one = variants[0] if len(variants) == 1 else variants
        its = spec.with_attention(None if one == OWN else one, ratios)
        found[name] = PvtDesign(name, its)
    return tuple(found.values())


def usual(spec: ModelSpec, ratios: Sequence[int]) -> tuple[PvtDesign, ...]:
    """Return a design for every variant, and the network's own where it is none of those."""
    plain = tuple(PvtDesign(variant, spec.with_attention(variant, ratios)) for variant in VARIANTS)
    own = spec.with_attention(None, ratios)
    if any(_runs(design.spec) == _runs(own) for design in plain):
        return plain
    return (*plain, PvtDesign(OWN, own))


def _runs(spec: ModelSpec) -> list[str]:
    return [stage.runs_as for stage in spec.stages]
