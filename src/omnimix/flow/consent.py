"""Consent as a step of a run, and which purpose each stage reads for.

in   consent and links
out  STAGES; how many people permit each purpose
"""

from ibis import _

from omnimix.flow.machine import Machine
from omnimix.flow.people import permitted_for, profiles_of
from omnimix.flow.step import Counts
from omnimix.governance.consent import Purpose

# What people are used for, stage by stage: who refuses a purpose is not in what the stage reads. Taking in,
# linking and keeping accounts use no purpose: without them nobody could be asked, told or forgotten.
STAGES: dict[str, tuple[Purpose, ...]] = {
    "journey": (Purpose.MEASUREMENT,),
    "pain points": (Purpose.MEASUREMENT,),
    "value": (Purpose.PERSONALISATION,),
    "enrichment": (Purpose.PERSONALISATION,),
    "segments": (Purpose.PERSONALISATION,),
    "personas": (Purpose.PERSONALISATION,),
    "online state": (Purpose.MEASUREMENT, Purpose.PERSONALISATION),
    "broad brief": (Purpose.MEASUREMENT,),
    "segment brief": (Purpose.PERSONALISATION,),
    "power": (Purpose.MEASUREMENT, Purpose.ADVERTISING),
    "experiment": (Purpose.MEASUREMENT, Purpose.ADVERTISING),
    "rewards": (Purpose.MEASUREMENT,),
    "ads": (Purpose.ADVERTISING,),
    "own creative": (Purpose.ADVERTISING, Purpose.PERSONALISATION),
    "e-mail": (Purpose.EMAIL,),
}


def weigh_consent(machine: Machine) -> Counts:
    """Count the people who permit each purpose. Those who refuse measurement are set aside, not forgotten."""
    found = {str(p): _count(machine, p) for p in Purpose}
    people = machine.warehouse.arrow(profiles_of(machine).aggregate(n=_.count())).to_pylist()[0]["n"]
    measured = found[str(Purpose.MEASUREMENT)]
    return Counts(
        people,
        measured,
        unit_in="profiles",
        unit_out="profiles",
        set_aside={"without consent to measurement": people - measured},
        detail=found,
        output=[found, list(machine.consent_assumed)],
    )


def _count(machine: Machine, purpose: Purpose) -> int:
    counted = permitted_for(machine, purpose).aggregate(n=_.count())
    return int(machine.warehouse.arrow(counted).to_pylist()[0]["n"])
