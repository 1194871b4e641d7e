"""A run as Markdown: for issues, pull requests and notes."""

from __future__ import annotations

from pvtprof import units
from pvtprof.report import sentences
from pvtprof.run.row import Row
from pvtprof.run.run import Run

HEADER = ("stage", "variant", "keys", "MACs", "params", "peak", "latency", "95 % (ms)", "agrees")


def render(run: Run) -> str:
    """The table, the verdict and the notes."""
    work = run.workload
    lines = [
        f"<!-- pvtprof {run.environment.pvtprof} -->",
        f"### {work.model} at {work.height}x{work.width}, {sentences.setting(run)}, "
        f"{run.environment.device}",
        "",
        f"| {' | '.join(HEADER)} |",
        f"|---|---|{'---:|' * (len(HEADER) - 3)}---|",
        *(f"| {' | '.join(_cells(row))} |" for row in run.rows),
        "",
        *sentences.sentences(run),
        "",
        *(f"- {text}" for text in (*sentences.disagreements(run), *sentences.notes(run))),
        "",
        f"`{run.command}`",
        "<!-- end of pvtprof -->",
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        "model" if row.scope.stage is None else str(row.scope.stage),
        row.scope.variant,
        units.integer(row.kv_tokens),
        units.integer(row.macs),
        units.integer(row.params),
        units.size(row.peak.bytes),
        units.milliseconds(row.latency_median_s),
        units.interval(row.latency_interval_s),
        ("yes" if row.agrees else "NO") if row.counts else "-",
    )
