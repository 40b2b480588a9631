"""The whole loop as one list of steps, from sources to the final account.

in   a Machine and a campaign's Job
out  StepResults as they come; the run stops where a person must act and goes on from there the next time
"""

from collections.abc import Iterator
from functools import partial

from omnimix.core.hashing import digest
from omnimix.data.ingest import silent
from omnimix.data.intake import Progress
from omnimix.flow.activate import deploy, foresee
from omnimix.flow.bids import bids_step
from omnimix.flow.consent import weigh_consent
from omnimix.flow.create import check, draw, picture_files, review, write_briefs, write_copy
from omnimix.flow.enrichment import audit_enrichment, enrichment_inputs
from omnimix.flow.identity import match_people
from omnimix.flow.journey import map_journey
from omnimix.flow.machine import Job, Machine
from omnimix.flow.market import live
from omnimix.flow.measure import measure
from omnimix.flow.online import is_known, publish_people
from omnimix.flow.pain import find_pain
from omnimix.flow.personas import persona_inputs, portray
from omnimix.flow.release import publish_step
from omnimix.flow.report import write_report
from omnimix.flow.robots import mark_robots
from omnimix.flow.segments import segment, segment_inputs
from omnimix.flow.step import Step, StepResult, run_steps
from omnimix.flow.understand import catalogue, identify, take_in
from omnimix.flow.value import value


def understand_steps(machine: Machine, progress: Progress = silent) -> list[Step]:
    """From sources to personas."""
    today = str(machine.today.date())
    return [
        Step("ingest", partial(take_in, machine, progress), always=True),
        Step("matching", partial(match_people, machine, progress), always=True),
        Step("identity", partial(identify, machine)),
        Step("consent", partial(weigh_consent, machine), inputs=machine.consent_assumed),
        Step("robots", partial(mark_robots, machine), inputs=machine.robots),
        Step("catalogue", partial(catalogue, machine)),
        Step("enrichment", partial(audit_enrichment, machine), inputs=enrichment_inputs(machine)),
        Step("journey", partial(map_journey, machine), inputs=[today, machine.journey, machine.lifecycle]),
        Step("pain", partial(find_pain, machine), inputs=[today, machine.pain, machine.journey]),
        Step("value", partial(value, machine), inputs=[today, machine.value, machine.consent_assumed]),
        Step("segments", partial(segment, machine), inputs=partial(segment_inputs, machine)),
        Step("personas", partial(portray, machine), inputs=persona_inputs(machine)),
        Step("online state", partial(publish_people, machine), kept=partial(is_known, machine)),
    ]


def create_steps(machine: Machine, job: Job, approver: str | None = None) -> list[Step]:
    """From personas to approved variants."""
    day = str(machine.clock().date())
    return [
        Step("briefs", partial(write_briefs, machine, job), inputs=[job.campaign, machine.brand]),
        Step("copy", partial(write_copy, machine, job)),
        Step("pictures", partial(draw, machine, job), inputs=partial(_pictures_digest, machine, job)),
        Step("checks", partial(check, machine, job), inputs=day),
        Step("review", partial(review, machine, job, approver=approver), always=True),
        Step("release", partial(publish_step, machine, [job]), always=True),
    ]


def activate_steps(machine: Machine, job: Job, approver: str | None = None) -> list[Step]:
    """From approved variants to the channels."""
    rules = [job.ladder, job.costs, job.measurement, job.simulator]
    steps = [Step("power", partial(foresee, machine, job), inputs=rules)]
    for name in job.campaign.channels:
        steps.append(Step(f"channel {name}", partial(deploy, machine, job, name, approver=approver), always=True))
    return steps


def measure_steps(machine: Machine, job: Job) -> list[Step]:
    """From what happened to the final account; only a simulated market can happen within a run."""
    if job.simulator is None:
        return []
    rules = [job.simulator, job.ladder, job.costs, job.eligibility, job.measurement, machine.salt]
    return [
        Step("simulated market", partial(live, machine, job), inputs=rules),
        Step("measurement", partial(measure, machine, job)),
        Step("release of what was learnt", partial(publish_step, machine, [job]), always=True),
    ]


def run_campaign(
    machine: Machine,
    job: Job,
    *,
    fresh: bool = False,
    approver: str | None = None,
    progress: Progress = silent,
) -> Iterator[StepResult]:
    """Run the campaign's steps. Raises NotAllowed where a person must act; the next call goes on from there.

    Raises NotFound at once for a channel that is not installed.

    `approver` stands in for that person everywhere: for the demo only.
    """
    for name in job.campaign.channels:
        machine.channel(name)  # one that is not installed is known before a person reviews for it
    steps = [
        *understand_steps(machine, progress),
        *create_steps(machine, job, approver),
        *activate_steps(machine, job, approver),
        *measure_steps(machine, job),
        *([Step("bids", partial(bids_step, machine), always=True)] if machine.bid.exchanges else []),
        Step("report", partial(write_report, machine, job), always=True),
    ]
    yield from run_steps(job.campaign.key, steps, ledger=machine.ledger, clock=machine.clock, fresh=fresh)


def _pictures_digest(machine: Machine, job: Job) -> str:
    """Changes when a logo, a font or a photo that is shown does."""
    return digest([(str(f), f.read_bytes()) for f in picture_files(machine, job) if f.is_file()])
