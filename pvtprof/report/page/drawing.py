"""Random settings and networks, as the command line takes them; some of them cannot be."""

from __future__ import annotations

import random
from collections.abc import Iterator

from pvtprof import units
from pvtprof.designs.checks import MAX_BATCH
from pvtprof.designs.spec import ModelSpec
from pvtprof.designs.words import ATTENTIONS, DTYPES

#: Sides of random images: small, odd and usual ones, and the largest.
_SIDES = (1, 7, 31, 33, 64, 100, 111, 224, 225, 255, 320, 384, 512, 800, 1333, 2048, 4096, 16384)
#: What a reader may change of a network itself, a list with a value a stage.
LISTS = ("embed_dims", "depths", "num_heads", "mlp_ratios")


def drawn(chance: random.Random, spec: ModelSpec) -> dict[str, str]:
    """Return a random setting of a network, as texts; some are refused."""

    def side() -> int:
        return chance.choice([chance.choice(_SIDES), chance.randint(32, 1500)])

    height = side()
    width = height if chance.random() < 0.5 else side()
    ratios = [chance.choice((1, 1, 2, 3, 4, 8)) for _ in range(spec.last)]
    if spec.class_token and chance.random() < 0.9:
        ratios[-1] = 1
    limit = chance.choice((8, MAX_BATCH, MAX_BATCH))
    return {
        "model": spec.name,
        "img": units.sides(height, width),
        "R": units.ratios(ratios),
        "batch": str(chance.randint(0 if chance.random() < 0.1 else 1, limit)),
        "dtype": chance.choice(list(DTYPES)),
        "attention": chance.choice(ATTENTIONS),
        "pool-size": str(chance.choice((7, 7, 7, 1, 2, 3, 14, 32, 64, 0))),
        "mode": chance.choice(("inference", "inference", "training")),
        "set": "&".join(_drawn_changes(chance, spec)) if chance.random() < 0.25 else "",
    }


def _drawn_changes(chance: random.Random, spec: ModelSpec) -> Iterator[str]:
    """Yield some lists of the network's own; a few of them cannot be."""
    count = spec.last if chance.random() < 0.95 else chance.randint(1, 6)
    heads = [chance.choice((1, 1, 2, 3, 4, 5, 8)) for _ in range(count)]
    fits = chance.random() < 0.9
    drawn = {
        "embed_dims": [h * chance.randint(1, 64) + (not fits) for h in heads],
        "depths": [chance.randint(1, 12) for _ in heads],
        "num_heads": heads,
        "mlp_ratios": [chance.randint(0 if chance.random() < 0.05 else 1, 8) for _ in heads],
    }
    together = chance.random() < 0.6  # dims that the heads of the network itself may not divide
    for name in LISTS:
        if chance.random() < 0.5 or (together and name in ("embed_dims", "num_heads")):
            yield f"{name}={','.join(map(str, drawn[name]))}"
