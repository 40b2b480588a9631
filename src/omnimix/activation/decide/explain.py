"""A logged decision made again, and why it came out so: in words, and in parts that add up.

in   a Decided, and the release it was made from, ready
out  Replayed, or Conflict; Explanation

The parts of a score by the moment model are what each feature adds. By a snapshot they are: what all variants
bring everywhere, what the segment and the variant add to that, and what is particular to both together. Scores are
expected margins in minor units, per decision (moment model) or per exposed profile-week (snapshot).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.against import ruled_out
from omnimix.activation.decide.decide import UNKNOWN, by_moment
from omnimix.activation.decide.decision import Decided
from omnimix.activation.decide.moment import contributions, scores
from omnimix.activation.decide.serving import Chances, Served, Serving, list_of, unkept
from omnimix.activation.experiment.eligibility import Reason, blocking
from omnimix.activation.experiment.ladder import FOLLOW, Rung
from omnimix.activation.experiment.lanes import BROAD_ONLY
from omnimix.core.errors import Conflict, NotFound

WORDS = {
    Reason.NO_CONSENT: "the person does not permit it",
    Reason.FREQUENCY_CAP: "the person has seen enough for now",
    Reason.BOUGHT: "the person bought it lately",
    Reason.OUT_OF_STOCK: "it is out of stock",
    Reason.LANGUAGE: "it is in another language",
    Reason.REGION: "it is not for the person's country",
    Reason.PRICE: "its price is far from what the person pays",
    Reason.SUPPRESSED: "the person unsubscribed from the channel, or complained",
    Reason.QUIET_HOURS: "it was in the quiet hours",
    Reason.DATES: "it has not begun, or is over",
    Reason.PLACEMENT: "it does not fit the placement",
    Reason.STOPPED: "the campaign is stopped",
    Reason.BUDGET: "the budget is spent, or saved for later in the day",
    Reason.ROBOT: "it is a robot that asks",
    Reason.NOT_APPROVED: "nobody has approved it",
    Reason.SHOWN: "it is in an earlier slot of the same answer",
}
_RUNGS = {
    Rung.NONE: "gets no message: what advertising does at all is measured against these people",
    Rung.BROAD: "gets the best broad creative, relevant or not",
    Rung.RELEVANT: "gets the broad creative, unless it would be irrelevant",
    Rung.SEGMENT: "gets the creative of the segment",
    Rung.SEQUENCE: "gets the next step of the story",
    Rung.MOMENT: "gets what is best for the person in this context",
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """The same decision again. `chances` of the eligible variants."""

    decision_id: str
    variant: str | None
    probability: float
    chances: dict[str, float]
    release: str


@dataclass(frozen=True, slots=True)
class Rival:
    """A variant that was eligible."""

    variant: str
    chance: float
    score: float  # expected margin, minor units


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision came out as it did. `contributions` sum to `score`, that of the variant chosen."""

    decision_id: str
    campaign: str
    placement: str
    rung: str
    variant: str | None
    probability: float
    score: float | None
    contributions: tuple[tuple[str, float], ...]
    eligible: tuple[Rival, ...]  # the likeliest first
    excluded: tuple[tuple[str, tuple[str, ...]], ...]  # variants of the rung and why not, in words
    words: tuple[str, ...]


def replay(serving: Serving, log: Decided) -> Replayed:
    """Make a decision again from what was logged. Raises Conflict when anything differs by a bit."""
    served = _served(serving, log)
    if served is None:
        return Replayed(log.decision_id, None, log.probability, {}, log.release)
    rung, pool = Rung(log.rung), unkept(log.pool)
    if not served.stories:
        _same(log, "the rung's variants", pool, served.pool(log.segment, rung, log.step))
    fit = pool & ~ruled_out([(r, unkept(p)) for r, p in log.against], blocking(rung).value)
    _same(log, "the eligible variants", unkept(log.eligible), fit)
    again = _chances(served, log, fit)
    _same(log, "the chances", log.chances, again.kept)
    chosen, probability = again.drawn(log.draw) if again.columns else (-1, 1.0)
    _same(log, "the choice", (log.chosen, log.probability), (chosen, probability))
    _same(log, "the variant", log.variant, served.variants[chosen] if chosen >= 0 else "")
    by_name = {served.variants[c]: v for c, v in zip(again.columns, again.values, strict=True)}
    return Replayed(log.decision_id, log.variant or None, probability, by_name, log.release)


def explain(serving: Serving, log: Decided) -> Explanation:
    """Why. Raises Conflict when the log does not replay: then nothing that is said of it would be sure."""
    chances = replay(serving, log).chances
    served = _served(serving, log)
    score: float | None = None
    parts: tuple[tuple[str, float], ...] = ()
    worth: dict[str, float] = {}
    if served is not None:
        all_scores = _scores(served, log)
        worth = {served.variants[i]: float(s) for i, s in enumerate(all_scores)}
        if log.chosen >= 0:
            score, parts = float(all_scores[log.chosen]), _parts(served, log)
    rivals = [Rival(v, chance, worth[v]) for v, chance in chances.items()]
    return Explanation(
        decision_id=log.decision_id,
        campaign=log.campaign,
        placement=log.placement,
        rung=log.rung,
        variant=log.variant or None,
        probability=log.probability,
        score=score,
        contributions=parts,
        eligible=tuple(sorted(rivals, key=lambda r: (-r.chance, r.variant))),
        excluded=_excluded(served, log),
        words=_words(served, log, len(chances)),
    )


def _served(serving: Serving, log: Decided) -> Served | None:
    if serving.release.release_id != log.release:
        raise Conflict(
            f"decision {log.decision_id} was made from release {log.release}",
            where=serving.release.release_id,
            fix="load that release and replay from it",
        )
    if not log.campaign:
        return None
    if log.campaign not in serving.campaigns:
        raise NotFound(f"the release has no campaign {log.campaign!r}", where=log.release)
    return serving.campaigns[log.campaign]


def _same(log: Decided, what: str, logged: object, again: object) -> None:
    if logged != again:
        raise Conflict(
            f"{what} came out differently: {again!r}, the log says {logged!r}",
            where=log.decision_id,
            fix="the release, or the log, was changed",
        )


def _x(log: Decided) -> npt.NDArray[np.float32]:
    return np.frombuffer(log.features, dtype="<f4")


def _chances(served: Served, log: Decided, fit: int) -> Chances:
    if not fit:
        return Chances([], [], [], b"")
    if log.model and served.moment is not None:
        return by_moment(served, served.moment, [_x(log)], [fit])[0]
    return served.chances(log.segment, fit)


def _row(served: Served, log: Decided) -> int:
    return served.ready.place.get(log.segment, len(served.ready.place))


def _scores(served: Served, log: Decided) -> npt.NDArray[np.float64]:
    if log.model and served.moment is not None:
        return scores(served.moment, _x(log))
    found: npt.NDArray[np.float64] = served.ready.mean[_row(served, log)]
    return found


def _parts(served: Served, log: Decided) -> tuple[tuple[str, float], ...]:
    if log.model and served.moment is not None:
        return tuple(contributions(served.moment, _x(log), log.chosen))
    mean, row = served.ready.mean, _row(served, log)
    everything = float(mean.mean())
    segment = float(mean[row].mean()) - everything
    variant = float(mean[:, log.chosen].mean()) - everything
    rest = float(mean[row, log.chosen]) - everything - segment - variant
    name = log.segment or "unknown"
    return (
        ("what all variants bring everywhere", everything),
        (f"segment {name}", segment),
        ("this variant everywhere", variant),
        (f"this variant in segment {name}", rest),
    )


def _excluded(served: Served | None, log: Decided) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if served is None:
        return ()
    rung = Rung(log.rung)
    held = [(Reason(r), unkept(p)) for r, p in log.against if r & blocking(rung).value]
    out = list_of(unkept(log.pool) & ~unkept(log.eligible))
    return tuple((served.variants[i], tuple(WORDS[r] for r, p in held if p >> i & 1)) for i in out)


def _words(served: Served | None, log: Decided, eligible: int) -> tuple[str, ...]:
    if served is None:
        return (f"No campaign fills the placement {log.placement}: its default was shown.",)
    rung = Rung(log.rung)
    if log.lane == UNKNOWN:
        lane = "No run has met this person, or they refuse measurement: they get the broad creative."
    elif log.lane == FOLLOW:
        lane = f"The person follows what is promoted for their segment: {rung}; who is there {_RUNGS[rung]}."
    else:
        lane = f"The person's lane is {log.lane}; who is there {_RUNGS[rung]}."
    known = log.segment not in ("", BROAD_ONLY)
    lines = [lane, f"Their segment is {log.segment}." if known else "Nothing personal was used to choose."]
    of = unkept(log.pool).bit_count()
    if log.chosen < 0:
        lines.append(f"None of the rung's {of} variants was eligible: the default was shown.")
        return tuple(lines)
    model = f"the moment model {log.model}" if log.model else f"snapshot {log.snapshot}"
    lines.append(f"Of the rung's {of} variants {eligible} were eligible.")
    lines.append(f"{log.variant} was drawn with a chance of {log.probability:.1%}, by {model}.")
    return tuple(lines)
