"""Stage 2 as a step of a run: features, rule segments, clusters, who is in which, and what is watched about them.

in   facts; the artifact `segments_fitted` of an earlier run
out  facts `feature`, `member`, `membership`, `placement`; artifacts `segmentation`, `segments_fitted`,
     `segment_watch`

Segments keep their meaning between runs: they are found once, and anew only when the rules change, when customers
have changed (`segments.drift`) or doubled, or when a person asks for it. In between people are placed by what was
found, and only those whose features changed since.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import ibis
from ibis.expr.types import Table

from omnimix.audience.segment.by_rule import memberships
from omnimix.audience.segment.cluster import fit_segments
from omnimix.audience.segment.count import counted, tally
from omnimix.audience.segment.drift import Drift, Level, Reference, bin_counts, drift, edges_of, read_spreads
from omnimix.audience.segment.matrix import matrix
from omnimix.audience.segment.place import clusters_of, placed, unchanged
from omnimix.audience.segment.sample import sample
from omnimix.audience.segment.segment import REST
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.audience.segment.watch import Watch
from omnimix.core.hashing import digest
from omnimix.flow.features import count_of, feature_table, rule_flags
from omnimix.flow.machine import Machine
from omnimix.flow.people import permitted_for, profiles_of
from omnimix.flow.segment_watch import WATCH, lists_of, movement_of, proxies_of, sizes_of
from omnimix.flow.step import Counts
from omnimix.governance.consent import Purpose
from omnimix.store.facts import SCHEMAS

SEED = 20260101  # of clustering: fixed, so that the same customers give the same segments
REFUSED = "without consent to personalisation"
FITTED, ASKED = "segments_fitted", "segments_asked"
_GROWN = 2.0  # so many times the people segments were found among: found anew


@dataclass(frozen=True, slots=True)
class Fitted:
    """Segments as they were found, what later days are compared with, and what they were made from."""

    segmentation: Segmentation
    reference: Reference
    made_from: str  # digest of the rules
    asked: str  # the request to find them anew that they answer


def segment(machine: Machine) -> Counts:
    """Put everybody who may be profiled into one segment; who refuses personalisation is in none.

    Where nobody may be profiled there are no segments, and everybody sees the broad creative.
    """
    warehouse = machine.warehouse
    rows = warehouse.materialise(feature_table(machine))
    people = count_of(machine, rows)
    if not people:
        return _nobody(machine, rows)
    flags = rule_flags(machine, rows)
    earlier = machine.artifacts.load(FITTED, Fitted) if machine.artifacts.has(FITTED) else None
    drifted, reason = _drifted(machine, rows, people, flags, earlier)
    if earlier is None or reason:
        fitted, kept, reason = _fit(machine, rows, flags, people), None, reason or "there were none"
    else:
        fitted, kept, reason = earlier, _kept(machine, rows, earlier.segmentation), ""
    clusters = _clusters(machine, rows, kept, fitted.segmentation)
    anew = people - (0 if kept is None else count_of(machine, kept))
    member = warehouse.materialise(placed(clusters, flags, fitted.segmentation, as_of=machine.today))
    found = counted(fitted.segmentation, warehouse.arrow(tally(rows, member, fitted.segmentation)))
    others = _write(machine, rows, clusters, member, flags)
    if reason:
        fitted = replace(fitted, reference=replace(fitted.reference, sizes=sizes_of(found)))
        machine.artifacts.save(FITTED, fitted)
    machine.artifacts.save("segmentation", found)
    watch = Watch(
        lists_of(machine, flags, found),
        movement_of(machine, member, found),
        drifted,
        proxies_of(machine, member, seed=SEED),
        anew,
        reason,
    )
    machine.artifacts.save(WATCH, watch)
    refused = count_of(machine, profiles_of(machine)) - people - others
    return Counts(
        people + others + refused,
        people,
        unit_in="profiles",
        unit_out="profiles",
        set_aside={"without features, in the rest": others, REFUSED: refused},
        detail={
            "segments": len(found.segments),
            "how": found.note,
            "found anew": reason or "no",
            "placed anew": anew,
            "drift": str(drifted.level) if drifted else "not yet known",
        },
        output=[found.segments, others, refused],
    )


def _nobody(machine: Machine, rows: Table) -> Counts:
    """Keep empty facts and no segments: nobody may be profiled, or who may did nothing yet."""
    note = "nobody who permits personalisation did anything yet: everybody sees the broad creative"
    machine.artifacts.save("segmentation", Segmentation((), (), (), (), (), note))
    member = SCHEMAS["member"].to_pyarrow().empty_table()
    nobody = rows.select("profile_id", cluster=ibis.literal(REST))
    others = _write(machine, rows, nobody, ibis.memtable(member), None)
    everybody = count_of(machine, profiles_of(machine))
    return Counts(
        everybody,
        0,
        unit_in="profiles",
        unit_out="profiles",
        set_aside={"without features, in the rest": others, REFUSED: everybody - others},
        detail={"segments": 0, "how": note},
        output=[others, everybody],
    )


def segment_inputs(machine: Machine) -> list[Any]:
    """What besides the facts decides the segments."""
    rules = [machine.segments, machine.consent_assumed, machine.timezone, machine.currency]
    return [*rules, _asked(machine)]


def ask_anew(machine: Machine) -> None:
    """Have the next run find the segments anew."""
    machine.artifacts.save(ASKED, machine.clock().isoformat())


def segments_on(machine: Machine, day: datetime) -> Segmentation:
    """The segments that would have been found on `day`, from what had happened by then. Nothing is written."""
    then = replace(machine, as_of=day)
    rows = machine.warehouse.materialise(feature_table(then))
    people = count_of(machine, rows)
    flags = rule_flags(then, rows)
    found = _fit(then, rows, flags, people).segmentation
    member = placed(clusters_of(rows, found), flags, found, as_of=day)
    return counted(found, machine.warehouse.arrow(tally(rows, member, found)))


def _fit(machine: Machine, rows: Table, flags: Table | None, people: int) -> Fitted:
    """Find segments among `rows`, or among a sample of them by content."""
    rules, arrow = machine.segments, machine.warehouse.arrow
    drawn = arrow(sample(rows, people=people, most=rules.sample, seed=SEED))
    met = None
    if flags is not None:
        met = arrow(flags.semi_join(ibis.memtable(drawn.select(["profile_id"])), "profile_id"))
    found = fit_segments(drawn, rules, seed=SEED, currency=machine.currency, flags=met, people=people)
    edges = edges_of(matrix(drawn, home=found.home), [a.column for a in found.axes], bins=rules.drift.bins)
    spreads = read_spreads(arrow(bin_counts(rows, edges, home=found.home)), edges)
    reference = Reference(machine.today, spreads, sizes_of(found))
    return Fitted(found, reference, _made_from(machine), _asked(machine))


def _drifted(
    machine: Machine, rows: Table, people: int, flags: Table | None, earlier: Fitted | None
) -> tuple[Drift | None, str]:
    """How customers changed since the segments were found, and why they are to be found anew ("": not)."""
    if earlier is None:
        return None, ""
    if earlier.made_from != _made_from(machine):
        return None, "the rules changed"
    if earlier.reference.as_of > machine.today:
        return None, "they were found on a later day"
    known = earlier.segmentation
    edges = {s.figure: s.edges for s in earlier.reference.spreads}
    spreads = read_spreads(machine.warehouse.arrow(bin_counts(rows, edges, home=known.home)), edges)
    member = placed(clusters_of(rows, known), flags, known, as_of=machine.today)
    told = machine.warehouse.arrow(tally(rows, member, known)).to_pylist()
    sizes = {r["segment"]: r["people"] for r in told}
    found = drift(earlier.reference, spreads, sizes, machine.segments.drift, as_of=machine.today)
    if machine.segments.refit == "always":
        return found, "segments.refit is always"
    if earlier.asked != _asked(machine):
        return found, "a person asked for it"
    if people >= _GROWN * known.people:
        return found, f"there are {people:,} customers, and there were {known.people:,}"
    return found, found.advice if found.level is Level.ALARM else ""


def _kept(machine: Machine, rows: Table, segmentation: Segmentation) -> Table | None:
    """`profile_id, cluster` of those whose features are as they were when they were placed."""
    warehouse = machine.warehouse
    if not warehouse.parts("placement") or not warehouse.parts("feature"):
        return None
    same = unchanged(rows, warehouse.table("feature"), segmentation)
    return warehouse.materialise(warehouse.table("placement").semi_join(same, "profile_id"))


def _clusters(machine: Machine, rows: Table, kept: Table | None, segmentation: Segmentation) -> Table:
    if kept is None:
        return machine.warehouse.materialise(clusters_of(rows, segmentation))
    fresh = clusters_of(rows.anti_join(kept, "profile_id"), segmentation)
    kinds = {"profile_id": "string", "cluster": "string"}
    return machine.warehouse.materialise(
        ibis.union(kept.select(*kinds).cast(kinds), fresh.cast(kinds), distinct=False)
    )


def _write(machine: Machine, rows: Table, clusters: Table, member: Table, flags: Table | None) -> int:
    """Keep the facts. Returns how many profiles are in the rest because there is nothing to look at."""
    warehouse = machine.warehouse
    day = ibis.literal(machine.today, "timestamp(6)")
    others = permitted_for(machine, Purpose.PERSONALISATION).anti_join(member, "profile_id")
    rest = others.select("profile_id", segment=ibis.literal(REST), as_of=day)
    kinds = {"profile_id": "string", "segment": "string", "as_of": "timestamp(6)"}
    everybody = ibis.union(member.cast(kinds), rest.cast(kinds), distinct=False).order_by("profile_id")
    written = warehouse.write("member", everybody)
    warehouse.write("feature", rows.order_by("profile_id"))
    warehouse.write("placement", clusters.order_by("profile_id"))
    keys = list(machine.segments.rules)
    if flags is not None:
        listed = memberships(flags, keys, as_of=machine.today)
        warehouse.write("membership", listed.order_by("segment", "profile_id"))
    else:
        warehouse.drop("membership", part="all")
    return written - count_of(machine, member)


def _made_from(machine: Machine) -> str:
    return digest([machine.segments, machine.currency, machine.timezone])


def _asked(machine: Machine) -> str:
    return machine.artifacts.load(ASKED, str) if machine.artifacts.has(ASKED) else ""
