"""Random design files as text: 1 to 6 stages, odd widths and channels, patches, biases, linear."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from pvtprof.designs.design_file import read
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.errors import SpecError
from tests.trials import ALL

#: In so many settings each file is held to its oracles.
SIZES = 3 if ALL else 1
VARIANTS = ("mha", "sra_conv", "sra_pool")


def design_text(chance: random.Random) -> str:
    """Return the text of a random design file; some describe what cannot be."""
    stages, version = chance.randint(1, 6), chance.choice((1, 2))
    heads = [chance.choice((1, 2, 3, 5)) for _ in range(stages)]
    linear = version == 2 and chance.random() < 0.4
    ratios = [chance.choice((1, 1, 2, 3)) for _ in range(stages)]
    lines = {
        "version": version,
        "embed_dims": [head * chance.randint(1, 9) for head in heads],
        "depths": [chance.randint(1, 2) for _ in range(stages)],
        "num_heads": heads,
        "mlp_ratios": [chance.randint(1, 3) for _ in range(stages)],
        "sr_ratios": ratios if version == 2 else [*ratios[:-1], 1],
        "qkv_bias": str(chance.random() < 0.5).lower(),
        "in_chans": chance.choice((1, 2, 3, 13)),
        "num_classes": chance.randint(1, 9),
        "pool_size": chance.randint(1, 4),
        "img_size": chance.choice(([224, 224], [64, 96])),
    }
    if linear:
        lines["linear"] = "true"
    elif chance.random() < 0.7:
        variants = [chance.choice(VARIANTS) for _ in range(stages)]
        if version == 1:
            variants[-1] = chance.choice(("mha", "sra_conv"))
        lines["attention"] = str(variants).replace("'", '"')
    lines |= _patches(chance, version, stages)
    return "".join(f"{key} = {value}\n" for key, value in lines.items())


def _patches(chance: random.Random, version: int, stages: int) -> dict[str, object]:
    if chance.random() < 0.5:
        return {}
    if version == 1 and chance.random() < 0.3:
        return {"patch_size": chance.choice((1, 2, 3, 7, 8))}
    sides = [chance.choice((1, 2, 3, 4, 7)) for _ in range(stages)]
    if version == 1:
        return {"patch_sizes": sides}
    return {"patch_sizes": sides, "strides": [max(1, side // 2) for side in sides]}


def cases(
    count: int, folder: Path, seed: int = 0
) -> Iterator[tuple[str, ModelSpec, list[Setting]]]:
    """Yield so many design files that can be, each with its network and settings to try it in.

    What a file says is read from the file itself. A design that cannot be, such as R larger than
    its grid, is drawn again.
    """
    from pvtprof.analytic.geometry import model_sizes

    chance = random.Random(seed)
    found = 0
    while found < count:
        text = design_text(chance)
        path = folder / f"design{found}.toml"
        path.write_text(text)
        try:
            spec = read(path)
            settings = [_setting(chance, spec) for _ in range(SIZES)]
            for setting in settings:
                model_sizes(spec, setting.batch, setting.image)
        except SpecError:
            continue
        found += 1
        yield text, spec, settings


def _setting(chance: random.Random, spec: ModelSpec) -> Setting:
    """Return a setting with no more tokens than a test has time for."""
    batch, attention = chance.choice((1, 1, 2, 3)), chance.choice(("eager", "eager", "sdpa"))
    _, stride, _ = spec.patch(1)
    height, width = (chance.randint(20, min(90, 24 * stride)) for _ in range(2))
    return Setting(height, width, batch=batch, attention=attention)
