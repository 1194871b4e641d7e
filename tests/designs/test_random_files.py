"""Random design files: closed forms equal every counter and the live bytes of the real network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from torch import nn

from pvtprof.analytic import liveness, training
from pvtprof.analytic.cost import FVCORE, TORCH
from pvtprof.analytic.formulas import Term, total
from pvtprof.analytic.parts import formula_by_module, part_terms
from pvtprof.designs.design_file import read
from pvtprof.designs.design_text import text
from pvtprof.designs.part import MODEL, repeated
from pvtprof.designs.setting import Setting
from pvtprof.designs.spec import ModelSpec
from pvtprof.observe import fvcore, subject
from tests.designs.random_files import cases
from tests.trials import ALL

#: So many design files, in so many tests.
FILES, PARTS = (200, 20) if ALL else (2, 1)


def nonzero(by_module: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in by_module.items() if count}


def params_by_module(terms: Sequence[Term]) -> dict[str, int]:
    """Return params by the submodule that holds them: position embeddings by the network."""
    found: Counter[str] = Counter()
    for term in terms:
        module = term.op.module
        found["" if module.startswith("interpolate") else module] += term.cost.params
    return nonzero(found)


def observed_params(module: nn.Module) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, parameter in module.named_parameters():
        found[repeated(name.rpartition(".")[0])] += parameter.numel()
    return nonzero(found)


def hold(spec: ModelSpec, setting: Setting) -> None:
    """Compare every closed form with what the real network shows: integers, no tolerance."""
    terms = part_terms(spec, MODEL, setting)
    real = subject.model_subject(spec, setting)
    assert total(terms).params == real.params()
    assert params_by_module(terms) == observed_params(real.on_meta[0])
    assert formula_by_module(terms, TORCH) == nonzero(real.torch_count().by_module)
    if setting.attention == "eager":  # fvcore counts fused attention as 0
        module, inputs = real.real("cpu")
        counted = fvcore.count(module, *inputs)
        assert formula_by_module(terms, FVCORE) == nonzero(counted.by_module)
    assert liveness.peak(terms, setting.dtype).bytes == real.forward.peak.bytes
    step, saved = real.step
    assert liveness.saved(terms, setting.dtype) == saved
    assert training.peak(terms, setting.dtype).bytes == step.peak.bytes


@pytest.mark.parametrize("part", range(PARTS))
def test_random_design_files_meet_every_oracle(part: int, tmp_path: Path) -> None:
    for said, spec, settings in cases(FILES // PARTS, tmp_path, seed=part):
        for setting in settings:
            try:
                hold(spec, setting)
            except AssertionError as error:
                pytest.fail(f"{setting}\n{said}\n{error}")


def test_a_random_design_file_can_be_written_again(tmp_path: Path) -> None:
    for _, spec, _ in cases(200, tmp_path):
        path = tmp_path / "again.toml"
        path.write_text(text(spec, spec.name))
        assert read(path) == spec
