"""The verdict in sentences: did personalisation pay its own rent, what do the figures say, what to do next.

in   Report
out  Answer, Figure and NextStep records, in plain words
"""

from collections.abc import Iterator
from dataclasses import dataclass

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.chance import by_chance
from omnimix.core.grade import Grade
from omnimix.creative.review.queue import Status
from omnimix.measurement.lift.promote import Promotion
from omnimix.measurement.lift.reading import Reading
from omnimix.measurement.report.record import Report
from omnimix.measurement.report.wording import between, count, plain, ratio, share, thousand, whole

COUNTED = "counted"  # not an estimate: added up from the logs or the books
_IRRELEVANT = 0.05  # share of impressions above which eligibility comes first


@dataclass(frozen=True, slots=True)
class Answer:
    """`tone` is yes, no or open."""

    tone: str
    headline: str
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline number with what it stands on."""

    label: str
    value: str
    interval: str
    grade: str
    note: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do, why, and the command for it where there is one."""

    what: str
    why: str
    command: str = ""


def answer(report: Report) -> Answer:
    """Did personalisation pay its own rent?"""
    last = report.last
    if last is None:
        return _before(report)
    if any(c.alarm and c.segment is None for c in last.checks):
        text = "The lanes do not hold as many people as planned, so nothing below can be compared."
        return Answer("open", "The measurement cannot be trusted yet.", text)
    promoted = [p for p in last.promotions if p.promoted]
    if promoted:
        return _paid(report, last, promoted)
    return _not_paid(report, last)


def _before(report: Report) -> Answer:
    overall = [v for v in report.power if v.segment is None]
    knowable = [v for v in overall if v.knowable]
    if not overall:
        return Answer("open", "Nothing has been measured yet.", "There is no verdict before a campaign has run.")
    if not knowable:
        text = "At this traffic no rung can be told from the one below it within the campaign."
        return Answer("open", "Not measured yet, and it could not be known.", text)
    names = ", ".join(f"{v.rung} (in {v.weeks_needed} weeks)" for v in knowable)
    return Answer("open", "Nothing has been measured yet.", f"What this campaign can find out: {names}.")


def _paid(report: Report, last: Reading, promoted: list[Promotion]) -> Answer:
    names = [f"{report.segment_name(p.segment)} ({p.rung})" for p in promoted]
    text = (
        f"Known to earn more than the broad creative after all costs: {_listed(names)}. Everywhere else the broad "
        f"creative stays. The bounds hold although somebody looked every week."
    )
    where = f"in {len(promoted)} of {len(last.promotions)} segments"
    return Answer("yes", f"Yes, {where}: personalisation pays its own rent there.", text)


def _not_paid(report: Report, last: Reading) -> Answer:
    worse = [e for e in last.effects if e.segment is None and e.high < 0]
    text = "No rung above broad is known to earn more than the broad creative after all costs, in any segment. "
    if worse:
        text += f"Known to lose against the rung below: {_listed([str(e.rung) for e in worse])}. "
    tailored = next((v for v in report.power if v.segment is None and v.rung is Rung.SEGMENT), None)
    if tailored is not None and not tailored.knowable:
        text += f"That was to be expected: a segment's own creative {tailored}."
    elif last.look < last.looks:
        text += f"{last.look} of {last.looks} weeks have passed; it may still show."
    else:
        text += "The broad creative stays: it is simpler, and nothing better has been shown."
    return Answer("no" if last.look >= last.looks else "open", "No: it has not been shown to pay.", text)


def figures(report: Report) -> tuple[Figure, ...]:
    """The headline numbers there are."""
    return tuple(_figures(report))


def _figures(report: Report) -> Iterator[Figure]:
    books, cur, sim = report.statement, report.currency, report.simulated
    if books is not None and books.romi is not None:
        romi = books.romi
        net = between(whole(romi.net_low, cur), whole(romi.net_high, cur))
        note = "margin that the campaign caused, less everything it cost"
        yield Figure("Net incremental margin", whole(romi.net, cur), net, romi.grade, note, romi.simulated)
        back = between(ratio(romi.low), ratio(romi.high))
        note = "what came back above cost, per unit of cost"
        yield Figure("ROMI", ratio(romi.ratio), back, romi.grade, note, romi.simulated)
    if books is not None and books.entries:
        note = "media, creative, review, data and platform"
        yield Figure("Cost of the campaign", whole(books.costs, cur), "", COUNTED, note, books.simulated)
    if books is not None and books.roas is not None:
        note = "orders after a click per unit of media: what a platform would show, not what was caused"
        yield Figure(
            "ROAS by last click", ratio(books.roas.ratio), "", books.roas.grade, note, books.roas.simulated
        )
    last = report.last
    if last is not None and last.promotions:
        number = sum(p.promoted for p in last.promotions)
        text = f"{number} of {len(last.promotions)}"
        yield Figure("Segments promoted", text, "", Grade.RANDOMISED, "above the broad creative", sim)
    if report.irrelevance_rate is not None:
        note = "of all impressions, shown although a hard rule spoke against it"
        yield Figure("Irrelevance rate", share(report.irrelevance_rate, 1), "", COUNTED, note, sim)
    if report.journey is not None:
        note = f"{count(report.journey.events)} events in {count(report.journey.sessions)} sessions"
        yield Figure("Known customers", count(report.journey.profiles), "", COUNTED, note, False)
    if report.segments:
        note = "whose number is stable when the customers are drawn again"
        yield Figure("Segments", str(len(report.segments)), "", str(Grade.MODEL), note, False)


def next_steps(report: Report) -> tuple[NextStep, ...]:
    """What to do next, the most urgent first."""
    return tuple(
        [*_review_steps(report), *_trust_steps(report), *_ladder_steps(report), *_journey_steps(report)]
        or [NextStep("Nothing is waiting.", "Run the campaign again when there are new data.")]
    )


def _review_steps(report: Report) -> Iterator[NextStep]:
    key = report.campaign.key if report.campaign else "CAMPAIGN"
    waiting = sum(c.status is Status.QUEUED for c in report.candidates)
    blocked = sum(c.status is Status.BLOCKED for c in report.candidates)
    if waiting:
        command = f"omnimix review list {key}"
        yield NextStep(f"Decide on {waiting} variants.", "Nothing is published without an approval.", command)
    if blocked:
        why = "A blocking finding keeps a variant out of review; each is listed under Checks and approvals."
        yield NextStep(f"Put right {blocked} blocked variants.", why)
    if report.candidates and not waiting and not report.looks:
        why = "The approved variants are ready for the channels; nothing has been measured yet."
        yield NextStep("Take the campaign to its channels.", why, f"omnimix plan {key}")


def _trust_steps(report: Report) -> Iterator[NextStep]:
    last = report.last
    for alarm in (c for c in last.checks if c.alarm) if last else ():
        where = report.segment_name(alarm.segment)
        uneven = f"People per lane do not match the shares ({by_chance(alarm.p)})"
        why = f"{uneven}; no effect can be trusted until then."
        yield NextStep(f"Find out why the lanes are uneven for {where}.", why)
    if report.irrelevance_rate is not None and report.irrelevance_rate > _IRRELEVANT:
        rate = share(report.irrelevance_rate, 1)
        why = (
            f"{rate} of impressions went against a hard rule. The `relevant` rung avoids that at no creative cost."
        )
        yield NextStep("Lower the irrelevance rate before making more variants.", why)


def _ladder_steps(report: Report) -> Iterator[NextStep]:
    last = report.last
    for p in last.promotions if last else ():
        if p.promoted:
            name = report.segment_name(p.segment)
            low = next((t.low for t in p.tried if t.rung is p.rung), None)
            least = f", at least {thousand(low, report.currency)} a week per thousand people" if low else ""
            why = f"It earns more than `broad` after all costs{least}. The `follow` lane gets it already."
            yield NextStep(f"Serve {name} the `{p.rung}` rung.", why)
    for effect in last.effects if last else ():
        if effect.segment is None and effect.high < 0:
            loss = thousand(-effect.high, report.currency)
            why = (
                f"At least {loss} a week per thousand people is lost against `{effect.against}`, after all costs."
            )
            yield NextStep(f"Take the `{effect.rung}` rung back, or make it cheaper.", why)
    hopeless = [v for v in report.power if v.segment is None and not v.knowable and v.rung is not Rung.BROAD]
    if hopeless:
        names = _listed([f"`{v.rung}`" for v in hopeless])
        why = f"It was clear before: {hopeless[0]}. Merge rungs, give lanes larger shares, or run longer."
        yield NextStep(f"Do not expect an answer on {names}.", why)


def _journey_steps(report: Report) -> Iterator[NextStep]:
    leaks = report.journey.leaks() if report.journey else ()
    if leaks:
        worst = leaks[0]
        why = f"{count(worst.profiles)} customers, {share(worst.share)} of the moves out of it, go no further."
        yield NextStep(f"Look at what happens after “{plain(worst.step)}”.", why)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
