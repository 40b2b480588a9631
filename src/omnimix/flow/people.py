"""The workspace's facts as the stages want them: with profiles resolved, as records, as an eligibility view.

in   facts in the warehouse
out  tables with profile_id, Product records, the Audience that hard eligibility looks at
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.activation.experiment.audience import bought, habits, make_audience
from omnimix.activation.experiment.eligibility import Audience
from omnimix.activation.experiment.lanes import BROAD_ONLY
from omnimix.audience.segment.segment import REST
from omnimix.data.catalogue import load_products
from omnimix.data.identity.resolve import resolve
from omnimix.data.product import Product
from omnimix.flow.machine import HISTORY_WEEKS, Job, Machine
from omnimix.governance.consent import Purpose, permitted, withheld
from omnimix.measurement.lift.spread import Spread, read_spreads, spread_sums
from omnimix.store.facts import SCHEMAS, check

MARGIN_SHARE = 0.4  # stands in where the catalogue names no margin; said in the report


def fact(machine: Machine, name: str) -> Table:
    """A fact, guarded by its schema."""
    return check(machine.warehouse.table(name), SCHEMAS[name], name=name)


def lines_of(machine: Machine, purpose: Purpose | None = Purpose.MEASUREMENT) -> Table:
    """Order lines with the profile each belongs to now: of people who permit `purpose`, and of nobody known.

    None reads everything: for counting what came in, before any use.
    """
    return _kept(
        machine, "order_line", lambda: resolve(fact(machine, "order_line"), fact(machine, "link")), purpose
    )


def events_of(machine: Machine, purpose: Purpose | None = Purpose.MEASUREMENT) -> Table:
    """Events that a person did, with the profile each belongs to now: of people who permit `purpose`, and of
    nobody known. None reads everything, also what robots did: for counting what came in, before any use.
    """
    if purpose is None:
        return resolve(fact(machine, "event"), fact(machine, "link"))
    return _kept(machine, "event", lambda: _human(machine), purpose)


def decisions_of(machine: Machine) -> Table:
    """Live decisions that showed something, with the profile that each was made for, of people who permit being
    measured now. A person whom no run had met was named by the profile id that their mark would get.
    """
    links = fact(machine, "link")
    own = ibis.literal("pf_").concat(links["key"].hexdigest("sha256").substr(0, 20))
    kinds = {"named": "string", "is_now": "string"}
    told = links.select(named=own, is_now=links["profile_id"]).cast(kinds)
    known = links.select(named=links["profile_id"], is_now=links["profile_id"]).cast(kinds)
    names = ibis.union(known, told, distinct=True)

    def made() -> Table:
        decided = fact(machine, "decision").filter(_.person.notnull(), _.variant_id.notnull())
        named = decided.left_join(names, decided["person"] == names["named"])
        whose = ibis.coalesce(named["is_now"], named["person"])
        return named.mutate(profile_id=whose).drop("named", "is_now")

    return _kept(machine, "decision", made, Purpose.MEASUREMENT)


def traits_of(machine: Machine, purpose: Purpose | None = Purpose.PERSONALISATION) -> Table:
    """Traits with the profile each belongs to now, of people who permit `purpose`."""
    return _kept(machine, "trait", lambda: resolve(fact(machine, "trait"), fact(machine, "link")), purpose)


def _human(machine: Machine) -> Table:
    events = resolve(fact(machine, "event"), fact(machine, "link"))
    return events.anti_join(fact(machine, "automated"), "event_id")


def _kept(machine: Machine, name: str, make: Callable[[], Table], purpose: Purpose | None) -> Table:
    """A fact with profiles, of people who permit `purpose`, worked out once: nearly every question begins here."""
    if purpose is None:
        return make()
    said = "assumed" if purpose in machine.consent_assumed else "asked"
    made_from = (name, "link", "consent", "robot", "automated")
    return machine.warehouse.once(
        f"{name} for {purpose}, {said}", lambda: _allowed(machine, make(), purpose), of=made_from
    )


def _allowed(machine: Machine, rows: Table, purpose: Purpose) -> Table:
    assume = purpose in machine.consent_assumed
    return rows.anti_join(withheld(profiles_of(machine), _consent(machine), purpose, assume=assume), "profile_id")


def profiles_of(machine: Machine) -> Table:
    """Every known person once; profiles that nobody but robots made are no people."""
    profiles = fact(machine, "link").select("profile_id").distinct()
    return profiles.anti_join(fact(machine, "robot"), "profile_id")


def members_of(machine: Machine) -> Table:
    """Which segment each profile is in."""
    return fact(machine, "member")


def products_of(machine: Machine) -> tuple[Product, ...]:
    """The catalogue as records."""
    return load_products(machine.warehouse.arrow(fact(machine, "product")))


def margins_of(machine: Machine) -> Table:
    """What each line brought before marketing: profile_id, occurred_at, margin_minor. Returns count against it."""
    lines = lines_with_margin(machine, Purpose.MEASUREMENT).filter(_.kind != "fee")
    return lines.select("profile_id", "occurred_at", "margin_minor")


def lines_with_margin(machine: Machine, purpose: Purpose) -> Table:
    """Order lines of people who permit `purpose`: profile_id, order_id, occurred_at, kind, margin_minor."""
    shares = fact(machine, "product").group_by("product_id").aggregate(share=_.margin_share.min())
    lines = lines_of(machine, purpose).filter(_.profile_id.notnull())
    margin = (_.amount_minor * _.share.fill_null(MARGIN_SHARE)).round().cast("int64")
    return lines.left_join(shares, "product_id").select(
        "profile_id", "order_id", "occurred_at", "kind", margin_minor=margin
    )


def permitted_for(machine: Machine, purpose: Purpose) -> Table:
    """The profiles who may be used for a purpose."""
    return permitted(profiles_of(machine), _consent(machine), purpose, assume=purpose in machine.consent_assumed)


def _consent(machine: Machine) -> Table:
    return resolve(fact(machine, "consent"), fact(machine, "link"))


def on_ladder(machine: Machine, job: Job) -> Table:
    """MEMBER rows of the people the campaign may be shown to and measured on, with their segment.

    Who refuses personalisation is in no segment: BROAD_ONLY, which sees nothing but the broad creative.
    """
    may = permitted_for(machine, Purpose.PERSONALISATION)
    people = permitted_for(machine, Purpose(job.eligibility.purpose)).semi_join(
        permitted_for(machine, Purpose.MEASUREMENT), "profile_id"
    )
    known = members_of(machine).semi_join(may, "profile_id").select("profile_id", found="segment")
    grouped = people.left_join(known, "profile_id").select("profile_id", "found")
    profiled = grouped.semi_join(may, "profile_id").mutate(segment=_.found.fill_null(REST))
    others = grouped.anti_join(may, "profile_id").mutate(segment=ibis.literal(BROAD_ONLY))
    kinds = {"profile_id": "string", "segment": "string"}
    both = ibis.union(*(t.select(*kinds).cast(kinds) for t in (profiled, others)), distinct=False)
    return both.mutate(as_of=ibis.literal(machine.today, "timestamp(6)")).order_by("profile_id")


def audience_of(machine: Machine, job: Job, ids: Any, *, like: Any = None) -> Audience:
    """What eligibility needs to know of `ids`. `like` names, for each, the profile whose habits it has.

    Of who refuses personalisation it knows no habits.
    """
    arrow, lines = machine.warehouse.arrow, lines_of(machine, Purpose.PERSONALISATION)
    granted: dict[str, Any] = {str(p): arrow(permitted_for(machine, p))["profile_id"] for p in Purpose}
    return make_audience(
        ids,
        permitted=granted,
        habits=arrow(habits(lines, as_of=machine.today)),
        bought=arrow(bought(lines, as_of=machine.today, within_days=job.eligibility.bought_within_days)),
        like=like,
    )


def spreads_of(machine: Machine, job: Job) -> dict[str, Spread]:
    """Segment → how margin varied between its people and from week to week, over the last HISTORY_WEEKS."""
    sums = spread_sums(margins_of(machine), on_ladder(machine, job), until=machine.today, weeks=HISTORY_WEEKS)
    return read_spreads(machine.warehouse.arrow(sums), weeks=HISTORY_WEEKS)


def purchase_rates(machine: Machine, members: pa.Table, *, weeks: int) -> dict[str, tuple[float, float]]:
    """Segment → orders per profile-week and mean margin of an order (minor units), over the last `weeks` weeks."""
    since = machine.today - timedelta(weeks=weeks)
    lines = lines_of(machine).filter(_.profile_id.notnull() & (_.kind == "sale") & (_.occurred_at >= since))
    shares = fact(machine, "product").group_by("product_id").aggregate(share=_.margin_share.min())
    orders = (
        lines.left_join(shares, "product_id")
        .mutate(margin=_.amount_minor * _.share.fill_null(MARGIN_SHARE))
        .group_by("profile_id", "order_id")
        .aggregate(margin=_.margin.sum())
        .join(ibis.memtable(members).select("profile_id", "segment"), "profile_id")
        .group_by("segment")
        .aggregate(orders=_.count(), margin=_.margin.mean())
    )
    found = {r["segment"]: (r["orders"], r["margin"]) for r in machine.warehouse.arrow(orders).to_pylist()}
    sizes: dict[str, int] = {}
    for segment in members["segment"].to_pylist():
        sizes[segment] = sizes.get(segment, 0) + 1
    # A segment that bought nothing lately still buys now and then: one order in the whole window.
    typical = sum(m for _n, m in found.values()) / len(found) if found else 1000.0
    return {
        s: (found.get(s, (1, 0.0))[0] / n / weeks, found.get(s, (0, typical))[1] or typical)
        for s, n in sorted(sizes.items())
    }
