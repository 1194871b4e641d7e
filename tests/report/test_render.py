"""Frame, charts, terminal, Markdown and page: what a user sees."""

from __future__ import annotations

import base64
import getpass
import json
import os
import platform
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from html import escape as html_escape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from plotly.offline import get_plotlyjs_version

import pvtprof
from pvtprof import units
from pvtprof.observe.environment import environment
from pvtprof.report import markdown, terminal_answer, terminal_full
from pvtprof.report.answer.answer import answer
from pvtprof.report.figures import agreement, cost, latency, still
from pvtprof.report.page import html
from pvtprof.report.page.page import plotlyjs
from pvtprof.run.run import Run
from tests.builders import observed_run, with_row

Golden = Callable[[str, str], None]


@pytest.fixture(scope="module")
def run() -> Run:
    return observed_run()


def test_the_frame_has_one_row_a_scope_and_whole_numbers(run: Run) -> None:
    frame = run.to_frame()
    assert len(frame) == 15
    assert not frame.duplicated(["scope", "stage", "variant"]).any()
    assert frame["macs"].tolist() == [row.macs for row in run.rows]
    assert str(frame["stage"].dtype) == str(frame["macs"].dtype) == "Int64"
    assert frame["stage"].isna().sum() == 3
    assert frame.loc[0, "latency_median_s"] == pytest.approx(1e-3 * 1.03)


def test_an_analytic_frame_has_no_observed_figures() -> None:
    frame = pvtprof.compare(analytic=True).to_frame()
    for column in ("fvcore_counted", "latency_median_s", "peak_observed_bytes", "agrees"):
        assert frame[column].isna().all()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", ["answer", "terminal"])
def test_the_terminal(run: Run, name: str, width: int, golden: Golden) -> None:
    text = {"answer": terminal_answer, "terminal": terminal_full}[name].render(run, width)
    assert max(map(len, text.splitlines())) <= width
    golden(f"{name}-{width}.txt", text)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("img", [224, 1024, 16384])
def test_narrow_terminals_name_the_columns_that_they_lose_and_lose_no_digit(
    img: int, width: int
) -> None:
    run = pvtprof.compare(img=img, batch=4096, analytic=True)
    text = terminal_full.render(run, width, exact=True)
    assert "…" not in text
    header = next(line for line in text.splitlines() if line.startswith("stage ")).split()
    named = re.search(r"- ([^-]*) (?:is|are) left out at", " ".join(text.split()))
    left_out = named[1].split(", ") if named else []
    columns = [*run.variants, "conv/mha", "pool/mha"]
    assert [c for c in columns if c not in left_out] == [c for c in columns if c in header]
    for variant in (v for v in run.variants if v not in left_out):
        for row in (row for row in run.rows if row.design.name == variant):
            assert units.integer(row.macs) in text, row.name


def test_the_markdown(run: Run, golden: Golden) -> None:
    golden("report.md", markdown.render(run))


def test_the_page_has_every_figure_of_every_row(run: Run) -> None:
    page = html.render(run)
    for row in run.rows:
        assert f"<td class=n>{units.integer(row.macs)}</td>" in page
        for op in row.ops:
            assert f"<td>{op.name}</td>" in page


def test_texts_from_a_file_cannot_become_markup(run: Run) -> None:
    evil = "</script><script>alert(1)</script>"
    hostile = with_row(run, 1, "mha", not_run=evil)
    page = html.render(hostile)
    assert evil not in page
    assert "&lt;/script&gt;" in page


def test_the_page_names_no_other_place(run: Run) -> None:
    page = html.render(run)
    assert 'data-name="plotly"' not in page  # the sections draw by themselves
    assert len(page.encode()) < 900_000
    assert re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:|#)[^"'> ]+""", page) == []
    assert "default-src 'none'" in page


def test_the_bundle_is_of_the_plotly_that_makes_the_figures() -> None:
    """The basic bundle, of the pages that have plotly's charts, draws bars, scatter and pies."""
    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in plotlyjs()[:100]
    figures = observed_run().figures().values()
    found = {trace.type for figure in figures for trace in figure.data}
    assert found
    assert found <= {"bar", "scatter", "pie"}


def test_an_analytic_page_has_no_empty_sections() -> None:
    page = html.render(pvtprof.compare(analytic=True))
    assert "Formulas alone" in page
    assert "Nothing was timed in this run" in page


def test_all_tags_are_closed(run: Run) -> None:
    class Checker(HTMLParser):
        open: list[str] = []  # noqa: RUF012 # one parser, one page

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "link", "input"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    checker = Checker()
    checker.feed(html.render(run))
    assert checker.open == []


def test_the_chart_of_macs_has_a_bar_for_each_operator_and_design(run: Run) -> None:
    info = cost.cost_info(run)
    assert info is not None
    traces = cost.draw_cost(info).data
    whole = [trace for trace in traces if trace.xaxis == f"x{len(info.frames)}"]
    for design in run.variants:
        drawn = sum(trace.x[0] for trace in whole if trace.y[0] == design)
        assert drawn == run.row(None, design).macs
    assert info.titles[0].startswith("Stage 1: ")


def test_the_chart_of_time_has_shares_with_their_intervals(run: Run) -> None:
    info = latency.latency_info(run)
    assert info is not None
    place = info.places[0]
    (conv, _pool) = place.shares
    assert (place.name, conv.design) == ("stage 1", "sra_conv")
    assert (conv.time, conv.low, conv.high) == pytest.approx((2.0, 2.0 / 1.06, 2.12))
    assert conv.macs == run.row(1, "sra_conv").macs / run.row(1, "mha").macs


def test_a_design_that_was_never_timed_has_no_share_and_the_page_is_there(run: Run) -> None:
    """As where a GPU has no memory for plain attention alone."""
    rows = tuple(
        replace(row, latency=None, not_run="ran out of memory") if row.design.name == "mha" else row
        for row in run.rows
    )
    late = replace(run, rows=rows)
    info = latency.latency_info(late)
    assert info is not None
    assert info.reference == "sra_conv"
    assert {share.design for share in info.places[0].shares if share.kind} == {"sra_pool"}
    assert "ran out of memory" in html.render(late)


def test_the_agreement_chart_has_every_submodule_and_lies_on_the_line(run: Run) -> None:
    info = agreement.agreement_info(run)
    assert set(info.points) == {"fvcore", "torch"}
    assert len(info.points["torch"]) == sum(len(r.witnesses["torch"].by_module) for r in run.rows)
    assert all(ours == theirs for points in info.points.values() for ours, theirs, _ in points)


def test_charts_are_plain_json(run: Run) -> None:
    for figure in (
        run.figures()["macs"],
        run.figures()["latency"],
        agreement.draw_agreement(agreement.agreement_info(run)),
    ):
        assert "bdata" not in figure.to_json()  # numpy arrays would become base64
        assert len(json.loads(figure.to_json())["data"]) >= 3


def test_a_notebook_shows_the_answer_its_table_and_one_picture(run: Run) -> None:
    shown = run._repr_mimebundle_(include=None, exclude=None)
    assert set(shown) == {"text/html", "text/plain"}
    page = shown["text/html"]
    assert f"<b>{html_escape(answer(run).finding)}</b>" in page
    assert page.count("<tr") == 1 + 5 + 4
    assert page.count("<img") == 1
    assert "<script" not in page
    for row in run.rows:
        if row.part.stage is None:
            assert f'title="{row.macs:,} MACs"' in page
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    picture = ElementTree.fromstring(base64.b64decode(data))
    bars = [float(bar.get("width", 0)) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")]
    macs = [row.macs for row in run.rows if row.part.stage is None]
    assert bars[2] / bars[1] == pytest.approx(macs[1] / macs[0], abs=0.001)
    assert shown["text/plain"] == terminal_answer.render(run, 80)


def test_figures_carry_a_static_picture_beside_their_json(run: Run) -> None:
    """What an exported notebook shows: as many bars and dots, as long as the values are."""
    space = "{http://www.w3.org/2000/svg}"
    figures = pvtprof.api.with_methods(run).figures()
    assert {"macs", "latency"} <= set(figures)
    for figure in figures.values():
        bundle = figure._repr_mimebundle_(include=None, exclude=None)
        picture = ElementTree.fromstring(bundle["image/svg+xml"])
        bars = list(picture.iter(f"{space}rect"))[1:]  # without the paper
        dots = list(picture.iter(f"{space}circle"))
        drawn = json.loads(figure.to_json())["data"]
        numbers = [v for t in drawn if t["type"] == "bar" for v in t["x" if _is_flat(t) else "y"]]
        assert len(bars) == sum(value is not None for value in numbers)
        marked = [t for t in drawn if "markers" in t.get("mode", "")]
        assert len(dots) == sum(b is not None for t in marked for b in t["y"])
    shares = ElementTree.fromstring(still.svg(figures["latency"]))
    first = json.loads(figures["latency"].to_json())["data"][0]
    heights = [float(bar.get("height", 0)) for bar in shares.iter(f"{space}rect")][1:3]
    assert heights[1] / heights[0] == pytest.approx(first["y"][1] / first["y"][0], abs=0.01)


def _is_flat(trace: dict[str, str]) -> bool:
    return trace.get("orientation") == "h"


def test_no_name_of_host_user_or_path_is_recorded() -> None:
    recorded = json.dumps(asdict(environment("cpu")))
    for secret in (platform.node(), os.getcwd()):
        assert secret not in recorded
    assert str(Path.home()) not in recorded
    assert getpass.getuser() not in recorded


def test_markup_in_a_device_name_is_shown_as_it_is(run: Run) -> None:
    device = "GPU [red] [/b] [x]"
    shown = replace(run, environment=replace(run.environment, device=device))
    assert device in " ".join(terminal_full.render(shown, 200).split())
