"""The closed form of one attention design, for people, papers and scripts."""

from __future__ import annotations

import io

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pvtprof import units
from pvtprof.analytic import algebra
from pvtprof.analytic.formulas import attention_ops
from pvtprof.analytic.geometry import model_sizes
from pvtprof.designs.variants import TOKENS, VARIANTS
from pvtprof.designs.workload import Workload
from pvtprof.errors import SpecError
from pvtprof.report import listing

FORMATS = ("text", "latex", "python")
Stage = tuple[int, dict[str, int], int, int]


def render(variant: str, form: str, workload: Workload | None, width: int) -> str:
    """Return the formula as "text", "latex" or "python"; with a workload, figures by stage too."""
    stages = _stages(variant, workload) if workload else []
    bias = _bias(workload)
    if form == "latex":
        return _latex(variant, stages, bias)
    if form == "python":
        return _python(variant, stages, bias)
    return _text(variant, workload, stages, width)


def _bias(workload: Workload | None) -> bool:
    """Return whether queries, keys and values have a bias; one formula is that of all stages."""
    if workload is None:
        return True
    biases = {stage.qkv_bias for stage in workload.model.stages}
    if len(biases) > 1:
        raise SpecError(
            f"the stages of {workload.name} differ in qkv_bias, and one formula is not that of "
            "all; set qkv_bias to true or false"
        )
    return biases.pop()


def _stages(variant: str, workload: Workload) -> list[Stage]:
    """Return (stage, the symbols' values, MACs, params) of the stages in which the design runs."""
    spec = workload.spec(variant)
    sizes = model_sizes(spec, workload.batch, (workload.height, workload.width))
    found = []
    for number, stage in enumerate(spec.stages, 1):
        if stage.runs_as == variant:
            values = algebra.values(sizes[number - 1])
            of = (algebra.macs, algebra.params)
            figures = (algebra.total(f, variant, stage.qkv_bias).at(values) for f in of)
            found.append((number, values, *figures))
    return found  # type: ignore[return-value] # two figures


def _text(variant: str, workload: Workload | None, stages: list[Stage], width: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    bias = _bias(workload)
    biases = "with biases" if bias else "no bias of queries, keys and values"
    console.print(
        Text(f"{variant}: {VARIANTS[variant].source}, one module, {biases}"), "", sep="\n"
    )
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 1), pad_edge=False, show_edge=False)
    for name in ("operator", "MACs", "params"):
        table.add_column(name)
    for op in attention_ops(variant, qkv_bias=bias):
        cells = [algebra.text(f(op, variant)) for f in (algebra.macs, algebra.params)]
        if cells != ["0", "0"]:
            table.add_row(op.name, *("-" if cell == "0" else cell for cell in cells))
    listing.print_table(console, table)
    console.print()
    for name, quantity in (("MACs  ", algebra.macs), ("params", algebra.params)):
        console.print(Text(f"{name} = {algebra.text(algebra.total(quantity, variant, bias))}"))
    console.print()
    for symbol in _symbols(variant):
        console.print(Text(f"{symbol}: {algebra.SYMBOLS[symbol]}"))
    console.print(Text(algebra.keys(variant)))
    if workload:
        size = units.sides(workload.height, workload.width)
        console.print(Text(f"\nAt {workload.name}, {size}, batch {workload.batch}:"))
        if stages:
            listing.print_table(console, _figures(variant, stages))
        else:
            console.print(Text("no stage runs as this"))
    return listing.trimmed(out)


def _figures(variant: str, stages: list[Stage]) -> Table:
    symbols = _arguments(variant)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 1), pad_edge=False, show_edge=False)
    table.add_column("stage")
    for name in (*symbols, "MACs", "params"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, values, macs, params in stages:
        numbers = (*(values[symbol] for symbol in symbols), macs, params)
        table.add_row(str(number), *map(units.integer, numbers))
    return table


def _symbols(variant: str) -> list[str]:
    """Return the symbols in the totals, except M, in the order in which they are explained."""
    used = {
        symbol
        for quantity in (algebra.macs, algebra.params)
        for product in algebra.total(quantity, variant).terms
        for symbol, _ in product
    }
    return [symbol for symbol in algebra.SYMBOLS if symbol in used]


def _arguments(variant: str) -> list[str]:
    """Return all symbols in the totals; in plain attention M is N."""
    return [*_symbols(variant), *(["M"] if VARIANTS[variant].keys != TOKENS else [])]


def _latex(variant: str, stages: list[Stage], bias: bool) -> str:
    name = rf"\mathrm{{{variant.replace('_', chr(92) + '_')}}}"
    macs, params = (
        algebra.latex(algebra.total(f, variant, bias)) for f in (algebra.macs, algebra.params)
    )
    lines = [
        rf"\mathrm{{MACs}}({name}) &= {macs}",
        rf"\mathrm{{params}}({name}) &= {params}",
        algebra.keys_latex(variant),
    ]
    for number, values, at, learned in stages:
        given = ", ".join(f"{s} = {v}" for s, v in values.items() if s in "BNMRC")
        lines.append(rf"\text{{stage {number}: }} {given} &: \quad {at}, \quad {learned}")
    joined = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{align*}}\n{joined}\n\\end{{align*}}\n"


def _python(variant: str, stages: list[Stage], bias: bool) -> str:
    symbols = _arguments(variant)
    macs, params = (
        algebra.python(algebra.total(f, variant, bias)) for f in (algebra.macs, algebra.params)
    )
    lines = [
        f"def {variant}({', '.join(symbols)}):",
        f'    """MACs and params of one attention module; {algebra.keys(variant)}."""',
        f"    return {macs}, {params}",
        "",
    ]
    for number, values, at, learned in stages:
        given = ", ".join(f"{s}={values[s]}" for s in symbols)
        lines.append(f"assert {variant}({given}) == ({at}, {learned})  # stage {number}")
    return "\n".join(lines).rstrip() + "\n"
