"""The answer of a run, section 1 of its page: what is found, what to take, and why to trust it.

The rules are in ``choice`` and ``answer_words``; a renderer decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pvtprof import units
from pvtprof.designs.tasks import CLASSIFY, TASKS
from pvtprof.report import own, phrases, sentences
from pvtprof.report.answer import answer_words
from pvtprof.report.answer.answer_table import Line, lines, stage_lines
from pvtprof.report.answer.by_size import by_size
from pvtprof.report.answer.choice import chosen, mix
from pvtprof.report.answer.facts import WIDEST, Facts, Seconds, distinct, facts
from pvtprof.report.answer.surprise import surprise
from pvtprof.report.sections.live import PLACES, named
from pvtprof.run.run import Run
from pvtprof.run.witnesses import WITNESSES, exact_agreements

#: How the trust sentence calls the witnesses, by their titles.
_TITLES = {"sum(p.numel())": "numel", "live bytes": "live memory"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one comparison, as texts and as a table.

    ``finding`` is the sentence with numbers and a choice, ``advice`` what to take and its price,
    ``mix`` what beats all designs shown, ``computed_so`` how that is known and ``option`` how to
    ask for it, ``attention`` how much of the network is attention, ``held`` which operators hold
    the peaks, ``by_size`` from which image on which design needs the fewest MACs. Empty texts have
    nothing to say. ``kind`` is where its times come from: "measured", "predicted", or "" for none.
    """

    title: str
    setting: str
    designs: tuple[str, ...]
    finding: str
    advice: str
    attention: str
    mix: str
    computed_so: str
    option: str
    surprise: str
    by_size: str
    held: str
    accuracy: str
    trust: str
    disagreements: tuple[str, ...]
    warnings: tuple[str, ...]
    lines: tuple[Line, ...]
    stages: tuple[Line, ...]
    chosen: str
    agrees: bool
    is_doubtful: bool
    kind: str

    @property
    def how_mixed(self) -> str:
        """The sentences on the mix, with the option that asks for it."""
        return f"{self.mix} {self.computed_so} {self.option}." if self.mix else ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences that there are, in the order of the page."""
        said = (self.finding, self.advice, self.how_mixed, self.attention)
        return tuple(
            filter(None, (*said, self.surprise, self.accuracy, self.trust, *self.warnings))
        )


def answer(run: Run, whole: Run | None = None) -> Answer:
    """Return the answer of a run of one comparison; ``whole`` has the peers of own modules."""
    found = facts(run, whole)
    choice = chosen(found)
    best, better = choice.design, mix(found)
    return Answer(
        title=own.title(run) if run.is_own else sentences.place(run),
        setting=own.setting(run) if run.is_own else sentences.setting(run),
        designs=tuple(one.name for one in found),
        finding=_at(run, answer_words.finding(found, choice)),
        advice="" if run.is_own else answer_words.advice(found, choice),
        attention=answer_words.attention_share(found, best, rest_of(run)),
        mix=answer_words.mixed(better),
        computed_so=answer_words.computed_so(better),
        option=answer_words.option(better),
        surprise=surprise(found),
        by_size=by_size(run, found),
        held=_held(run, found),
        accuracy=_accuracy(run, found),
        trust=trust(run),
        disagreements=tuple(sentences.disagreements(run)),
        warnings=tuple(warnings(run, found)),
        lines=lines(run, found),
        stages=stage_lines(found),
        chosen="" if run.is_own or len(distinct(found)) == 1 else best.name,
        agrees=run.agrees,
        is_doubtful=sentences.is_doubtful(run),
        kind=_kind(run, found),
    )


def answers(run: Run) -> tuple[Answer, ...]:
    """Return the answer of every comparison of a run."""
    return tuple(answer(one, run) for one in run.comparisons)


def _kind(run: Run, found: Sequence[Facts]) -> str:
    """Where the times come from."""
    if run.measured:
        return "measured"
    return "predicted" if any(one.time for one in found) else ""


def _at(run: Run, finding: str) -> str:
    if run.is_own:
        return f"{finding[0].upper()}{finding[1:]}" if finding.startswith("plain") else finding
    batch = f", batch {run.setting.batch}" if run.setting.batch > 1 else ""
    where = f"{units.grid(*run.setting.image)}{batch}"
    if run.setting.mode == "training":
        return f"A training step at {where}: {finding}"
    return f"At {where}, {finding}"


def _held(run: Run, found: Sequence[Facts]) -> str:
    """Which operator holds the peak of each design, in the words of the page's section on it."""
    places: dict[str, list[str]] = {}
    for one in found:
        words = "" if run.is_own else named(one.peak_at, PLACES)
        places.setdefault(words or one.peak_at, []).append(one.name)
    parts = [f"{phrases.several(names)} at {place}" for place, names in places.items()]
    return f"Peak: {'; '.join(parts)}."


def rest_of(run: Run) -> str:
    """Return what of the network is not attention."""
    if run.is_own:
        return ""
    neck = TASKS[run.designs[0].spec.task].neck
    return "MLP, embeddings, neck and head" if neck else "MLP and embeddings"


def _accuracy(run: Run, found: Sequence[Facts]) -> str:
    if run.is_own:
        return "Accuracy: pvtprof does not know that of your modules."
    spec = run.designs[0].spec
    as_what = "" if spec.task == CLASSIFY else " as a classifier"
    parts = [
        f"{one.name} {one.top_1:.1f} % top-1 at 224x224{as_what} ({one.published}, published)"
        for one in found
        if one.published
    ]
    unknown = [one.name for one in found if not one.published]
    if unknown:
        parts.append(f"{phrases.several(unknown)} unknown, never trained as far as we know")
    return f"Accuracy: {'; '.join(parts)}."


def trust(run: Run) -> str:
    """Return one sentence: how many formulas equal what was counted, and by whom."""
    its = exact_agreements(run)
    if not its:
        return "Formulas alone: nothing was counted or measured."
    titles = dict.fromkeys(WITNESSES[name].title for name, _ in its)
    by_whom = phrases.several([_TITLES.get(title, title) for title in titles])
    wrong = sum(not agreement.equal for _, agreement in its)
    if wrong:
        verb = "DIFFERS" if wrong == 1 else "DIFFER"
        return f"{wrong} of {len(its)} formulas {verb} from what {by_whom} counted."
    text = f"All {len(its)} formulas equal what {by_whom} counted"
    missing = [row for row in run.rows if not row.witnesses]
    return f"{text}; {len(missing)} rows were not counted." if missing else f"{text}."


def warnings(run: Run, found: Sequence[Facts]) -> Iterator[str]:
    """Yield what a reader must know before resting anything on the times, each with a remedy."""
    if run.interrupted:
        yield "Ctrl-C ended the measuring early"
    if run.failure:
        yield f"the measuring ended early: {run.failure}"
    if lost := [row for row in run.rows if row.not_run]:
        yield f"{len(lost)} of {len(run.rows)} rows were not timed: {lost[0].not_run}"
    timed = [row for row in run.rows if row.latency]
    if busy := sum(row.is_doubtful for row in timed):
        quota = run.environment.cpu_quota
        why = f"a CPU quota of {quota:g} cores" if quota else "a busy machine"
        out = "lift the quota" if quota else "close other programs"
        yield f"{busy} of {len(timed)} times are too noisy to say ({why}): {out} and run it again"
    yield from _wide(run)
    if any(row.predicted and row.predicted.is_doubtful for row in run.rows):
        yield "the calibration was made on a busy machine: run pvtprof calibrate when it is calm"
    if any(row.latency and (row.latency.launch_ratio or 0) > 1.2 for row in run.rows):
        yield "the GPU waits for launches in some rows: a larger --batch or --cuda-graph"


def _wide(run: Run) -> Iterator[str]:
    """Times that are about right, with what would make them better."""
    wide = []
    for row in run.rows:
        if row.latency and not row.is_doubtful:
            low, high = row.latency.interval or (None, None)
            if not Seconds(row.latency.median, low, high).carries:
                wide.append(row.name)
    if wide:
        more = f" and {len(wide) - 3} more" if len(wide) > 3 else ""
        yield (
            f"no sentence rests on times known to no better than {100 * WIDEST:.0f} %: "
            f"{', '.join(wide[:3])}{more}; close other programs or raise --budget"
        )


def summary(answers: Sequence[Answer], remarks: int = 0) -> str:
    """Return all warnings of some answers in one line; "" where there are none.

    ``remarks`` is how many remarks on times --full has beside them.
    """
    said = dict.fromkeys(text for one in answers for text in one.warnings)
    if said and remarks:
        said[f"{remarks} remark{'s' * (remarks > 1)} on times: --full"] = None
    return f"Warnings: {'; '.join(said)}." if said else ""
