"""The answer of thirty runs of every kind: read by rules that know the rows and not the code."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import pytest

import pvtprof
from pvtprof import units
from pvtprof.designs.part import MODEL
from pvtprof.designs.published import TOP_1, published_as
from pvtprof.errors import SpecError
from pvtprof.report import terminal_answer
from pvtprof.report.answer import answer_words, surprise
from pvtprof.report.answer.answer import Answer, answer, answers
from pvtprof.report.answer.by_size import by_time
from pvtprof.report.answer.choice import chosen, mix
from pvtprof.report.answer.facts import Facts, Seconds, StageFacts, facts
from pvtprof.report.sections import growth
from pvtprof.run.row import Row
from pvtprof.run.run import Run
from tests.browser import node
from tests.builders import made_up_calibration, observed_run
from tests.report.runs import REPORTS, RUNS, USUAL, base, timed
from tests.trials import ALL

NUMBER = r"([\d,]+(?:\.\d+)?) %|([\d,]+(?:\.\d+)?)x"
KEYS = {"MACs": "macs", "memory": "peak", "parameters": "params", "time": "time"}
SHORT = {"plain": "mha", "conv": "sra_conv", "pool": "sra_pool"}


@cache
def made(name: str) -> Run:
    return RUNS[name]()


def misread(run: Run, found: Answer) -> Iterator[str]:
    """Yield every part of an answer's sentences that its rows do not carry."""
    whole = {_said(row): row for row in run.rows if row.part.stage is row.part.module is None}
    for sentence in (found.finding, found.surprise):
        clauses = re.split(r"; |: |, and (?=is as)|(?<=\.) ", sentence)
        yield from _compared(clauses, whole, run, sentence)
    yield from _chosen(found, whole)
    yield from _mixed(found, whole, run)
    yield from _accuracy(found, whole)
    for sentence in found.sentences:
        if re.search(r"None|nan|inf\b|  |\(\)|\.\.|- %|(?<![\d.])0 %|%%|\{|''", sentence):
            yield f"not a sentence: {sentence}"
        if sentence.count("(") != sentence.count(")") or not sentence.strip():
            yield f"brackets: {sentence}"


def _said(row: Row) -> str:
    return "plain attention" if row.design.name == "mha" else row.design.name


def _compared(clauses: list[str], whole: dict[str, Row], run: Run, sentence: str) -> Iterator[str]:
    """Each ratio of a sentence against the rows: about whom, of whom, of what."""
    subject, other = "", ""
    for clause in clauses:
        stage = re.search(r"[Ss]tage (\d)", sentence)
        names = [n for n in sorted(whole, key=len, reverse=True) if n in clause]
        first = min(names, key=clause.index, default="")
        subject = first or subject
        owner = re.search(rf"({'|'.join(map(re.escape, whole))})'s (MACs|time|parameters)", clause)
        other = owner[1] if owner else other
        other = other or next(iter(whole))
        rows = [whole[subject], whole[other]] if subject in whole else []
        if stage and rows:
            rows = [run.row(int(stage[1]), row.design.name) for row in rows]
        for match in re.finditer(rf"(?:{NUMBER}) ?(?:of )?(?:[\w ]+'s |its |the )?(\w+)", clause):
            if match[3] in KEYS and len(rows) == 2:
                shown = _number(match[1]) / 100 if match[1] else _number(match[2])
                yield from _ratio(match[3], shown, match[1] or match[2], rows, sentence)
        if "as fast" in clause and rows:
            yield from _equal(subject, whole, sentence)


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _ratio(what: str, shown: float, text: str, rows: list[Row], sentence: str) -> Iterator[str]:
    mine, theirs = (_value(row, what) for row in rows)
    if mine is None or theirs is None:
        yield f"nobody knows the {what}: {sentence}"
        return
    step = 10.0 ** -len(text.partition(".")[2]) / (1 if "x" in sentence and shown >= 2 else 100)
    if abs(mine / theirs - shown) > 0.51 * step:
        yield f"{what} is {mine / theirs}: {sentence}"
    if what == "time":
        yield from _carried(rows, sentence)


def _value(row: Row, what: str) -> float | None:
    if what == "time":
        return row.latency.median if row.latency else row.predicted_s
    return {"MACs": row.macs, "memory": row.peak.bytes, "parameters": row.params}[what]


def _interval(row: Row) -> tuple[float, float] | None:
    """The interval on which a sentence may rest."""
    if row.latency is None:
        its = row.predicted
        return None if its is None or its.is_doubtful else (its.low, its.high)
    found = row.latency.interval
    if found is None or row.latency.is_doubtful:
        return None
    return found if found[1] - found[0] <= 0.2 * row.latency.median else None


def _carried(rows: list[Row], sentence: str) -> Iterator[str]:
    """A ratio of times is said where both carry it and their intervals do not overlap."""
    ours, theirs = map(_interval, rows)
    if ours is None or theirs is None:
        yield f"rests on a time that does not carry it: {sentence}"
    elif ours[0] <= theirs[1] and theirs[0] <= ours[1]:
        yield f"a difference within the noise: {sentence}"


def _equal(name: str, whole: dict[str, Row], sentence: str) -> Iterator[str]:
    """Who is called as fast is so beside somebody."""
    mine = _interval(whole[name])
    others = [_interval(row) for other, row in whole.items() if other != name]
    if mine is None or not any(its and mine[0] <= its[1] and its[0] <= mine[1] for its in others):
        yield f"{name} is not as fast: {sentence}"


def _chosen(found: Answer, whole: dict[str, Row]) -> Iterator[str]:
    taken = re.match(r"Take ([^:]+): (.*?)\. ", found.advice)
    if not taken:
        if found.advice:
            yield f"advises nothing: {found.advice}"
        return
    best, others = whole[taken[1]], [row for row in whole.values() if _said(row) != taken[1]]
    mine = _interval(best)
    for row in others:
        its = _interval(row)
        if "least time" in taken[2] or "least predicted" in taken[2] or "none is" in taken[2]:
            if row.not_run and not row.latency:
                continue
            if mine is None or its is None:
                yield f"rests on a time that does not carry it: {found.advice}"
            elif its[1] < mine[0]:
                yield f"{row.name} is faster: {found.advice}"
            elif "least" in taken[2].partition(",")[0] and its[0] <= mine[1]:
                yield f"{row.name} is as fast: {found.advice}"
        if "fewest MACs" in taken[2].partition(",")[0] and row.macs < best.macs:
            yield f"{row.name} has fewer MACs: {found.advice}"
        if "within 5 %" in taken[2] and 1.05 * row.macs < best.macs:
            yield f"{row.name} has much fewer MACs: {found.advice}"
        for what in ("MACs", "parameters", "memory"):
            mentioned = f"more {what} than" in found.advice or f"'s {what}" in found.advice
            if (_value(best, what) or 0) > 1.06 * (_value(row, what) or 1) and not mentioned:
                yield f"hides the price of {row.name}'s {what}: {found.advice}"


def _mixed(found: Answer, whole: dict[str, Row], run: Run) -> Iterator[str]:
    """A mix is computed again, from the design with the least, stage by stage."""
    if not found.mix:
        return
    variants = [SHORT[word] for word in re.findall(r"plain|conv|pool", found.mix.partition("(")[0])]
    by_time = "MACs" not in found.mix.partition(":")[0]
    what = "time" if by_time else "MACs"
    known = [row for row in whole.values() if _value(row, what) is not None]
    base = min(known, key=lambda row: _value(row, what) or 0)
    total = _value(base, what) or 0.0
    for number, variant in enumerate(variants, 1):
        own = run.row(number, base.design.name)
        if own.runs_as == variant:
            continue
        rows = [r for r in run.rows if r.part.stage == number and r.runs_as == variant]
        rows = [row for row in rows if _value(row, what) is not None]
        least = min(_value(row, what) or 0 for row in rows)
        total -= own.blocks * ((_value(own, what) or 0) - least)
        if by_time:
            yield from _carried([own, rows[0]], found.mix)
    if total >= (_value(base, what) or 0):
        yield f"saves nothing: {found.mix}"
    shown = re.search(r"\(([\d,.]+) (ms|G|M)", found.mix)
    unit = {"ms": 1e-3, "G": 1e9, "M": 1e6}
    if not shown or abs(_number(shown[1]) * unit[shown[2]] / total - 1) > 0.006:
        yield f"is {total}: {found.mix}"


def _accuracy(found: Answer, whole: dict[str, Row]) -> Iterator[str]:
    if "your modules" in found.accuracy:
        return
    for row in whole.values():
        name = row.design.name
        known = _published(row)
        said = re.search(rf"\b{re.escape(name)} ([\d.]+) % top-1", found.accuracy)
        if bool(said) != bool(known) or (said and known and float(said[1]) != TOP_1[known]):
            yield f"accuracy of {name}: {found.accuracy}"


def _published(row: Row) -> str | None:
    try:
        return published_as(replace(row.design.spec, task="classify"))
    except SpecError:
        return None


@pytest.mark.parametrize("name", RUNS)
def test_none_reads_wrong(name: str) -> None:
    run = made(name)
    for one, found in zip(run.comparisons, answers(run), strict=True):
        assert list(misread(one, found)) == []


WRONG = [
    ("finding", "58 % of its time", "48 % of its time", "time is 0.58"),
    ("finding", "45 % of plain", "55 % of plain", "MACs is 0.45"),
    ("finding", "sra_conv is as fast within the noise", "plain attention is as fast", "not as"),
    (
        "finding",
        "sra_conv is as fast within the noise",
        "sra_conv takes 101 % of sra_pool's time",
        "within the noise",
    ),
    ("surprise", "124 %", "81 %", "MACs is 1.23"),
    ("mix", "pool, pool, pool, plain", "pool, pool, plain, plain", "within the noise"),
    ("mix", "pool, pool, pool, plain", "pool, conv, pool, plain", "is 0.09"),
    ("advice", "Take sra_conv", "Take plain attention", "is faster"),
    ("advice", "20 % more parameters than plain attention", "nothing", "hides the price"),
    ("advice", "none is faster beyond the noise", "it takes the least time", "is as fast"),
    ("accuracy", "82.0", "83.0", "accuracy of sra_conv"),
    ("accuracy", "mha and sra_pool unknown", "mha 81.0 % top-1", "accuracy of mha"),
    ("trust", "equal", "None", "not a sentence"),
]


@pytest.mark.parametrize(("field", "old", "new", "found"), WRONG)
def test_what_reads_wrong_is_found(field: str, old: str, new: str, found: str) -> None:
    """The rules fail where a sentence says what the rows do not carry."""
    run = made("usual times")
    right = answer(run)
    if field == "finding":  # held against a sentence that names more
        text = (
            "At 224x224, sra_pool costs 45 % of plain attention's MACs, 18 % of its memory and "
            "58 % of its time; sra_conv is as fast within the noise."
        )
        right = replace(right, finding=text)
    assert list(misread(run, right)) == []
    text = getattr(right, field)
    assert old in text
    wrong = replace(right, **{field: text.replace(old, new)})
    assert any(found in one for one in misread(run, wrong)), list(misread(run, wrong))


def test_the_answer_of_a_measured_run() -> None:
    found = answer(made("measured at 224"))
    assert found.finding == (
        "At 224x224, sra_conv costs 47 % of plain attention's MACs, 18 % of its memory and "
        "59 % of its time; sra_pool is as fast within the noise."
    )
    assert found.chosen == "sra_conv"
    assert found.mix == (
        "A mix, within the noise: pool, pool, pool, plain (91.0 ms, 2.8 % less than sra_pool's "
        "93.6 ms, computed, not measured)."
    )
    time = next(line for line in found.lines if line.name == "time")
    signs = [(cell.is_smallest, cell.is_tied) for cell in time.cells]
    assert signs == [(False, False), (False, True), (True, False)]
    assert found.option == "--design sra_pool,sra_pool,sra_pool,mha"
    assert found.trust == "All 75 formulas equal what fvcore, torch, numel and live memory counted."


@pytest.mark.parametrize(
    "name", ["wide intervals", "all over the place", "waited for a core", "too few samples"]
)
def test_no_sentence_rests_on_a_noisy_time(name: str) -> None:
    found = answer(made(name))
    said = " ".join((found.finding, found.advice, found.mix, found.attention, found.surprise))
    assert not re.search(r"\d (%|x)( of)? (its|\w+'s) time", said)
    assert "fast" not in said.replace("too noisy to compare", "")
    assert "their times are too noisy to compare" in found.finding
    (time,) = [line for line in found.lines if line.name == "time"]
    assert all(cell.text.startswith(("about", "too noisy")) for cell in time.cells)
    assert not any(cell.is_smallest or cell.ratio for cell in time.cells)
    assert len(found.warnings) == 1
    assert "close other programs" in found.warnings[0]


def test_a_slower_reduction_is_not_chosen_and_is_the_surprise() -> None:
    found = answer(made("reductions are slower"))
    assert found.chosen == "mha"
    assert found.finding.startswith("At 224x224, plain attention is the choice: sra_conv costs ")
    assert found.surprise == "sra_pool has 45 % of plain attention's MACs but 2.00x its time."


def test_two_names_of_one_network_are_never_told_apart() -> None:
    """With R 1 sra_conv is plain attention, whatever the clock says of the two."""
    found = answer(made("R is 1 everywhere"))
    assert "sra_conv" not in found.finding + found.advice + found.mix + found.surprise
    (time,) = [line for line in found.lines if line.name == "time"]
    assert [cell.ratio for cell in time.cells] == ["", "same", "67 %"]
    alone = answer(made("R is 1, and no pooling"))
    assert alone.finding.endswith("; sra_conv is the same here.")
    assert alone.advice == ""


def test_a_published_accuracy_decides_between_equals_only() -> None:
    equal = answer(made("all are as fast"))
    assert equal.chosen == "sra_conv"
    faster = {key: s / 2 if key[0] == "sra_pool" else s for key, s in USUAL.items()}
    assert answer(timed(base(), faster)).chosen == "sra_pool"
    assert answer(made("pvt_v2_b2_li")).chosen == "sra_pool"


def test_a_design_that_does_not_fit_into_memory_has_no_time() -> None:
    run = pvtprof.compare(img=(800, 1333), analytic=True, calibration=made_up_calibration())
    unknown = answer(run)
    assert "does not fit" not in unknown.finding
    small = answer(replace(run, environment=replace(run.environment, memory_bytes=23 * 2**30)))
    assert "(plain attention does not fit into 23.0 GiB)" in small.finding
    assert "its time" not in small.finding
    assert "extrapolated: measured on images of at most 272 pixels)" in small.advice
    (time,) = [line for line in small.lines if line.name == "time, predicted"]
    assert [cell.text == "does not fit" for cell in time.cells] == [True, False, False]
    none = answer(replace(run, environment=replace(run.environment, memory_bytes=2**20)))
    assert "(sra_pool and plain attention do not fit into 1.00 MiB)" in none.finding
    assert none.advice.startswith("Take sra_pool: none fits, and it needs the fewest MACs. ")


def test_where_one_design_could_not_run_the_others_are_held_against_each_other() -> None:
    found = answer(made("mha ran out of memory"))
    assert "plain attention was not timed: ran out of memory" in found.finding
    assert found.chosen == "sra_conv"
    assert found.advice.startswith("Take sra_conv: none is faster beyond the noise")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 200] if ALL else [20, 80, 120])
@pytest.mark.parametrize("name", RUNS)
def test_the_terminal_has_every_design_and_figure_at_every_width(name: str, width: int) -> None:
    run = made(name)
    text = terminal_answer.render(run, width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= terminal_answer.MOST or width < 80
    found = answer(run, run)
    joined = " ".join(text.split())
    for line in found.lines:
        for cell in line.cells:
            assert cell.text in joined
    assert all(one in joined for one in found.designs)


@pytest.mark.parametrize("width", [20, 80, 120])
def test_every_digit_is_there_with_exact(width: int) -> None:
    run = made("measured at 224")
    text = " ".join(terminal_answer.render(run, width, exact=True).split())
    for row in run.rows:
        if row.part.stage is None:
            for value in (row.macs, row.params, row.peak.bytes):
                assert f"{value:,}" in text


def test_several_comparisons_are_a_finding_each() -> None:
    run = pvtprof.compare(["pvt_v2_b0", "pvt_v2_b2"], [224, 512], analytic=True)
    text = terminal_answer.render(run, 80)
    assert text.count("\n") <= terminal_answer.MOST
    assert " ".join(text.split()).count("Take ") == 4
    many = pvtprof.compare(["pvt_v2_b0", "pvt_v2_b2"], [*range(64, 320, 32)], analytic=True)
    short = terminal_answer.render(many, 80)
    assert short.count("\n") <= terminal_answer.MOST
    shown = " ".join(short.split()).count("Take ")
    assert f"{16 - shown} more comparisons: --full." in short


def test_the_answer_says_from_which_image_on_a_design_needs_the_fewest_macs() -> None:
    run = made("measured at 224")
    said = "sra_pool has the fewest MACs from 189 px on (tried to 1,024 px; others: --img)."
    assert answer(run).by_size == said
    assert said in terminal_answer.render(run, 80).splitlines()
    assert answer(made("R is 1, and no pooling")).by_size == ""


def fastest(side: int) -> str:
    """The design for which the run's calibration predicts the least time at an image."""
    run = pvtprof.compare(img=side, analytic=True, calibration=kept().calibration)
    times = {row.design.name: row.predicted_s or 0 for row in run.rows if row.part == MODEL}
    return min(times, key=lambda name: times[name])


def kept() -> Run:
    """A run with its calibration."""
    return pvtprof.load(REPORTS / "pvt_v2_b2-224.json")


def test_the_answer_says_which_design_is_predicted_to_be_fastest_at_other_images() -> None:
    run = kept()
    said = by_time(run, facts(run))
    assert said in " ".join(terminal_answer.render(run, 80).split())
    assert terminal_answer.render(run, 80).count("\n") <= terminal_answer.MOST
    first, *later = said.partition(";")[0].removeprefix("Predicted fastest: ").split(", ")
    assert fastest(64) == first
    before = first
    for change in later:
        found = re.fullmatch(r"from ([\d,]+) px on (\w+)", change)
        assert found
        side = int(found[1].replace(",", ""))
        assert (fastest(side - 16), fastest(side)) == (before, found[2])
        before = found[2]
    assert fastest(1024) == before
    ahead = growth.find(run).time
    if ahead and ahead.clear and ahead.clear < 1024:
        assert f"beyond the error of the predictions from {ahead.clear} px on" in said


def test_no_sentence_on_other_images_rests_on_what_is_not_known() -> None:
    for name in ("formulas alone", "predicted on a busy machine", "own modules", "training"):
        run = made(name)
        assert by_time(run, facts(run)) == ""


def test_a_design_that_does_not_fit_where_times_are_predicted_has_no_time() -> None:
    run = pvtprof.compare(img=(800, 1333), analytic=True, calibration=kept().calibration)
    mha = next(one for one in facts(run) if one.name == "mha")
    assert (run.environment.memory_bytes, mha.fits, mha.time) == (None, False, None)
    size = units.size(run.memory_bytes)
    assert f"plain attention does not fit into {size}" in answer(run).finding


def test_equal_and_same_are_explained_where_they_stand() -> None:
    legend = terminal_answer.render(made("measured at 224"), 80).splitlines()[-1]
    assert "equal: within noise; same: same operators" in legend
    alone = terminal_answer.render(pvtprof.compare(analytic=True, designs=["mha"]), 80)
    assert "equal:" not in alone
    assert "same:" not in alone


def test_a_disagreement_comes_first() -> None:
    lines = terminal_answer.render(made("a counter disagrees"), 200).splitlines()
    assert lines[1].startswith("1 of 90 formulas DIFFERS from what fvcore, torch")
    assert lines[2].startswith("- stage 1 mha: fvcore")
    assert lines[3].startswith("At 224x224")


def test_one_line_of_warnings_names_each_reason_once() -> None:
    run = timed(observed_run(), USUAL, waited=0.5)
    lost = replace(run.rows[0], latency=None, not_run="ran out of memory")
    text = terminal_answer.render(replace(run, rows=(lost, *run.rows[1:])), 9999)
    (line,) = [line for line in text.splitlines() if line.startswith("Warnings: ")]
    assert "1 of 15 rows were not timed: ran out of memory; 14 of 14 times" in line


#: Runs ``body`` with ``rules``, the page's own, and ``given``, what Python hands over.
HARNESS = """
const fs = require("fs"), vm = require("vm");
const { script, limits, given } = JSON.parse(fs.readFileSync(process.argv[1], "utf8"));
globalThis.document = { querySelectorAll: () => [] };  // a page without the section
vm.runInThisContext(script);
const whole = (one) => ({ ...one, macs: BigInt(one.macs), params: BigInt(one.params),
  ...(one.peak && { peak: BigInt(one.peak) }),
  ...(one.stages && { stages: one.stages.map(whole) }) });
const { said } = vm.runInThisContext("pvtprofAnswer")(limits);
console.log(JSON.stringify(given.map((found) => said(found.map(whole), "MLP and embeddings"))));
"""


def as_json(found: Sequence[Facts]) -> list[dict[str, object]]:
    def time(one: Seconds | None) -> dict[str, object] | None:
        return one and {**asdict(one), "carries": one.carries}

    return [
        {
            **{name: getattr(one, name) for name in ("name", "published", "not_run", "fits")},
            **{name: str(getattr(one, name)) for name in ("runs", "macs", "params", "peak")},
            "time": time(one.time),
            "stages": [
                {
                    **{name: str(getattr(stage, name)) for name in ("runs", "macs", "params")},
                    "number": stage.number,
                    "blocks": stage.blocks,
                    "variant": stage.runs[0],
                    "time": time(stage.time),
                }
                for stage in one.stages
            ],
        }
        for one in found
    ]


def random_facts(chance: random.Random) -> tuple[Facts, ...]:
    """Two to four designs of one to six stages, whose times are equal, noisy, predicted, none."""
    count, kind = chance.randint(1, 6), chance.choice(("measured", "predicted", "none", "mixed"))

    def time(many: float) -> Seconds | None:
        if kind == "none" or (kind == "mixed" and chance.random() < 0.2):
            return None
        middle = many * scale * chance.choice((0.3, 0.8, 1, 1, 1)) * chance.uniform(0.9, 1.1)
        wide = chance.choice((0.02, 0.02, 0.3)) if kind == "mixed" else 0.05
        is_predicted = kind == "predicted"
        is_doubtful = kind == "mixed" and chance.random() < 0.1
        low, high, is_far = middle * (1 - wide), middle * (1 + wide), chance.random() < 0.3
        return Seconds(middle, low, high, is_doubtful, is_predicted, is_predicted and is_far)

    near = [int(10 ** chance.uniform(3, 13)) for _ in range(3)]

    def macs(of: int) -> int:
        """Around the same for all designs, on both sides of the rules' limits, or far off."""
        if chance.random() < 0.1:
            return int(10 ** chance.uniform(2, 14))
        return int(near[of] * chance.choice((0.4, 0.7, 0.85, 0.95, 0.98, 1, 1.02, 1.08, 2.1)))

    scale = chance.choice((1e-5, 1e-3, 0.1))
    found = []
    for name in chance.sample(("mha", "sra_conv", "sra_pool", "late"), chance.randint(1, 4)):
        stages = tuple(
            StageFacts(
                i,
                (chance.choice(tuple(SHORT.values())), 1),
                chance.randint(1, 9),
                macs(0) // 100,
                chance.randint(0, 10**7),
                time(1.0),
            )
            for i in range(1, count + 1)
        )
        attention = sum(stage.blocks * stage.macs for stage in stages)
        known = chance.choice((None, None, "pvt_v2_b2"))
        lost = "ran out of memory" if kind == "mixed" and chance.random() < 0.2 else None
        fits = kind not in ("predicted", "none") or chance.random() < 0.8
        lost = lost if fits else "does not fit into 23.6 GiB"
        found.append(
            Facts(
                name,
                chance.choice((name, "x")),
                max(attention, macs(0)),
                macs(1),
                macs(2),
                stages,
                None if lost else time(20.0),
                known,
                lost,
                fits=fits,
            )
        )
    return tuple(found)


def test_the_browser_says_what_python_says(tmp_path: Path) -> None:
    """Of the runs, and of random designs that no network would have."""
    chance = random.Random(19)
    those = [facts(one, run) for run in map(made, RUNS) for one in run.comparisons]
    those += [random_facts(chance) for _ in range(10_000 if ALL else 500)]
    assets = Path(surprise.__file__).parents[1] / "assets"
    script = "\n".join((assets / f"{name}.js").read_text() for name in ("spoken", "answer"))
    handed = tmp_path / "handed.json"
    given = {"script": script, "limits": surprise.rules()}
    handed.write_text(json.dumps({**given, "given": [as_json(found) for found in those]}))
    for found, theirs in zip(those, json.loads(node(HARNESS, str(handed))), strict=True):
        choice, better = chosen(found), mix(found)
        assert theirs == {
            "finding": answer_words.finding(found, choice),
            "advice": answer_words.advice(found, choice),
            "mix": answer_words.mixed(better),
            "computed_so": answer_words.computed_so(better),
            "option": answer_words.option(better),
            "attention": answer_words.attention_share(found, choice.design, "MLP and embeddings"),
            "surprise": surprise.surprise(found),
            "chosen": choice.design.name,
        }
