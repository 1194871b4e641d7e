"""What a run says of modules of the user's own: side by side, beside PVT's, by submodule."""

from __future__ import annotations

from collections.abc import Iterator

from pvtprof import units
from pvtprof.designs.design import TargetDesign
from pvtprof.designs.part import MODEL
from pvtprof.designs.spec import IN_CHANNELS
from pvtprof.report import notes, phrases, sentences
from pvtprof.report.sheet import Sheet
from pvtprof.run.row import Row
from pvtprof.run.run import Run

#: The text above the table of a page.
BESIDE = (
    "Your modules by their derived closed forms, beside the designs of PVT that take the same "
    "input: one attention module of a stage, or a whole model. All are held to the same witnesses."
)


def wholes(run: Run) -> list[Row]:
    """The rows of whole modules of the user's own."""
    return [row for row in run.rows if row.is_own and row.part == MODEL]


def peers(run: Run) -> list[Row]:
    """The rows of PVT's designs that take the same input as one of the user's own modules.

    Tokens (batch, tokens, channels) and maps (batch, channels, height, width) are the same input
    of an attention module; images of a whole model.
    """
    wanted = {taken for row in wholes(run) if (taken := _taken_by_own(row))}
    return [row for row in run.rows if not row.is_own and _taken(row) in wanted]


def _taken(row: Row) -> tuple[int, ...]:
    """What a row of PVT takes: batch, positions, channels; of an image its sides too."""
    its = row.setting
    if row.part == MODEL:
        return (its.batch, its.height, its.width, IN_CHANNELS)
    return (its.batch, row.tokens or 0, row.dim or 0)


def _taken_by_own(row: Row) -> tuple[int, ...] | None:
    if not isinstance(row.design, TargetDesign):
        return None
    shape = row.design.shape_at(row.setting.point)
    if len(shape) == 4 and shape[1] == IN_CHANNELS:
        return (shape[0], *shape[2:], IN_CHANNELS)
    if len(shape) == 4:
        return (shape[0], shape[2] * shape[3], shape[1])
    return shape if len(shape) == 3 else None


def name_of(row: Row) -> str:
    """What a row is called beside others: the design, or the model, the part and the variant."""
    return row.design.name if row.is_own else f"{row.design.model}, {row.name}"


def sizes_of(row: Row) -> str:
    """At which sizes a row ran."""
    its = row.setting
    if row.is_own:
        return ", ".join(f"{name}={size}" for name, size in its.sizes)
    return f"{units.grid(*its.image)}, batch {its.batch}"


def title(run: Run) -> str:
    """Which modules stand side by side, in one line."""
    names = [row.design.name for row in wholes(run)]
    return f"{' and '.join(names) if len(names) < 3 else f'{len(names)} modules of your own'}"


def setting(run: Run) -> str:
    """What they ran on, in one line."""
    dtypes = ", ".join(dict.fromkeys(row.setting.dtype for row in wholes(run)))
    step = ", training step" if run.setting.mode == "training" else ""
    return f"{'; '.join(dict.fromkeys(map(sizes_of, wholes(run))))}; {dtypes}{step}"


def beside(run: Run) -> Sheet:
    """Every module as a line, with PVT's designs that take the same input."""
    header = (
        "design",
        "at",
        "MACs",
        "params",
        "peak",
        "saved",
        "moved",
        "FLOPs/B",
        "latency",
        "95 %",
        "predicted",
    )
    lines = [
        (
            name_of(row),
            sizes_of(row),
            units.integer(row.macs),
            units.integer(row.params),
            units.size(row.peak.bytes),
            units.size(row.saved_bytes if run.setting.mode == "training" else None),
            units.size(sum(row.moved_bytes)),
            units.intensity(row.intensity),
            sentences.latency(row),
            units.interval(row.latency_interval_s),
            sentences.predicted(row),
        )
        for row in (*wholes(run), *peers(run))
    ]
    return _without_empty(Sheet("Side by side", header, tuple(lines)))


def submodules(run: Run) -> Sheet:
    """Every submodule that has a row."""
    header = (
        "design",
        "submodule",
        "calls",
        "MACs",
        "of all",
        "params",
        "moved",
        "peak while it runs",
    )
    total = {row.design: row.macs for row in wholes(run)}
    lines = tuple(
        (
            row.design.name,
            row.part.name,
            units.integer(row.blocks),
            units.integer(row.macs),
            units.percent(row.macs, total[row.design]),
            units.integer(row.params),
            units.size(sum(row.moved_bytes)),
            units.size(row.peak.bytes),
        )
        for row in run.rows
        if row.part.module is not None
    )
    return Sheet("By submodule", header, lines)


def _without_empty(sheet: Sheet) -> Sheet:
    """The sheet without columns that have nothing in any line."""
    kept = [i for i, cells in enumerate(zip(*sheet.lines, strict=True)) if set(cells) != {"-"}]
    return Sheet(
        sheet.caption,
        tuple(sheet.header[i] for i in kept),
        tuple(tuple(line[i] for i in kept) for line in sheet.lines),
    )


def said(run: Run) -> Iterator[str]:
    """All that the run says of the user's own modules, one sentence each."""
    own = next(one for one in run.comparisons if one.is_own)
    yield sentences.agreement(own)
    yield from sentences.doubts(run)
    from pvtprof.report.page import forms

    for form in forms.forms(own):
        yield forms.brief(form)
    first, *others = wholes(run)
    for row in (*others, *peers(run)):
        yield _ratio(row, first)


def _ratio(row: Row, first: Row) -> str:
    name = first.design.name
    parts = [
        _share(row.macs, first.macs, f"{name}'s MACs"),
        _share(row.params, first.params, "its params"),
        _share(row.peak.bytes, first.peak.bytes, "its peak memory"),
    ]
    text = f"{name_of(row)} needs {', '.join(parts[:2])} and {parts[2]}"
    if row.is_doubtful or first.is_doubtful:
        pass
    elif sentences.equally_fast(row, first):
        text += ", and is as fast within the noise"
    elif row.latency and first.latency:
        text += f", and takes {_share(row.latency.median, first.latency.median, 'its time')}"
    return f"{text}."


def _share(part: float, whole: float, what: str) -> str:
    """A part of something, or a multiple of it.

    >>> _share(1, 2, "its params"), _share(4, 2, "its params")
    ('50.0 % of its params', '2.00x its params')
    """
    return phrases.of(units.ratio(part, whole), what)


def remarks(run: Run) -> Iterator[str]:
    """What a reader must know of the user's own modules."""
    own = next(one for one in run.comparisons if one.is_own)
    yield from sentences.disagreements(own)
    yield from notes.notes(own)


def markdown(run: Run) -> list[str]:
    """The tables, the sentences and the remarks, as lines of Markdown."""
    lines = []
    for sheet in (beside(run), submodules(run)):
        if sheet.lines:
            lines += [f"| {' | '.join(sheet.header)} |", _rule(sheet)]
            lines += [f"| {' | '.join(line)} |" for line in sheet.lines]
            lines.append("")
    return [*lines, *said(run), "", *(f"- {text}" for text in remarks(run))]


def _rule(sheet: Sheet) -> str:
    return f"|{'|'.join('---:' if right else '---' for right in sheet.right)}|"
