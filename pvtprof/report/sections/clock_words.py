"""What the section on time says: its finding, and that of each place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pvtprof import spoken
from pvtprof.designs.part import MODEL
from pvtprof.report import phrases
from pvtprof.report.sections.clock_shares import (
    MEASURED,
    PREDICTED,
    Place,
    Share,
    held,
    is_slower,
    milliseconds,
    worst_noise,
)
from pvtprof.run.run import Run


def place_title(run: Run, place: Place) -> str:
    """Return the finding of a place: who takes how much of the first design's time."""
    first, shares = place.first, place.shares
    head = f"{place.name[0].upper()}{place.name[1:]}"
    if first.part.stage is not None:
        head = f"Attention of {place.name}"
    if held(run)[1]:
        blocks = f"{first.blocks} blocks of " if first.blocks > 1 else ""
        taken = milliseconds(first, shares[0].kind).partition(" (")[0]
        if shares[0].time is None:
            return f"{head}: {shares[0].label}"
        return f"{head}: {shares[0].label} of the network's time ({blocks}{taken})"
    known = [share for share in shares if share.time is not None]
    own = ""
    if first.latency and not worst_noise([first]):
        own = spoken.duration(first.latency.median)
    elif not first.latency and first.predicted:
        own = spoken.duration(first.predicted.seconds)
    module = " a module" if first.part.stage is not None else ""
    against = f"({own}{module})" if own else ""
    if not known:
        return f"{head}: {shares[0].noise or 'not timed'} {against}".rstrip()
    said = [f"{share.design} {share.label}{_equal(share)}" for share in known]
    if len(known) > phrases.FEW:
        fastest = min(known, key=lambda share: share.time or 0)
        said, known = [f"{fastest.design}, the fastest, {fastest.label}"], [fastest]
    by = "by prediction " if known[0].kind == PREDICTED else ""
    time = phrases.of(known[-1].label, f"{first.design.name}'s time").removeprefix(known[-1].label)
    return f"{head}: {by}{phrases.several(said)}{time} {against}".rstrip()


def _equal(share: Share) -> str:
    return " (equal within the noise)" if share.is_equal else ""


def finding(run: Run, places: Sequence[Place]) -> str:
    """Return the finding: the network, and where time is furthest above MACs."""
    found = [(place, share) for place in places for share in place.shares]
    if not any(share.kind for _, share in found):
        return _single(run)
    sure = [(place, share) for place, share in found if share.is_sure]
    if not sure:
        if all(share.kind == PREDICTED for _, share in found if share.kind):
            return "Predicted on a busy machine: no sentence can rest on these times."
        return "The times of this run are too noisy to be held against MACs."
    first, is_alone = held(run)
    if is_alone:
        return _title_of_one(first, places, sure)
    by = "By prediction, " if all(share.kind == PREDICTED for _, share in sure) else ""
    parts: list[str] = []
    if network := [share for place, share in sure if place.name.startswith("whole")]:
        parts += _of_network(network, first)
    stages = [(place, share) for place, share in sure if not place.name.startswith("whole")]
    slow = [(p, s) for p, s in stages if _exceeds(s)]
    if slow:
        place, worst = max(slow, key=lambda one: (one[1].time or 0) - one[1].macs)
        time, macs = spoken.people(worst.time or 0, 1), spoken.people(worst.macs, 1)
        time, macs = phrases.of(time, f"{first}'s time"), phrases.of(macs, "its MACs")
        of = "attention of " * (place.first.part.stage is not None)
        parts.append(f"in {of}{place.name}, {worst.design} takes {time} for {macs}")
    elif not parts or (stages and all(_follows(share) for _, share in stages)):
        parts.append("in each stage time follows MACs within 10 points")
    text = "; ".join(parts)
    return f"{by}{text}." if by else f"{text[0].upper() if not network else text[0]}{text[1:]}."


def _single(run: Run) -> str:
    """Return the time of a whole that nothing is held against; or that there is none."""
    for row in run.rows:
        if row.part == MODEL and row.latency:
            return f"{row.design.name} takes {milliseconds(row, MEASURED)}."
        if row.part == MODEL and row.predicted:
            return f"{row.design.name} takes {milliseconds(row, PREDICTED)}."
    return "Nothing was timed in this run, and nothing predicts its times."


def _title_of_one(first: str, places: Sequence[Place], sure: Sequence[tuple[Place, Share]]) -> str:
    """Return the finding of a single design: how much of its time is attention, and where most."""
    place, most = max(sure, key=lambda one: one[1].time or 0)
    by = "By prediction, attention" if most.kind == PREDICTED else "Attention"
    of_most = f"{spoken.people(most.time or 0, 1)} for {spoken.people(most.macs, 1)}"
    if len(sure) < len(places):
        return f"{by} in {place.name} takes {of_most} of the time and MACs of {first}."
    time, macs = sum(share.time or 0 for _, share in sure), sum(share.macs for _, share in sure)
    return (
        f"{by} takes {spoken.people(time, 1)} of the time of {first} for "
        f"{spoken.people(macs, 1)} of its MACs, most of it in {place.name} ({of_most})."
    )


def _exceeds(share: Share) -> bool:
    """Return whether time is above MACs even at the low end of its interval."""
    low = share.time if share.low is None else share.low
    return is_slower(share.time or 0, share.macs) and (low or 0) > share.macs


def _follows(share: Share) -> bool:
    time = share.time or 0
    return not (is_slower(time, share.macs) or is_slower(share.macs, time))


def _of_network(network: Sequence[Share], first: str) -> Iterator[str]:
    """Yield the shares of the whole network of some designs, in words."""
    shown = (
        sorted(network, key=lambda share: share.time or 0)[:1] if _are_many(network) else network
    )
    for is_equal in (False, True):
        those = [share for share in shown if share.is_equal == is_equal]
        if not those:
            continue
        names = phrases.several([share.design for share in those])
        if _are_many(network):
            names += ", the fastest,"
        times, macs = (
            _each([share.time or 0 for share in those]),
            _each([share.macs for share in those]),
        )
        is_one = len(those) == 1
        time = phrases.of(times, f"{first}'s time")
        said = f"{'takes' if is_one else 'take'} {time}"
        if is_equal:
            said = f"{'is' if is_one else 'are'} as fast as {first} within the noise"
        yield f"{names} {said} for {phrases.of(macs, 'its MACs')}"


def _are_many(network: Sequence[Share]) -> bool:
    return len(network) > phrases.FEW


def _each(shares: Sequence[float]) -> str:
    return phrases.each([spoken.people(share, 1) for share in shares], shares)
