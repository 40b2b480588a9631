"""Personas as a step of a run: what sets each segment apart, with pictures' figures and a narrative.

in   features, members, order lines and events of people who permit personalisation, the value fact
out  artifacts `personas` and `portrait` (the whole base)
"""

from typing import Any

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from omnimix.audience.persona import moment, objection, typical, word
from omnimix.audience.persona.fit import fit_base_portrait, fit_personas
from omnimix.audience.persona.language_model import LanguageModel
from omnimix.audience.persona.port import Narrator
from omnimix.audience.persona.seen import Seen
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.flow.journey import journey_tables
from omnimix.flow.machine import Machine
from omnimix.flow.people import events_of, fact, lines_of
from omnimix.flow.step import Counts
from omnimix.governance.consent import Purpose


def persona_inputs(machine: Machine) -> list[Any]:
    """What besides the segments decides the personas."""
    return [machine.personas, str(machine.today.date())]


def portray(machine: Machine) -> Counts:
    """Write a persona for every segment; none where nobody may be looked at."""
    segmentation = machine.artifacts.load("segmentation", Segmentation)
    feature = machine.warehouse.table("feature")
    rows = machine.warehouse.arrow(feature)
    if not rows.num_rows:
        machine.artifacts.save("personas", ())
        return Counts(0, 0, unit_in="segments", unit_out="personas")
    placed = machine.warehouse.arrow(fact(machine, "member").semi_join(feature, "profile_id"))
    personas = fit_personas(
        rows,
        placed,
        segmentation,
        currency=machine.currency,
        rules=machine.personas,
        seen=_seen(machine, placed),
        value=machine.warehouse.arrow(fact(machine, "value")),
        narrator=_narrator(machine),
    )
    machine.artifacts.save("personas", personas)
    machine.artifacts.save("portrait", fit_base_portrait(rows, currency=machine.currency, rules=machine.personas))
    refused = [p.narrative.refused for p in personas if p.narrative and p.narrative.refused]
    return Counts(
        len(segmentation.segments),
        len(personas),
        unit_in="segments",
        unit_out="personas",
        detail={"statements": sum(len(p.statements) for p in personas)}
        | ({"narratives refused": len(refused), "why": refused[0]} if refused else {}),
        output=personas,
    )


def _narrator(machine: Machine) -> Narrator | None:
    rules = machine.personas.narrator
    return LanguageModel(rules) if rules.model else None


def _seen(machine: Machine, placed: pa.Table) -> Seen:
    """Count what the features do not carry: hours, words, objections and paths of the members."""
    materialise, arrow = machine.warehouse.materialise, machine.warehouse.arrow
    members = materialise(ibis.memtable(placed.select(["profile_id", "segment"])))
    lines = materialise(_until(lines_of(machine, Purpose.PERSONALISATION), machine))
    events = materialise(_until(events_of(machine, Purpose.PERSONALISATION), machine))
    bought = moment.buyers(lines, members, as_of=machine.today)
    when = moment.hours(lines, members, as_of=machine.today, timezone=machine.timezone)
    texts, words = _texts(machine, lines, events)
    moves = materialise(journey_tables(machine)["moves"])
    return Seen(
        week=moment.Week(arrow(when), arrow(bought)),
        words=arrow(word.word_people(texts, words, members)),
        speakers=arrow(word.speakers(texts, members)),
        objections=arrow(objection.objections(lines, events, members)),
        paths=arrow(typical.paths(moves, members, group=machine.personas.least_group)),
        walkers=arrow(typical.walkers(moves, members)),
    )


def _until(rows: Table, machine: Machine) -> Table:
    return rows.filter(rows.profile_id.notnull(), rows.occurred_at < ibis.literal(machine.today, "timestamp(6)"))


def _texts(machine: Machine, lines: Table, events: Table) -> tuple[Table, Table]:
    """Who bought or searched what, and the words of each product and search."""
    texts = machine.warehouse.materialise(word.purchases(lines).union(word.searches(events), distinct=True))
    asked = machine.warehouse.arrow(
        texts.filter(texts.text_key.startswith("search:")).select("text_key").distinct()
    )
    named = machine.warehouse.arrow(fact(machine, "product").select("product_id", "name", "description"))
    said = {k: k.removeprefix("search:") for k in asked["text_key"].to_pylist()}
    for row in named.to_pylist():
        said[f"product:{row['product_id']}"] = f"{row['name']} {row['description'] or ''}"
    return texts, machine.warehouse.materialise(ibis.memtable(word.vocabulary(said)))
