"""What should this person see now? From the command line: one person, everybody of a campaign, or what if.

in   a known profile or a campaign, the release that is served
out  Made decisions, in the journal and counted as any other; for `what_if` nothing is kept
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from omnimix.activation.decide.decide import DICE, Ask, Live, Made, decide_many
from omnimix.activation.decide.decision import MOST_BATCH, Decided, Request
from omnimix.activation.decide.explain import Explanation, Replayed, explain, replay
from omnimix.activation.decide.purse import Purse
from omnimix.activation.decide.release import load
from omnimix.activation.decide.serving import Serving, serving
from omnimix.activation.decide.state import State, state_key, unpacked
from omnimix.activation.decide.stop import stopped
from omnimix.activation.decide.turn import Named, people_of, take_turn
from omnimix.core.clock import micros
from omnimix.core.errors import NotFound
from omnimix.flow.decisions import find
from omnimix.flow.machine import Job, Machine
from omnimix.flow.people import on_ladder
from omnimix.flow.release import current_release, folder_of
from omnimix.store.online.port import OnlineStore

_LISTS = "omnimix journey behind lists profiles; omnimix online rebuild makes their state"
_STATE = ("segment", "stage", "language", "country", "price_low", "price_high")  # what `what_if` may set


@dataclass(frozen=True, slots=True)
class Sent:
    """One person of an e-mail send."""

    profile_id: str
    made: Made


def current_serving(machine: Machine) -> Serving:
    """The release that is served, ready. Raises NotFound before the first."""
    release = current_release(machine)
    if release is None:
        raise NotFound("no release is published", where=str(folder_of(machine)), fix="omnimix release publish")
    return serving(release)


def decide_for(machine: Machine, request: Request, *, found: Serving | None = None) -> list[Made]:
    """Decide for the profile of a request; journalled and counted. Raises NotFound for one nobody knows."""
    found = found or current_serving(machine)
    store = machine.online()
    try:
        named = _named(found, request)
        _state(store, named)
        return _turn(machine, store, found, [named])[0]
    finally:
        store.close()


def what_if(
    machine: Machine, request: Request, changes: Mapping[str, str], *, dice: bytes, found: Serving | None = None
) -> tuple[list[Made], list[Explanation]]:
    """What would be decided if these things were so, and why. Nothing is kept, nothing counted.

    A change of `segment`, `stage`, `language`, `country`, `price_low` or `price_high` changes the person, any
    other the context. Budgets are taken to have room. Raises NotFound for a profile nobody knows.
    """
    found = found or current_serving(machine)
    store = machine.online()
    try:
        named = _named(found, request)
        state = _state(store, named)
        off = stopped(store)
    finally:
        store.close()
    fields = {k: int(v) if k.startswith("price") else v for k, v in changes.items() if k in _STATE}
    state = msgspec.structs.replace(state, **fields)
    context = {**request.context, **{k: v for k, v in changes.items() if k not in _STATE}}
    slots = request.slots or found.placements[named.placement].slots
    asked = msgspec.structs.replace(request, context=context)
    ask = Ask(asked, state.person, named.placement, slots, (dice * slots)[: DICE * slots])
    plenty = {s.campaign: slots for s in found.campaigns.values() if s.cost}
    made, _changed = decide_many(
        found, [ask], {state.person: state}, micros(machine.clock()), Live(stopped=off, showings=plenty)
    )
    return made[0], [explain(found, one.decided) for one in made[0]]


def decide_all(
    machine: Machine, job: Job, placement: str, *, found: Serving | None = None
) -> Iterator[list[Sent]]:
    """Decide for everybody on the campaign's ladder, MOST_BATCH at a time; journalled and counted."""
    found = found or current_serving(machine)
    people = machine.warehouse.arrow(on_ladder(machine, job))["profile_id"].to_pylist()
    store = machine.online()
    try:
        for start in range(0, len(people), MOST_BATCH):
            part = people[start : start + MOST_BATCH]
            requests = [Request(placement, profile_id=p, campaign=job.campaign.key, slots=1) for p in part]
            made = _turn(machine, store, found, [_named(found, r) for r in requests])
            yield [Sent(p, slots[0]) for p, slots in zip(part, made, strict=True)]
        store.flush()
    finally:
        store.close()


def replay_of(machine: Machine, decision_id: str) -> Replayed:
    """Make a logged decision again from its release. Raises NotFound, Conflict when anything differs."""
    log = find(machine, decision_id)
    return replay(_served_then(machine, log), log)


def explain_of(machine: Machine, decision_id: str) -> Explanation:
    """Why a logged decision came out as it did. Raises NotFound, Conflict."""
    log = find(machine, decision_id)
    return explain(_served_then(machine, log), log)


def _served_then(machine: Machine, log: Decided) -> Serving:
    return serving(load(folder_of(machine), log.release))


def _named(found: Serving, request: Request) -> Named:
    marks = () if request.profile_id is None else (request.profile_id,)
    return Named(request, marks, found.placement(request.placement))


def _state(store: OnlineStore, named: Named) -> State:
    (person,) = people_of(store, [named])
    (kept,) = store.read([state_key(person)])
    if kept is None:
        raise NotFound(f"no profile {person!r}", where="online state", fix=_LISTS)
    return unpacked(kept)


def _turn(machine: Machine, store: OnlineStore, found: Serving, named: list[Named]) -> list[list[Made]]:
    """One turn with a purse of its own, which gives back what it does not spend."""
    paces, now_us = found.paces(), micros(machine.clock())
    purse = Purse(store, f"cli.{os.getpid()}.{os.urandom(6).hex()}", paces) if paces else None
    slots = sum(n.request.slots or found.placements[n.placement].slots for n in named)
    try:
        return take_turn(
            store,
            found,
            named,
            now_us=now_us,
            dice=os.urandom(DICE * slots),
            stopped=stopped(store),
            purse=purse,
        )
    finally:
        if purse is not None:
            purse.close(now_us)
