"""Identity as a step of a run, and what people do about it: review, merge, un-merge, look at a profile.

in   a Machine; pairs, profiles and merges by name
out  links kept in step with every decision, decisions in the audit, Counts
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from ibis import _

from omnimix.core.errors import InvalidInput, NotFound
from omnimix.data.identity.decisions import decide, decided
from omnimix.data.identity.edges import EDGES
from omnimix.data.identity.evidence import Evidence, evidence_of
from omnimix.data.identity.links import Relinked, relink
from omnimix.data.identity.match import Matched, Stores, match
from omnimix.data.identity.merges import Merge, merge_named, merges_into
from omnimix.data.identity.model import SHIPPED, MatchModel
from omnimix.data.identity.review import Waiting, waiting
from omnimix.data.identity.traits import trait_history
from omnimix.data.ingest import LOCK, silent
from omnimix.data.intake import Progress
from omnimix.flow.machine import Machine
from omnimix.flow.people import fact
from omnimix.flow.step import Counts
from omnimix.store.turns import turn

MODEL = "identity_model"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing to review, with its evidence: a pair of keys, or a key that many share."""

    number: int
    waiting: Waiting
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class KeyOf:
    """One key of a profile: pseudonym, kind, since when, and the sources that name it."""

    key: str
    kind: str
    linked_at: datetime
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TraitOf:
    """One value told of a profile. `newest`: it is the value in force."""

    trait: str
    value: str
    source: str
    observed_at: datetime
    newest: bool


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A profile: keys, traits with their history, merges it had a part in. No identifier in the clear."""

    profile_id: str
    keys: tuple[KeyOf, ...]
    traits: tuple[TraitOf, ...]
    merges: tuple[Merge, ...]
    fields: tuple[str, ...]  # what the vault holds: names of fields only


def stores_of(machine: Machine) -> Stores:
    """Where identity reads and writes."""
    return Stores(machine.warehouse.local, machine.ledger, machine.vault, machine.key)


def model_of(machine: Machine) -> MatchModel | None:
    """The model in use, if one was trained or taken."""
    return machine.artifacts.load(MODEL, MatchModel) if machine.artifacts.has(MODEL) else None


def run_matching(machine: Machine, progress: Progress = silent, *, fresh: bool = False) -> Matched:
    """Compare records that came since the last time, or all of them anew, and link who is the same person."""
    with turn(machine.warehouse.root.parent / LOCK):
        found, model = match(
            stores_of(machine),
            model_of(machine),
            rules=machine.identity,
            now=machine.clock(),
            progress=progress,
            fresh=fresh,
        )
        if model is not None:
            machine.artifacts.save(MODEL, model)
    return found


def match_people(machine: Machine, progress: Progress = silent) -> Counts:
    """The step: nothing to do until a source brings names, addresses or birth dates."""
    found = run_matching(machine, progress) if machine.identity.match else Matched()
    return Counts(
        found.records,
        found.linked,
        unit_in="records",
        unit_out="linked pairs",
        detail={
            "pairs": found.pairs,
            "in review": found.in_review,
            "profiles merged": found.merges,
            "links refused": found.refused,
        },
        output=machine.warehouse.stamps("link"),
    )


def doubts(machine: Machine, *, most: int = 50) -> list[Doubt]:
    """What waits for a person, the surest first, with veiled evidence."""
    stores = stores_of(machine)
    open_rows = waiting(stores.warehouse, stores.ledger, decided(stores.ledger))
    shown = open_rows[:most]
    pairs = [(w.key_a, w.key_b) for w in shown if w.key_b]
    model = model_of(machine) or SHIPPED
    found = evidence_of(stores, model, pairs, rules=machine.identity) if pairs else {}
    return [Doubt(n, w, found.get((w.key_a, w.key_b), ())) for n, w in enumerate(shown, 1)]


def key_named(machine: Machine, name: str) -> str:
    """The key of that name, or of which it is the beginning; the first key of a profile. Raises NotFound."""
    links = fact(machine, "link")
    mine = links.filter((_.profile_id == name) | _.key.startswith(name))
    rows = machine.warehouse.arrow(mine.order_by(_.linked_at, "key").limit(2)).to_pylist()
    if not rows:
        raise NotFound(
            f"nobody is known as {name!r}", fix="name a profile (pf_…) or a key as shown by review or show"
        )
    if len(rows) > 1 and rows[0]["profile_id"] != rows[1]["profile_id"]:
        raise InvalidInput(f"{name!r} begins several keys", fix="write more of it")
    return str(rows[0]["key"])


def settle(machine: Machine, one: str, other: str, *, together: bool, person: str, why: str) -> Relinked:
    """Decide about two keys, or the first keys of two profiles, and link accordingly."""
    keys = [key_named(machine, name) for name in (one, other)]
    if keys[0] == keys[1]:
        raise InvalidInput(f"{one!r} and {other!r} are one key", fix="name two people")
    stores = stores_of(machine)
    with turn(machine.warehouse.root.parent / LOCK):
        with stores.ledger.begin() as session:
            decide(session, *keys, together=together, by=person, why=why, now=machine.clock())
        known = decided(stores.ledger)
        done = relink(
            stores.warehouse,
            stores.ledger,
            pa.array(keys, pa.string()),
            decided=known,
            rules=machine.identity,
            now=machine.clock(),
        )
    with stores.ledger() as session:
        machine.anchor.write(session)
    return done


def unmerge(machine: Machine, name: str, *, person: str, why: str) -> tuple[Merge, Relinked]:
    """Take back a merge, named by its id or by the profile: its edge never links again. Raises NotFound."""
    found = merge_named(machine.warehouse.local, name)
    done = settle(machine, found.key_a, found.key_b, together=False, person=person, why=why)
    return found, done


def profile_view(machine: Machine, name: str) -> ProfileView:
    """What is known of a profile, or of the profile of a key. Raises NotFound."""
    key = key_named(machine, name)
    arrow, links = machine.warehouse.arrow, fact(machine, "link")
    profile = str(arrow(links.filter(_.key == key).select("profile_id"))["profile_id"][0].as_py())
    mine = links.filter(_.profile_id == profile)
    rows = arrow(mine.order_by("linked_at", "key")).to_pylist()
    sources = _sources(machine, [row["key"] for row in rows])
    keys = tuple(KeyOf(r["key"], r["kind"], r["linked_at"], sources.get(r["key"], ())) for r in rows)
    told = trait_history(fact(machine, "trait"), links).filter(_.profile_id == profile)
    ordered = arrow(told.order_by("trait", _.observed_at.desc(), "trait_id")).to_pylist()
    return ProfileView(
        profile_id=profile,
        keys=keys,
        traits=tuple(
            TraitOf(
                r["trait"],
                r["value"],
                r["source"],
                r["observed_at"],
                n == 0 or ordered[n - 1]["trait"] != r["trait"],
            )
            for n, r in enumerate(ordered)
        ),
        merges=tuple(merges_into(machine.warehouse.local, profile)),
        fields=_fields(machine, [k.key for k in keys]),
    )


def _sources(machine: Machine, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The sources whose records name each key."""
    if not machine.warehouse.parts(EDGES):
        return {}
    edges = machine.warehouse.table(EDGES).filter(_.key_a.isin(keys) | _.key_b.isin(keys), _.told_by == "record")
    found: dict[str, set[str]] = {}
    for row in machine.warehouse.arrow(edges.select("key_a", "key_b", "source").distinct()).to_pylist():
        for key in (row["key_a"], row["key_b"]):
            found.setdefault(key, set()).add(row["source"])
    return {key: tuple(sorted(names)) for key, names in found.items()}


def _fields(machine: Machine, keys: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(machine.vault.open(keys))
    except NotFound:
        return ()


def summary(machine: Machine) -> dict[str, int]:
    """How many people and keys are known, how they came together, what waits."""
    stores, arrow = stores_of(machine), machine.warehouse.arrow
    links = fact(machine, "link")
    counted = arrow(links.aggregate(keys=_.count(), profiles=_.profile_id.nunique())).to_pylist()[0]
    known = decided(stores.ledger)
    open_rows = waiting(stores.warehouse, stores.ledger, known)
    by: dict[str, int] = {}
    if machine.warehouse.parts(EDGES):
        edges = machine.warehouse.table(EDGES).filter(_.key_a != _.key_b)
        told = arrow(edges.group_by("told_by").aggregate(n=_.count()).order_by("told_by"))
        by = dict(zip(told["told_by"].to_pylist(), told["n"].to_pylist(), strict=True))
    return {
        "profiles": counted["profiles"],
        "keys": counted["keys"],
        "links by records": by.get("record", 0),
        "links by matching": by.get("match", 0),
        "joined by people": len(known.together),
        "kept apart by people": len(known.apart),
        "pairs to review": sum(bool(w.key_b) for w in open_rows),
        "keys that too many share": sum(not w.key_b for w in open_rows),
        "merges": len(merges_into(stores.warehouse)),
    }
