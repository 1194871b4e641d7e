"""What several comparisons are called side by side: by what differs between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pvtprof import units
from pvtprof.report import own, sentences
from pvtprof.run.run import Run


def names(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return a name for each comparison, of what is not the same in all: "224x224", "batch 8".

    Where all ran the same, they are told apart by their device, by their day or by their number.
    """
    facts = [_facts(run) for run in runs]
    differing = _differing(facts)
    if not differing:
        facts = [_places(run) for run in runs]
        differing = _differing(facts)[:1]
    found = [", ".join(one[key] for key in differing if one[key]) for one in facts]
    return tuple(_numbered([name or "as usual" for name in found]))


def _differing(facts: Sequence[Mapping[str, str]]) -> list[str]:
    return [key for key in facts[0] if len({one[key] for one in facts}) > 1]


def _facts(run: Run) -> dict[str, str]:
    """Return what tells one comparison from another, in words that stand by themselves."""
    its = run.setting
    if run.is_own:
        shared = {"model": own.title(run), "image": own.sizes_of(run.rows[0]), "R": "", "pool": ""}
    else:
        spec = run.designs[0].spec
        shared = {
            "model": sentences.used(spec),
            "image": units.grid(*its.image),
            "R": f"R {units.ratios(spec.sr_ratios)}",
            "pool": f"pooling to {units.grid(spec.pool_size, spec.pool_size)}",
        }
    return {
        **shared,
        "batch": f"batch {its.batch}",
        "dtype": its.dtype,
        "attention": its.attention,
        "mode": "training step" if its.mode == "training" else its.mode,
        "trained": ", ".join(its.training.words),
        "device": its.device,
    }


def _places(run: Run) -> dict[str, str]:
    its = run.environment
    return {
        "device": its.device,
        "threads": f"{its.threads} threads",
        "date": its.date[:10],
        "time": its.date,
        "commit": its.commit or "",
        "version": its.pvtprof,
    }


def _numbered(found: Sequence[str]) -> list[str]:
    """Return the names, those that stand twice with a number."""
    many, seen = Counter(found), Counter[str]()
    made = []
    for name in found:
        seen[name] += 1
        made.append(f"{name} ({seen[name]})" if many[name] > 1 else name)
    return made
