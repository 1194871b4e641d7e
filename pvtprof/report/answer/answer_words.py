"""The sentences of the answer, from facts alone: what is found, and what to take.

``assets/answer.js`` says the same of what is computed; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pvtprof import spoken, units
from pvtprof.designs.variants import PLAIN
from pvtprof.predict.probes import LARGEST_IMAGE
from pvtprof.report import phrases
from pvtprof.report.answer.choice import MACS_APART, Choice, Mix
from pvtprof.report.answer.facts import Facts, distinct, relation

#: A price of less than so many per cent is none.
MUCH = MACS_APART
#: What a mix calls the attention of a stage.
SHORT = {PLAIN: "plain", "sra_conv": "conv", "sra_pool": "pool"}
_NUMBERS = {2: "both", 3: "all three", 4: "all four"}


def name_of(one: Facts) -> str:
    """Return what sentences call a design.

    >>> name_of(Facts("mha", "", 1, 1, 1)), name_of(Facts("sra_conv", "", 1, 1, 1))
    ('plain attention', 'sra_conv')
    """
    return "plain attention" if one.name == PLAIN else one.name


def finding(found: Sequence[Facts], choice: Choice) -> str:
    """Return the one sentence: what the choice costs, against the first design and the others."""
    those, best, first = distinct(found), choice.design, found[0]
    if len(those) == 1:
        return _alone(found)
    others = [one for one in those if one not in (best, first)]
    if best.runs == first.runs:
        parts = [_costs(one, first, name_of(first), is_first=not i) for i, one in enumerate(others)]
        return f"{name_of(first)} is the choice: {'; '.join(parts)}."
    parts = [_costs(best, first, name_of(first)), *(_beside(o, first, choice) for o in others)]
    return f"{'; '.join(parts)}."


def _alone(found: Sequence[Facts]) -> str:
    one, *same = found
    text = f"{name_of(one)} costs {spoken.short(one.macs)} MACs, "
    text += f"{spoken.short(one.params)} parameters and {units.size(one.peak)} of memory"
    if one.time and one.time.carries:
        verb = "is predicted to take" if one.time.is_predicted else "takes"
        text += f", and {verb} {spoken.duration(one.time.middle)}"
    text += "" if one.fits else f", and {one.not_run}"
    names = " and ".join(name_of(other) for other in same)
    return (
        f"{text}; {names} {'is' if len(same) == 1 else 'are'} the same here."
        if same
        else (f"{text}.")
    )


def _costs(one: Facts, other: Facts, name: str, is_first: bool = True) -> str:
    """A design's MACs, memory and time as shares of another's."""
    whose = f"{name}'s" if is_first else "its"
    parts = [
        share(one.macs, other.macs, f"{whose} MACs"),
        share(one.peak, other.peak, "its memory"),
    ]
    said = relation(one.time, other.time)
    if said is None or one.time is None or other.time is None:
        return f"{name_of(one)} costs {' and '.join(parts)}{_untold(one, other)}"
    if said == "equal":
        within = "the prediction's error" if one.time.is_predicted else "the noise"
        return f"{name_of(one)} costs {' and '.join(parts)}, and is as fast within {within}"
    ratio = share(one.time.middle, other.time.middle, "its time")
    predicted = "a predicted " * one.time.is_predicted
    return f"{name_of(one)} costs {', '.join(parts)} and {predicted}{ratio}"


def _untold(one: Facts, other: Facts) -> str:
    if large := [its for its in (one, other) if not its.fits]:
        return f" ({phrases.several([name_of(its) for its in large])} {_not_fitting(large)})"
    if one.time is None and other.time is None:
        return ""
    for its in (one, other):
        if its.time is None and its.not_run:
            return f" ({name_of(its)} was not timed: {its.not_run})"
    if one.time and one.time.is_predicted:
        return "; the predicted times cannot be trusted"
    return "; their times are too noisy to compare"


def _not_fitting(large: Sequence[Facts]) -> str:
    why = large[0].not_run or ""
    return why.replace("does", "do", 1) if len(large) > 1 else why


def _beside(one: Facts, first: Facts, choice: Choice) -> str:
    """A further design, beside the choice."""
    best, said = choice.design, relation(one.time, choice.design.time)
    if not one.fits and best.fits:
        return f"{name_of(one)} {one.not_run}"
    if said == "equal" and one.time:
        within = "the prediction's error" if one.time.is_predicted else "the noise"
        return f"{name_of(one)} is as fast within {within}"
    if said and one.time and best.time:
        takes = "is predicted to take" if one.time.is_predicted else "takes"
        ratio = share(one.time.middle, best.time.middle, f"{name_of(best)}'s time")
        return f"{name_of(one)} {takes} {ratio}"
    return f"{name_of(one)} costs {share(one.macs, first.macs, 'the MACs')}"


def share(part: float, whole: float, what: str) -> str:
    """Return a part of something, or a multiple of it.

    >>> share(1, 2, "its MACs"), share(4, 2, "its MACs")
    ('50 % of its MACs', '2.00x its MACs')
    """
    return phrases.of(spoken.people(part, whole), what)


def advice(found: Sequence[Facts], choice: Choice) -> str:
    """Return what to take, why, and at what price; "" where there is nothing to choose from."""
    if len(distinct(found)) == 1:
        return ""
    price = phrases.several(tuple(_price(distinct(found), choice.design)))
    return f"Take {name_of(choice.design)}: {_reason(choice)}. " + (
        f"Price: {price}." if price else "No other is cheaper in any figure."
    )


def _reason(choice: Choice) -> str:
    best, rivals = choice.design, choice.rivals
    none = "" if best.fits else "none fits, and "
    if not rivals:
        return {
            "time": "it takes the least time",
            "predicted": f"the least time is predicted for it{_predicted(best)}",
            "macs": f"{none}it needs the fewest MACs",
        }[choice.ground]
    why = {
        "time": "none is faster beyond the noise",
        "predicted": f"none is faster beyond the prediction's error{_predicted(best)}",
        "macs": f"{none}its MACs are within {MACS_APART} % of the fewest",
    }[choice.ground]
    if best.published and not any(one.published for one in rivals):
        return f"{why}, and its accuracy is known"
    for name, values in (
        ("memory", [one.peak for one in (best, *rivals)]),
        ("MACs", [one.macs for one in (best, *rivals)]),
        ("parameters", [one.params for one in (best, *rivals)]),
    ):
        if values[0] < min(values[1:]):
            least = "least" if name == "memory" else "fewest"
            those = "those" if choice.ground == "macs" else "the fastest"
            return f"{why}, and of {those} it needs the {least} {name}"
    return why


def _predicted(best: Facts) -> str:
    """Within which interval its time is predicted, and whether beyond what was measured."""
    time = best.time
    if time is None or time.low is None or time.high is None or not time.is_predicted:
        return ""
    text = f"90 % interval {spoken.duration(time.low)} to {spoken.duration(time.high)}"
    if time.is_extrapolated:
        text += f"; extrapolated: measured on images of at most {LARGEST_IMAGE} pixels"
    return f" ({text})"


def _price(those: Sequence[Facts], best: Facts) -> Iterator[str]:
    """What another design has less of."""
    for what in ("MACs", "parameters", "memory"):
        figures = {one: _figure(one, what) for one in those}
        least = min(those, key=figures.__getitem__)
        mine, theirs = figures[best], figures[least]
        if 100 * mine > (100 + MUCH) * theirs:
            ratio = spoken.people(mine - theirs, theirs)
            yield (
                f"{spoken.people(mine, theirs)} {name_of(least)}'s {what}"
                if ratio.endswith("x") or mine >= 2 * theirs
                else f"{ratio} more {what} than {name_of(least)}"
            )
    if best.stages and not best.published:
        yield "an unknown accuracy"


def _figure(one: Facts, what: str) -> int:
    return {"MACs": one.macs, "parameters": one.params, "memory": one.peak}[what]


def attention_share(found: Sequence[Facts], best: Facts, rest: str) -> str:
    """Return how much of the network attention is at all; "" where a design has no stages."""
    if not best.stages:
        return ""
    whose = f"{name_of(best)}'s MACs"
    text = f"Attention with its projections is {share(best.attention_macs, best.macs, whose)}"
    seconds = best.attention_s
    if seconds and best.time and best.time.carries and seconds <= best.time.middle:
        text += f" and {share(seconds, best.time.middle, 'its time')}"
    those = distinct(found)
    same = f", the same in {_NUMBERS.get(len(those), 'all')} designs" if len(those) > 1 else ""
    return f"{text}; the rest is {rest}{same}."


def mixed(mix: Mix | None) -> str:
    """Return the sentence on the mix that beats all designs shown; "" where none does.

    Its base is the best of them, so what is less than that is less than the choice too.
    """
    if mix is None:
        return ""
    names = ", ".join(SHORT.get(variant, variant) for variant in mix.variants)
    whose = f"{name_of(mix.base)}'s"
    if not mix.is_time:
        less = f"{spoken.people(mix.saved, mix.base.macs)} less than {whose}"
        of = f"{spoken.short(int(mix.cost))}, {less} {spoken.short(mix.base.macs)}"
        return f"A mix needs fewer MACs: {names} ({of}, computed)."
    time = mix.base.time.middle if mix.base.time else 0.0
    less = f"{spoken.people(mix.saved, time)} less than {whose} {spoken.duration(time)}"
    predicted = "predicted" if mix.base.time and mix.base.time.is_predicted else "computed"
    how = f"{predicted}, not measured"
    within = "error" if predicted == "predicted" else "noise"
    is_beyond = bool(mix.base.time and mix.cost < (mix.base.time.low or 0.0))
    says = " may be faster" if is_beyond else f", within the {within}"
    return f"A mix{says}: {names} ({spoken.duration(mix.cost)}, {less}, {how})."


def computed_so(mix: Mix | None) -> str:
    """Return how the figure of a mix was computed; "" where there is none."""
    if mix is None:
        return ""
    unit = "time" if mix.is_time else "MACs"
    return f"Computed as the {unit} of {name_of(mix.base)} with stages exchanged: ask for it with"


def option(mix: Mix | None) -> str:
    """Return the option of ``compare`` that asks for a mix; "" where there is none."""
    return f"--design {','.join(mix.variants)}" if mix else ""
