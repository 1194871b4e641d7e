"""A closed form that shows itself: as text, in a notebook, in a paper."""

from __future__ import annotations

from pvtprof.derive.closed import Closed
from pvtprof.derive.closed import OutsideError as OutsideError
from pvtprof.derive.render import render


class Form(Closed):
    """The closed form of a module, with the domain in which it is proven.

    See ``Closed`` for its fields; it is called with sizes, and printed.
    """

    def __str__(self) -> str:
        return render(self, "text")

    def _repr_html_(self) -> str:
        return render(self, "html")

    def _repr_latex_(self) -> str:
        return "$$" + render(self, "latex") + "$$"
