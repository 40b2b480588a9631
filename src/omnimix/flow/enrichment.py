"""Enrichment as a step of a run: is what was bought right, and right often enough for its price.

in   the trait fact, what people said and did
out  the artifact `enrichment`; `usable_traits_of`, the traits that targeting may use
"""

from typing import Any

from ibis import _
from ibis.expr.types import Table

from omnimix.data.enrichment.audit import TraitAudit, Verdict, usable_traits
from omnimix.data.enrichment.compare import compared, suppliers
from omnimix.data.enrichment.fit import fit_audits
from omnimix.flow.machine import Machine
from omnimix.flow.people import events_of, lines_of, margins_of, permitted_for, traits_of
from omnimix.flow.step import Counts
from omnimix.governance.consent import Purpose

ENRICHMENT = "enrichment"


def enrichment_inputs(machine: Machine) -> list[Any]:
    """What besides the facts decides the audit."""
    prices = [(key, s.price_minor_per_profile) for key, s in sorted(machine.sources.items())]
    return [machine.enrichment, prices]


def audit_enrichment(machine: Machine) -> Counts:
    """Judge every provider's traits; without any there is nothing to judge, and nothing is bought."""
    traits = machine.warehouse.materialise(traits_of(machine, Purpose.PERSONALISATION))
    bought = machine.warehouse.arrow(suppliers(traits).order_by("provider", "trait", "source"))
    if not bought.num_rows:
        machine.artifacts.save(ENRICHMENT, ())
        return Counts(0, 0, unit_in="bought traits", unit_out="bought traits", output=())
    tables = compared(
        traits,
        lines_of(machine, Purpose.PERSONALISATION),
        events_of(machine, Purpose.PERSONALISATION),
        names=machine.enrichment.names,
    )
    rows = machine.warehouse.arrow(tables.order_by("provider", "trait", "claimed", "truth", "origin"))
    worth, assumed = _worth(machine)
    audits = fit_audits(
        rows,
        bought,
        profiles=_people(machine),
        prices={key: s.price_minor_per_profile for key, s in machine.sources.items()},
        worth_minor=worth,
        worth_assumed=assumed,
        rules=machine.enrichment,
    )
    machine.artifacts.save(ENRICHMENT, audits)
    used = sum(a.verdict is Verdict.USED for a in audits)
    return Counts(
        len(audits),
        used,
        unit_in="bought traits",
        unit_out="bought traits",
        set_aside={f"{v}, not used": n for v, n in _refused(audits).items()},
        detail={"people compared": max((a.compared for a in audits), default=0)},
        output=audits,
    )


def audits_of(machine: Machine) -> tuple[TraitAudit, ...]:
    """The audits of the last run; none before there was one."""
    there = machine.artifacts.has(ENRICHMENT)
    return machine.artifacts.load(ENRICHMENT, tuple[TraitAudit, ...]) if there else ()


def usable_traits_of(machine: Machine) -> Table:
    """Traits with profile_id that targeting may use: the person permits it, and enrichment pays its price."""
    return usable_traits(traits_of(machine, Purpose.PERSONALISATION), audits_of(machine))


def _refused(audits: tuple[TraitAudit, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for audit in audits:
        if audit.verdict is not Verdict.USED:
            found[str(audit.verdict)] = found.get(str(audit.verdict), 0) + 1
    return found


def _people(machine: Machine) -> int:
    counted = permitted_for(machine, Purpose.PERSONALISATION).aggregate(people=_.count())
    return int(machine.warehouse.arrow(counted)["people"][0].as_py())


def _worth(machine: Machine) -> tuple[float, bool]:
    """What being right about one person is worth, in minor units, and whether that is assumed."""
    if machine.enrichment.worth_minor is not None:
        return machine.enrichment.worth_minor, False
    margins = margins_of(machine).aggregate(
        margin=_.margin_minor.sum().fill_null(0), people=_.profile_id.nunique()
    )
    row = machine.warehouse.arrow(margins).to_pylist()[0]
    mean = row["margin"] / row["people"] if row["people"] else 0.0
    return max(mean * machine.enrichment.lift, 1.0), True
