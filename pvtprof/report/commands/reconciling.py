"""What explains a printed figure, as text or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pvtprof import units
from pvtprof.analytic.printed import TRUNCATED, TWICE, Printed
from pvtprof.analytic.reconcile import Explanation, Reading, Reconciled
from pvtprof.analytic.reconcile_params import PARTS
from pvtprof.analytic.tools import TOOLS
from pvtprof.designs.tasks import CLASSIFY

#: Explanations in the text; JSON has all.
MOST = 6
#: So many assumptions may give any digits.
CHANCE = 6
_SCIENTIFIC = {10**3: "K", 10**6: "M", 10**9: "G", 10**12: "T"}


def render(model: str, found: Sequence[Reconciled], form: str, width: int) -> str:
    """Return what explains the figures of a model as "table" (text of ``width``) or "json"."""
    if form == "json":
        return json.dumps([_record(model, one) for one in found], indent=1) + "\n"
    return "\n".join(_text(model, one, min(width, 100)) for one in found)


def sentence(printed: Printed, one: Explanation) -> str:
    """Return in one sentence what was counted, what was not, and how it was printed."""
    said = _params(one) if one.reading.tool in PARTS else _operations(printed, one)
    letter = _SCIENTIFIC.get(printed.unit, "")
    if one.unit != printed.unit:
        power = one.unit.bit_length() - 1
        said.append(f"{letter} taken as 2^{power}")
    if one.how == TRUNCATED:
        said.append("truncated, not rounded")
    if one.how == TWICE:
        said.append("rounded twice: to one digit more, then again")
    return ", ".join(said)


def _params(one: Explanation) -> list[str]:
    return [f"{PARTS[one.reading.tool][0]}{_of_task(one.reading)}"]


def _operations(printed: Printed, one: Explanation) -> list[str]:
    reading = one.reading
    tool = TOOLS[reading.tool]
    two = _is_two(reading)
    where = f" at {units.sides(*reading.image)}" if reading.image else ""
    said = [f"{'FLOPs (two per MAC)' if two else 'MACs'}{where}{_of_task(reading)}"]
    if reading.tool != "torchinfo":
        said.append(f"the products of attention {'counted' if reading.products else 'left out'}")
    if not reading.head:
        said.append("without the classifier")
    if reading.softmax:
        said.append("softmax counted as a module")
    verb = "count" if "'s " in tool.whose else "counts"
    said.append(f"as {tool.whose} {verb}")
    if two and printed.said == "macs":
        said.append("FLOPs called MACs")
    if not two and printed.said == "flops":
        said.append("MACs called FLOPs")
    return said


def _of_task(reading: Reading) -> str:
    return "" if reading.task in ("", CLASSIFY) else f", --task {reading.task}"


def _is_two(reading: Reading) -> bool:
    return reading.doubled or TOOLS[reading.tool].convention.per_mac == 2


def besides(reading: Reading) -> str:
    """Return what a convention counts besides matrix products and convolutions."""
    return TOOLS[reading.tool].besides if reading.tool in TOOLS else ""


def _text(model: str, found: Reconciled, width: int) -> str:
    printed = found.printed
    if found.is_explained:
        several = len(found.explanations)
        give = "gives" if several == 1 else "give"
        ways = f"{several} of {found.tried} ways to count {give}"
        said = f"{printed.text}, {model}: {ways} these digits."
        groups = _groups(printed, found.explanations)
    else:
        off = found.nearest[0].off
        said = (
            f"None of {found.tried} ways to count gives {printed.text} for {model}. The nearest is "
            f"{_percent(off)} off:"
        )
        groups = _groups(printed, found.nearest)
    lines = textwrap.wrap(said, width)
    for number, group in enumerate(groups[:MOST], 1):
        lines += ["", *_paragraph(printed, number, group, width)]
    if len(groups) > MOST:
        lines += ["", f"{len(groups) - MOST} more: --format json has all."]
    if found.nearest and printed.unit == 10**6 and found.nearest[0].reading.tool not in PARTS:
        hint = f"If {printed.text} is a number of parameters, write --params {printed.text}."
        lines += ["", *textwrap.wrap(hint, width)]
    return "\n".join(lines) + "\n"


def _groups(printed: Printed, ordered: Iterable[Explanation]) -> list[list[Explanation]]:
    """Return together what differs in small parts alone, in the order of the first of each."""
    groups: dict[tuple[Any, ...], list[Explanation]] = {}
    for one in ordered:
        reading = one.reading
        part = reading.tool if reading.tool in PARTS or reading.tool == "torchinfo" else ""
        key = (reading.task, reading.image, reading.products, reading.head, one.unit, one.how, part)
        two = reading.tool in TOOLS and _is_two(reading)
        groups.setdefault((*key, two), []).append(one)
    return list(groups.values())


def _paragraph(
    printed: Printed, number: int, group: Sequence[Explanation], width: int
) -> Iterator[str]:
    first, *others = group
    off = "" if first.how else f" ({_signed(printed, first)})"
    start = f"{number}. {units.integer(first.count)}{off}: "
    yield from _wrapped(start, sentence(printed, first), width)
    if counted := besides(first.reading):
        yield from _wrapped("   ", f"Also counted: {counted}.", width)
    if first.how and first.steps >= CHANCE:
        yield from _wrapped("   ", "This takes many assumptions, and may be chance.", width)
    if others:
        names = "; ".join(map(_small, others))
        yield from _wrapped("   ", f"As other tools count it: {names}.", width)


def _small(one: Explanation) -> str:
    """Return whose count it is, and the count."""
    module = " with a softmax module" if one.reading.softmax else ""
    return f"{TOOLS[one.reading.tool].whose}{module} {units.integer(one.count)}"


def _signed(printed: Printed, one: Explanation) -> str:
    above = one.count * 10**printed.decimals > printed.mantissa * one.unit
    return f"{'+' if above else '-'}{_percent(one.off)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 1 else f"{100 * share:,.0f} %"


def _wrapped(start: str, text: str, width: int) -> list[str]:
    end = "" if text.endswith(".") else "."
    whole = f"{start}{text}{end}"
    return textwrap.wrap(whole, width, subsequent_indent="   ", break_on_hyphens=False)


def _record(model: str, found: Reconciled) -> dict[str, Any]:
    printed = found.printed
    return {
        "figure": printed.text,
        "model": model,
        "explained": found.is_explained,
        "readings": found.tried,
        "explanations": [_fields(printed, one) for one in found.explanations],
        "nearest": [_fields(printed, one) for one in found.nearest],
    }


def _fields(printed: Printed, one: Explanation) -> dict[str, Any]:
    reading = one.reading
    fields: dict[str, Any] = {"count": one.count, "unit": one.unit, "digits": one.how or None}
    fields |= {"off": one.off, "assumptions": one.steps, "task": reading.task or None}
    if reading.tool in PARTS:
        return {**fields, "part": reading.tool, "sentence": sentence(printed, one)}
    height, width = reading.image or (None, None)
    return {
        **fields,
        "height": height,
        "width": width,
        "convention": reading.tool,
        "attention_products": reading.products,
        "classifier": reading.head,
        "softmax_module": reading.softmax,
        "per_mac": 2 if _is_two(reading) else 1,
        "counted_besides": besides(reading),
        "sentence": sentence(printed, one),
    }
