"""Personas: what sets each segment apart from the whole base, as far as the data carry it.

in   FEATURE rows, MEMBER rows and the segmentation; what was counted of hours, words, objections and paths
out  a Persona per segment, and one of the whole base

A statement is kept only where the segment has at least `least_members` people with the figure, the 95 % interval
excludes the base value, the difference matters (`least_effect`), and it survives a control of false discoveries
over all candidate statements of all segments together (Benjamini and Hochberg 1995).

The segments were found in the same behaviour, so differences in what they were made from are no discovery: they
describe the segment. That is why every statement is graded `model`, and no statement says why people act so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from omnimix.audience.persona.candidate import Candidate, Measure
from omnimix.audience.persona.evidence import Evidence, Method, evidence, survivors
from omnimix.audience.persona.figure import Mask, Metric
from omnimix.audience.persona.language_model import NarratorRules
from omnimix.audience.persona.metric import metrics
from omnimix.audience.persona.moment import hour_candidates, week_of
from omnimix.audience.persona.narrative import narrate
from omnimix.audience.persona.objection import objection_candidates
from omnimix.audience.persona.persona import Kind, Persona, Statement
from omnimix.audience.persona.port import Narrator
from omnimix.audience.persona.seen import Seen
from omnimix.audience.persona.word import word_candidates
from omnimix.audience.persona.worth import price_range, with_value
from omnimix.audience.segment.matrix import Matrix, matrix
from omnimix.audience.segment.segment import REST, Segment
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money
from omnimix.core.record import config

_MANY = (Kind.MOMENT, Kind.WORD)
_NO_HEADLINE = frozenset({Kind.MOMENT, Kind.WORD})  # true, but no way to introduce anybody

BROAD = "broad"
"""Key of the portrait of the whole base."""


@config
class PersonaRules:
    """When a statement may be made. Rates and shares are in [0, 1]."""

    least_members: int = 30
    confidence: float = 0.95
    false_discoveries: float = 0.05
    least_effect: float = 0.2  # Cohen's h or d
    least_ratio: float = 1.2  # of a median to the base's, or the other way round
    most_per_kind: int = 3
    most_words: int = 8
    least_group: int = 10  # people who share a word, a reason, an hour or a path before it is shown
    narrator: NarratorRules = NarratorRules()

    def __post_init__(self) -> None:
        for key in ("confidence", "false_discoveries"):
            if not 0 < getattr(self, key) < 1:
                raise InvalidInput(
                    f"{key} is a share", where=f"personas.{key}", fix="use a number between 0 and 1"
                )
        for key in ("least_members", "least_group", "most_per_kind"):
            if getattr(self, key) < 2:
                raise InvalidInput(f"{key} is too few", where=f"personas.{key}", fix="use 2 or more")


def fit_personas(
    features: pa.Table,
    members: pa.Table,
    segmentation: Segmentation,
    *,
    currency: str,
    rules: PersonaRules | None = None,
    seen: Seen | None = None,
    value: pa.Table | None = None,
    narrator: Narrator | None = None,
) -> tuple[Persona, ...]:
    """One persona per segment but `(rest)`, in the segmentation's order.

    `features` and `members` hold the same profiles. `seen` adds hours, words, objections and paths, `value` what
    the profiles are worth. Raises InvalidInput when features and members differ.
    """
    rules = rules or PersonaRules()
    people = with_value(matrix(features), value)
    named = tuple(s for s in segmentation.segments if s.key != REST)
    masks = _masks(people, members, named)
    tried = candidates(people, masks, rules=rules)
    if seen is not None:
        tried += seen_candidates(seen, masks, rules=rules)
    kept = supported(tried, rules=rules)
    walked = seen.paths_of([s.key for s in named], confidence=rules.confidence) if seen is not None else {}
    told = (_persona(s, [c for c in kept if c.segment == s.key], rules, currency=currency) for s in named)
    return tuple(
        replace(
            persona,
            hours=week_of(seen.week, persona.segment.key) if seen is not None else None,
            prices=price_range(people, masks[persona.segment.key], least=rules.least_members),
            paths=walked.get(persona.segment.key, ()),
            narrative=narrate(persona, narrator),
        )
        for persona in told
    )


def seen_candidates(seen: Seen, masks: dict[str, Mask], *, rules: PersonaRules) -> tuple[Candidate, ...]:
    """Statements about what the engine counted: hours of the week, words, objections."""
    segments, everybody = tuple(masks), len(next(iter(masks.values()), ()))
    sizes = {s: int(mask.sum()) for s, mask in masks.items()}
    sizes[REST] = everybody - sum(sizes.values())
    group = {"least": rules.least_members, "group": rules.least_group}
    return (
        *hour_candidates(seen.week, segments, confidence=rules.confidence, **group),
        *word_candidates(seen.words, seen.speakers, segments, confidence=rules.confidence, **group),
        *objection_candidates(seen.objections, sizes, segments, confidence=rules.confidence, **group),
    )


def candidates(people: Matrix, masks: dict[str, Mask], *, rules: PersonaRules) -> tuple[Candidate, ...]:
    """Every statement that has the members and a wording for its direction; none is judged yet."""
    tried = []
    for metric in metrics(people):
        applies, values = metric.applies(people), metric.values(people)
        for key, inside in masks.items():
            chosen = inside & applies
            if int(chosen.sum()) < max(2, rules.least_members):
                continue
            found = evidence(values[chosen], values[applies], metric.method, confidence=rules.confidence)
            side = metric.above if found.value > found.base else metric.below
            if side is not None:
                tried.append(Candidate(key, metric, found, side))
    return tuple(tried)


def supported(tried: Sequence[Candidate], *, rules: PersonaRules) -> tuple[Candidate, ...]:
    """The candidates that the data carry.

    Of the many hours and words each has to survive among its own kind too: beside a few large differences of other
    kinds, chance among hundreds of hours would pass.
    """
    alive = survivors([c.evidence.p for c in tried], rate=rules.false_discoveries)
    for kind in _MANY:
        own = [i for i, c in enumerate(tried) if c.metric.kind is kind]
        alive[own] &= survivors([tried[i].evidence.p for i in own], rate=rules.false_discoveries)
    return tuple(c for c, keep in zip(tried, alive, strict=True) if keep and _matters(c, rules))


def _matters(candidate: Candidate, rules: PersonaRules) -> bool:
    found, metric = candidate.evidence, candidate.metric
    return (
        found.excludes_base
        and abs(found.effect) >= rules.least_effect
        and (found.effect > 0) == (found.value > found.base)  # mean of logs and median point the same way
        and (metric.method is not Method.MEDIAN or _ratio(found) >= rules.least_ratio)
        and _figure(metric, found.value, "GBP") != _figure(metric, found.base, "GBP")  # visible when rounded
    )


def _ratio(found: Evidence) -> float:
    low, high = sorted((abs(found.value), abs(found.base)))
    return high / low if low > 0 else float("inf")


def _masks(people: Matrix, members: pa.Table, segments: Sequence[Segment]) -> dict[str, Mask]:
    of = dict(zip(members["profile_id"].to_pylist(), members["segment"].to_pylist(), strict=True))
    if of.keys() != set(people.profiles):
        raise InvalidInput(
            "the members are not the profiles of the features",
            where="personas",
            fix="make the members from the same features",
        )
    labels = np.array([of[p] for p in people.profiles], dtype=object)
    return {s.key: labels == s.key for s in segments}


def _persona(segment: Segment, kept: Sequence[Candidate], rules: PersonaRules, *, currency: str) -> Persona:
    ordered = sorted(kept, key=lambda c: (-abs(c.evidence.effect), c.metric.kind, c.metric.name))
    chosen: list[Candidate] = []
    for candidate in ordered:
        most = rules.most_words if candidate.metric.kind is Kind.WORD else rules.most_per_kind
        if sum(c.metric.kind == candidate.metric.kind for c in chosen) < most:
            chosen.append(candidate)
    statements = tuple(_statement(c.metric, c.evidence, c.side.text, currency=currency) for c in chosen)
    return Persona(segment, _headline(segment, chosen), statements)


def _headline(segment: Segment, chosen: Sequence[Candidate]) -> str:
    count = f"{segment.name}: {segment.size:,} customers ({segment.share:.0%} of all)"
    first: dict[Kind, str] = {}
    for candidate in (c for c in chosen if c.metric.kind not in _NO_HEADLINE):
        first.setdefault(candidate.metric.kind, candidate.side.short)
    if not first:
        return f"{count}. Nothing that was measured sets them apart with enough certainty."
    return f"{count} who {' and '.join(list(first.values())[:2])}."


def _statement(metric: Metric | Measure, found: Evidence, text: str, *, currency: str) -> Statement:
    value, base = (_figure(metric, x, currency) for x in (found.value, found.base))
    return Statement(
        kind=metric.kind,
        text=_capital(text.format(value=value, base=base)),
        metric=metric.name,
        value=found.value,
        base=found.base,
        low=found.low,
        high=found.high,
        unit=metric.unit,
        n=found.n,
        subject=metric.subject,
        method=str(metric.method),
    )


def _figure(metric: Metric | Measure, value: float, currency: str) -> str:
    if metric.unit == "share":
        if 0.995 <= value < 1:
            return "over 99%"
        return f"{value:.0%}" if value == 0 or value >= 0.01 else f"{value:.1%}"
    if metric.unit == "minor":
        return str(Money(round(value), currency))
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def fit_base_portrait(features: pa.Table, *, currency: str, rules: PersonaRules | None = None) -> Persona:
    """The whole base as a persona with the key `broad`: facts about everybody, compared with nobody.

    In each statement value = base. Of each family (categories, hours, …) the largest are told. Raises InvalidInput
    when there is nobody.
    """
    rules = rules or PersonaRules()
    people = matrix(features)
    if not people.profiles:
        raise InvalidInput("there are no customers to portray", where="personas", fix="ingest orders first")
    means = {c: float(m) for c, m in zip(people.columns, people.values.mean(axis=0), strict=True)}
    size = len(people.profiles)
    segment = Segment(BROAD, "All customers", size, 1.0, "everybody", 1.0, 1.0, 1.0, means, means)
    told = tuple(_told(people, rules))
    statements = tuple(_statement(m, found, m.plain, currency=currency) for m, found in told)
    lead = next((s.text for s in statements if s.kind is Kind.PRICE), "")
    if statements:
        return Persona(segment, f"All customers: {size:,}. {lead}".strip(), statements)
    few = f"All customers: {size:,}. Too few of them have orders for anything to be said with certainty."
    return Persona(segment, few, ())


def _told(people: Matrix, rules: PersonaRules) -> Iterable[tuple[Metric, Evidence]]:
    """What can be said of everybody: of a family the largest, of the categories the largest three."""
    found: dict[str, list[tuple[Metric, Evidence]]] = {}
    for metric in metrics(people):
        applies = metric.applies(people)
        if metric.plain and int(applies.sum()) >= max(2, rules.least_members):
            values = metric.values(people)[applies]
            figure = evidence(values, values, metric.method, confidence=rules.confidence)
            found.setdefault(metric.family or metric.name, []).append((metric, figure))
    for group in found.values():
        ordered = sorted(group, key=lambda pair: (-pair[1].value, pair[0].name))
        most = rules.most_per_kind if ordered[0][0].kind is Kind.CATEGORY else 1
        yield from (pair for pair in ordered[:most] if pair[1].value > 0)
