"""A derived form for people: text, Markdown and HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from pvtprof import units
from pvtprof.derive.closed import Closed
from pvtprof.derive.code import as_json, as_latex, as_python
from pvtprof.derive.growth import growth
from pvtprof.derive.piece import Part, Piece
from pvtprof.derive.polynomial import Polynomial
from pvtprof.derive.products import Products
from pvtprof.derive.show import definition_text, point_text, polynomial_text

#: Peaks that the text shows; JSON and Python have all.
_PEAKS = 6
#: Columns that several short texts share.
_WIDTH = 84


def render(form: Closed, style: str, at: Mapping[str, int] | None = None) -> str:
    """Return the form as "text", "markdown", "html", "json", "latex" or "python"."""
    if style == "json":
        return as_json(form, at)
    if style == "latex":
        return as_latex(form)
    if style == "python":
        return as_python(form)
    view = View(form)
    if style == "markdown":
        return view.markdown(at)
    return view.html() if style == "html" else view.text(at)


@dataclass(frozen=True)
class View:
    """What is said of a form, as lines."""

    form: Closed

    def text(self, at: Mapping[str, int] | None) -> str:
        """Return all of it, for a terminal."""
        form = self.form
        lines = [f"{form.name}: closed form of {form.mode}, derived from its code", ""]
        for title, body in self.sections(form.main):
            lines += _titled(title, body)
        lines += ["", *self.table(form.main), ""]
        for piece in form.pieces[1:]:
            lines += _titled("also", [self.other(piece)])
        lines += _titled("remarks", list(form.remarks))
        lines += _titled("verified", self.verified())
        if at:
            lines += ["", *self.at(at)]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def sections(self, piece: Piece) -> list[tuple[str, list[str]]]:
        """Return named sizes, the formulas, the domain and how the cost grows."""
        products = Products(piece)
        sizes = sizes_of(piece)
        text = products.text
        peaks = [f"{text(live)}  ({at or 'the module'})" for live, at in piece.peaks]
        if len(peaks) > _PEAKS:
            peaks = [*peaks[:_PEAKS], f"and {len(peaks) - _PEAKS} more (--format json has all)"]
        found = [
            ("sizes", _columns(sizes)),
            ("MACs", [text(piece.macs)]),
            ("params", [units.integer(piece.params)]),
            ("read", [f"{text(piece.read_bytes)} bytes"]),
            ("written", [f"{text(piece.written_bytes)} bytes"]),
            ("peak", ["bytes, the largest of:"] * (len(peaks) > 1) + peaks),
            ("domain", list(piece.domain.words) or ["every size from 2 on"]),
            ("growth", growth(self.form, piece)),
            ("not counted", [_uncounted(piece)]),
        ]
        if self.form.mode == "training":
            found.insert(6, ("saved", [f"{text(piece.saved_bytes)} bytes"]))
        return found

    def table(self, piece: Piece) -> list[str]:
        """Return a row a submodule."""
        products = Products(piece)
        rows = [("submodule", "calls", "params", "MACs")]
        rows += [self._row(part, products) for part in piece.parts]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return [
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}"
            for row in rows
        ]

    def _row(self, part: Part, products: Products) -> tuple[str, str, str, str]:
        macs = products.text(part.macs) if part.macs else "-"
        params = units.integer(part.params) if part.params else "-"
        return part.module or "the module itself", str(part.calls), params, macs

    def other(self, piece: Piece) -> str:
        """Return a further piece in one line: what differs from the first."""
        main, words = self.form.main, str(piece.domain) or "every size"
        at = dict(piece.domain.given)
        if _put(main.macs, at) == piece.macs and piece.used == main.used:
            peaks = {_put(live, at) for live, _ in main.peaks}
            same = peaks == {live for live, _ in piece.peaks}
            return f"{words}: the same" + ("" if same else ", with another peak")
        return f"{words}: MACs = {polynomial_text(piece.macs)}"

    def verified(self) -> list[str]:
        """Return what the witnesses said, a line each."""
        lines = []
        for witness in dict.fromkeys(check.witness for check in self.form.checks):
            own = [check for check in self.form.checks if check.witness == witness]
            ran = [check for check in own if check.observed is not None]
            wrong = [check for check in ran if not check.agrees]
            points = len({tuple(check.point.items()) for check in ran})
            if ran:
                said = "agrees exactly" if not wrong else f"DISAGREES {len(wrong)} times"
                lines.append(f"{witness}: {said} at {points} random sizes")
            for check in wrong[:3]:
                lines.append(
                    f"  {check.figure} at {point_text(check.point)}: "
                    f"formula {units.integer(check.formula)}, "
                    f"observed {units.integer(check.observed)}"
                )
            for reason in dict.fromkeys(check.reason for check in own if check.observed is None):
                lines.append(f"{witness}: not run: {reason}")
        return lines or ["not asked for"]

    def at(self, point: Mapping[str, int]) -> list[str]:
        """Return the figures at some sizes."""
        costs = self.form(**point)
        figures = [
            ("MACs", costs.macs),
            ("params", costs.params),
            ("read bytes", costs.read_bytes),
            ("written bytes", costs.written_bytes),
            ("peak bytes", costs.peak_bytes),
        ]
        if self.form.mode == "training":
            figures.append(("saved bytes", costs.saved_bytes))
        width = max(len(units.integer(int(value))) for _, value in figures)
        lines = [f"  {name:<14}{units.integer(int(value)):>{width}}" for name, value in figures]
        lines[4] += f"  at {costs.peak_at}" if costs.peak_at else ""
        return [f"At {point_text(point)}:", *lines]

    def markdown(self, at: Mapping[str, int] | None) -> str:
        """Return all of it, for a pull request."""
        piece = self.form.main
        lines = [f"### `{self.form.name}`: closed form of {self.form.mode}", ""]
        for title, body in self.sections(piece):
            lines += [f"**{title}**", "", *(f"- `{line}`" for line in body), ""]
        products = Products(piece)
        lines += ["| submodule | calls | params | MACs |", "|---|---:|---:|---|"]
        for part in piece.parts:
            name, calls, params, macs = self._row(part, products)
            lines.append(f"| `{name}` | {calls} | {params} | `{macs}` |")
        lines += ["", *(f"- also {self.other(p)}" for p in self.form.pieces[1:])]
        lines += [f"- {line}" for line in (*self.form.remarks, *self.verified())]
        if at:
            lines += ["", *(f"    {line}" for line in self.at(at))]
        return "\n".join(lines) + "\n"

    def html(self) -> str:
        """Return formulas and the table by submodule, for a notebook."""
        rows = "".join(
            f"<tr><th scope='row'>{html.escape(title)}</th>"
            f"<td>{'<br>'.join(html.escape(line) for line in body)}</td></tr>"
            for title, body in self.sections(self.form.main)
        )
        products = Products(self.form.main)
        parts = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in self._row(p, products))
            + "</tr>"
            for p in self.form.main.parts
        )
        return (
            f"<table><caption>{html.escape(self.form.name)}</caption>{rows}</table>"
            "<table><tr><th>submodule</th><th>calls</th><th>params</th><th>MACs</th></tr>"
            f"{parts}</table>"
        )


def sizes_of(piece: Piece) -> list[str]:
    """Return the named sizes of a piece, each with what it is: h1 before w1, and both before h2."""

    def number(name: str) -> tuple[int, str]:
        letters = name.rstrip("0123456789")
        return int(name[len(letters) :] or 0), letters

    made = sorted(piece.used, key=lambda item: number(item[0]))
    found = [f"{name} = {definition_text(its)}" for name, its in made]
    return found + [
        f"{name} = {' '.join(sorted(factors))}" for name, factors in Products(piece).named.items()
    ]


def _put(polynomial: Polynomial, values: Mapping[str, int]) -> Polynomial:
    return polynomial.substituted({n: Polynomial.number(v) for n, v in values.items()})


def _titled(title: str, body: list[str]) -> list[str]:
    return [f"{title if i == 0 else '':<12} {line}" for i, line in enumerate(body)]


def _columns(cells: list[str]) -> list[str]:
    """Return short texts, several a line."""
    if not cells:
        return ["those of the input"]
    cell = max(map(len, cells)) + 3
    each = max(1, _WIDTH // cell)
    return [
        "".join(f"{text:<{cell}}" for text in cells[i : i + each]).rstrip()
        for i in range(0, len(cells), each)
    ]


def _uncounted(piece: Piece) -> str:
    names = [f"{name} x{times}" for name, times in piece.uncounted.items()]
    more = f" and {len(names) - 8} more kinds" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more or "nothing"
