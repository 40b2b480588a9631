"""What speaks against us: things sent back, help asked for, bad words, and the reasons people give.

in   order_lines, events  with profile_id
     members              profile_id, segment
out  objections           segment, objection, people: each person counts once in each

A reason is told in the words it was given in only where `group` people or more gave the same: most often it was
chosen from a list.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import BooleanValue, Table

from omnimix.audience.persona.candidate import Candidate, Measure
from omnimix.audience.persona.evidence import Method, of_counts
from omnimix.audience.persona.figure import Side
from omnimix.audience.persona.persona import Kind
from omnimix.audience.segment.sensitive import is_sensitive

RETURNED, HELP, SPOKE, REASON = "returned", "asked for help", "spoke badly", "reason: "
_HELP = ("support", "ticket", "complaint", "chat started", "contact us")
_LONGEST = 60  # characters of a reason
_ALL = "among all customers"
_SIDES = {
    RETURNED: Side(
        f"They send things back: {{value}} have returned something, against {{base}} {_ALL}.", "send things back"
    ),
    HELP: Side(f"They need help: {{value}} have asked support for it, against {{base}} {_ALL}.", "ask for help"),
    SPOKE: Side(
        f"They are not all pleased: {{value}} have written something negative, against {{base}} {_ALL}.",
        "complain in public",
    ),
}
_NAMES = {
    RETURNED: "share who returned something",
    HELP: "share who asked support for help",
    SPOKE: "share who wrote a negative comment or review",
}


def objections(order_lines: Table, events: Table, members: Table) -> Table:
    """Count the people of each segment by what they object to."""
    known = events.filter(_.profile_id.notnull())
    sent_back = order_lines.filter((_.kind == "return") & _.profile_id.notnull())
    raised = known.filter(_is_help(known) | _is_bad(known) | known.name.lower().contains("return"))
    every = ibis.union(
        sent_back.select("profile_id", objection=ibis.literal(RETURNED)),
        known.filter(_is_help(known)).select("profile_id", objection=ibis.literal(HELP)),
        known.filter(_is_bad(known)).select("profile_id", objection=ibis.literal(SPOKE)),
        _reasons(raised),
        distinct=True,
    )
    joined = every.join(members.select("profile_id", "segment"), "profile_id")
    return joined.group_by("segment", "objection").aggregate(people=_.count())


def _is_help(events: Table) -> BooleanValue:
    name = events.name.lower()
    return ibis.or_(*(name.contains(word) for word in _HELP))


def _is_bad(events: Table) -> BooleanValue:
    said = events.properties.fill_null("")
    rated = said.re_extract(r'"(?:rating|stars)": ?"?([0-9.]+)', 1).isin(("1", "2", "1.0", "2.0"))
    return said.contains('"sentiment_label":"negative"') | (rated & events.name.lower().contains("review"))


def _reasons(events: Table) -> Table:
    given = events.properties.fill_null("").re_extract(
        r'"(?:reason|return_reason|refund_reason|topic|issue)": ?"([^"]*)"', 1
    )
    told = events.mutate(reason=given.strip().lower())
    some = told.filter((_.reason.fill_null("") != "") & (_.reason.length() <= _LONGEST))
    return some.select("profile_id", objection=ibis.literal(REASON) + some.reason)


def objection_candidates(
    counted: pa.Table, sizes: dict[str, int], segments: Iterable[str], *, least: int, group: int, confidence: float
) -> tuple[Candidate, ...]:
    """What more of a segment object to than of everybody. `sizes`: people of every segment, the rest included."""
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for row in counted.to_pylist():
        by_kind[row["objection"]][row["segment"]] += row["people"]
    everybody = sum(sizes.values())
    tried = []
    for segment in segments:
        n = sizes.get(segment, 0)
        if n < max(2, least):
            continue
        for objection in sorted(by_kind):
            hits = by_kind[objection][segment]
            # A reason of few people could be one person's own words.
            if hits < group or is_sensitive(objection):
                continue
            found = of_counts(hits, n, by_kind[objection].total(), everybody, confidence=confidence)
            if found.value > found.base:
                tried.append(Candidate(segment, _measure(objection), found, _side(objection)))
    return tuple(tried)


def _measure(objection: str) -> Measure:
    name = _NAMES.get(objection) or f"share who gave the reason “{objection.removeprefix(REASON)}”"
    return Measure(Kind.OBJECTION, name, "share", Method.SHARE, objection.removeprefix(REASON))


def _side(objection: str) -> Side:
    if objection in _SIDES:
        return _SIDES[objection]
    reason = objection.removeprefix(REASON).replace("{", "").replace("}", "")
    return Side(
        f"A reason they give is “{reason}”: {{value}} of them did, against {{base}} {_ALL}.", f"say “{reason}”"
    )
