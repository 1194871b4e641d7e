"""A run as Markdown: for issues, pull requests and notes."""

from __future__ import annotations

from pvtprof import units
from pvtprof.report import gpu, notes, own, sentences
from pvtprof.run.row import Row
from pvtprof.run.run import Run

COSTS = ("stage", "variant", "keys", "MACs", "params", "peak")


def render(run: Run) -> str:
    """Return the tables, the sentences and the notes of every comparison."""
    lines = [f"<!-- pvtprof {run.environment.pvtprof} -->"]
    for one in run.comparisons:
        lines += [*(own.markdown(run) if one.is_own else _comparison(one)), ""]
    lines += [f"`{run.command}`", "<!-- end of pvtprof -->"]
    return "\n".join(lines) + "\n"


def _comparison(run: Run) -> list[str]:
    return [
        f"### {sentences.place(run)}, {sentences.setting(run)}, {run.environment.device}",
        "",
        *_table(run),
        "",
        *sentences.sentences(run),
        "",
        *(f"- {text}" for text in (*sentences.disagreements(run), *notes.notes(run))),
    ]


def _table(run: Run) -> list[str]:
    times = _times(run)
    header = (*COSTS, *times, "agrees")
    lines = [
        (*_costs(row), *cells, ("yes" if row.agrees else "NO") if row.witnesses else "-")
        for row, *cells in zip(run.rows, *times.values(), strict=True)
    ]
    return [
        f"| {' | '.join(header)} |",
        f"|---|---|{'---:|' * (len(header) - 3)}---|",
        *(f"| {' | '.join(line)} |" for line in lines),
    ]


def _times(run: Run) -> dict[str, list[str]]:
    """Columns of what was timed, by their names; on a GPU those that any row has."""
    if not run.setting.on_cuda:
        return {
            "latency": list(map(sentences.latency, run.rows)),
            "95 % (ms)": [units.interval(row.latency_interval_s) for row in run.rows],
        }
    found: dict[str, list[str]] = {}
    for figure, before in zip(gpu.FIGURES, (None, *gpu.FIGURES), strict=False):
        cells = [figure.text(row) for row in run.rows]
        if any(cell != "-" for cell in cells):
            name = f"{before.name} {figure.name} (ms)" if before and figure.name == "95 %" else ""
            found[name or figure.name] = cells
    return found


def _costs(row: Row) -> tuple[str, ...]:
    return (
        "model" if row.part.stage is None else str(row.part.stage),
        row.design.name,
        units.integer(row.kv_tokens),
        units.integer(row.macs),
        units.integer(row.params),
        units.size(row.peak.bytes),
    )
