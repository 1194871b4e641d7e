"""A run as Markdown: for issues, pull requests and notes."""

from __future__ import annotations

from pvtprof import units
from pvtprof.report import notes, sentences
from pvtprof.run.row import Row
from pvtprof.run.run import Run

HEADER = ("stage", "variant", "keys", "MACs", "params", "peak", "latency", "95 % (ms)", "agrees")


def render(run: Run) -> str:
    """Return the tables, the sentences and the notes of every comparison."""
    lines = [f"<!-- pvtprof {run.environment.pvtprof} -->"]
    for one in run.comparisons:
        lines += [*_comparison(one), ""]
    lines += [f"`{run.command}`", "<!-- end of pvtprof -->"]
    return "\n".join(lines) + "\n"


def _comparison(run: Run) -> list[str]:
    return [
        f"### {sentences.place(run)}, {sentences.setting(run)}, {run.environment.device}",
        "",
        f"| {' | '.join(HEADER)} |",
        f"|---|---|{'---:|' * (len(HEADER) - 3)}---|",
        *(f"| {' | '.join(_cells(row))} |" for row in run.rows),
        "",
        *sentences.sentences(run),
        "",
        *(f"- {text}" for text in (*sentences.disagreements(run), *notes.notes(run))),
    ]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        "model" if row.part.stage is None else str(row.part.stage),
        row.design.name,
        units.integer(row.kv_tokens),
        units.integer(row.macs),
        units.integer(row.params),
        units.size(row.peak.bytes),
        units.milliseconds(row.latency_median_s),
        units.interval(row.latency_interval_s),
        ("yes" if row.agrees else "NO") if row.witnesses else "-",
    )
