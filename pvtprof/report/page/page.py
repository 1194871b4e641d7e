"""What every page shares: one file, no network, scripts that run because their hash is named."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from pvtprof import __version__, spoken, units

#: Where the template leaves room for what depends on the rest of the page.
HASHES, SCRIPTS = "@hashes@", "<!--scripts-->"


def page(
    template: str,
    scripts: Sequence[str],
    styles: Sequence[str] = (),
    **values: object,
) -> str:
    """Return a page of that template; ``scripts`` and ``styles`` are files of assets/.

    The library of charts travels with pages that have charts, the font with those with formulas.
    """
    environment = Environment(
        loader=PackageLoader("pvtprof.report"), autoescape=True, keep_trailing_newline=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # order means something here
    environment.filters["cell"] = units.cell
    environment.filters["unbroken"] = spoken.unbroken
    first = Markup(_asset("theme.js"))
    text = environment.get_template(template).render(
        version=__version__,
        style=Markup("".join(_asset(f"{name}.css") for name in ("style", *styles))),
        font=_font(),
        first=first,
        **values,
    )
    has_charts = "data-chart=" in text
    later = {"plotly": plotlyjs()} if has_charts else {}
    later |= {name: _asset(f"{name}.js") for name in ("page", *scripts)}
    last = _asset("later.js")
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in (first, *later.values(), last))
    made = "\n".join(
        f'<script type="text/plain" data-name="{name}">{text}</script>'
        for name, text in later.items()
    )
    head, end, rest = text.replace(HASHES, hashes, 1).rpartition(SCRIPTS)
    return f"{head}{made}\n<script>{last}</script>{rest}" if end else rest


def assets_of(names: Iterable[str], kind: str) -> list[str]:
    """Return the names of which there is a file of that kind ("js", "css") in assets/."""
    folder = files("pvtprof.report").joinpath("assets")
    return [name for name in names if folder.joinpath(f"{name}.{kind}").is_file()]


def compressed(text: str) -> str:
    """Return a text as base64 of gzip, which a page unpacks to the same bytes."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


@cache
def _font() -> str:
    return base64.b64encode(_bytes("vendor/stix-two-math.woff2")).decode()


@cache
def plotlyjs() -> str:
    """Return plotly.js's basic bundle, a quarter of the full one.

    Source: npm, plotly.js-basic-dist-min 4.1.1, as published; MIT (vendor/plotly-LICENSE).
    """
    return _bytes("vendor/plotly-basic.min.js").decode()


def _bytes(name: str) -> bytes:
    """Return a file of this package.

    ``vendor/stix-two-math.woff2`` is a subset (letters, digits, operators, brackets; its MATH
    table whole) of STIX Two Math 2.12, npm @fontsource/stix-two-math 5.3.0, made with fonttools;
    OFL (vendor/stix-two-math-OFL.txt).
    """
    return files("pvtprof.report").joinpath(name).read_bytes()


def _asset(name: str) -> str:
    return _bytes(f"assets/{name}").decode()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
