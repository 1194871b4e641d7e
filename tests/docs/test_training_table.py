"""The table of what trains at 800x1333, as docs/training-memory.md prints it, figure by figure."""

from __future__ import annotations

from itertools import product

import pytest

from pvtprof.analytic.parts import needs
from pvtprof.designs.workload import workload
from tests.docs.pages import DOCS
from tests.trials import ALL

TASKS = ("pyramid", "retinanet", "mask-rcnn")
HOW = [
    {"amp": amp, "checkpoint": checkpoint}
    for amp, checkpoint in product(("off", "bfloat16"), (False, True))
]
COLUMNS = list(product(TASKS, HOW))
CARD = 24 * 2**30


def rows() -> list[list[str]]:
    """Model, design and figures of each row of the table."""
    (page,) = (page for page in DOCS if page.path.endswith("training-memory.md"))
    lines = [line for line in page.text.splitlines() if line.startswith("| `pvt")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def figure(model: str, design: str, task: str, how: dict[str, object]) -> str:
    """GiB of parameters, images and peak; in bold where a card of 24 GiB has less."""
    asked = workload(
        model,
        (800, 1333),
        batch=2,
        mode="training",
        task=task,
        proposals=512,
        optimizer="adamw",
        designs=[design],
        **how,  # type: ignore[arg-type] # as in HOW
    )
    needed, _ = needs(asked.designs[0].spec, asked.setting)
    return f"**{needed / 2**30:.1f}**" if needed > CARD else f"{needed / 2**30:.1f}"


@pytest.mark.parametrize("number", range(len(rows())))
def test_every_row_is_what_the_formulas_say(number: int) -> None:
    """One figure of each row, another column each time; all of them where everything is tried."""
    model, design, *printed = rows()[number]
    assert len(printed) == len(COLUMNS)
    for column, (task, how) in enumerate(COLUMNS):
        if ALL or column == number % len(COLUMNS):
            assert figure(model, design, task, how) == printed[column], (model, task, how)


def test_there_is_a_row_of_every_published_backbone() -> None:
    models = [model for model, *_ in rows()]
    assert len(models) == 12
    assert len(set(models)) == 11
