"""The plan: what must change on a channel so that it holds what it shall. Pure; nothing is written here.

in   desired resources, live resources of the channel (those that carry our label)
out  one Plan: changes in writing order, and a digest that an approval is bound to

After a plan is applied, planning again gives a plan without changes.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from omnimix.activation.channel.resource import Kind, Resource, from_plain, plain
from omnimix.core.errors import Conflict, InvalidInput
from omnimix.core.hashing import digest


class Action(StrEnum):
    """What is done to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: `subject` is what will be there (for a removal: what is there), `before` what is there now."""

    action: Action
    subject: Resource
    before: Resource | None = None

    @property
    def name(self) -> str:
        """`create keyword spring/search/broad/kw-1f0c`."""
        return f"{self.action} {self.subject.kind} {self.subject.key}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of one campaign on one channel; `unchanged` counts what stays as it is."""

    channel: str
    campaign: str
    changes: tuple[Change, ...]
    unchanged: int

    @property
    def digest(self) -> str:
        """SHA-256 of everything in the plan: what an approval is bound to."""
        return digest([self.channel, self.campaign, self.unchanged, [change_plain(c) for c in self.changes]])

    def counts(self) -> dict[Action, int]:
        """Changes by action."""
        return {a: sum(c.action is a for c in self.changes) for a in Action}


def change_plain(change: Change) -> dict[str, Any]:
    """The change as JSON-ready values."""
    return {
        "action": change.action.value,
        "subject": plain(change.subject),
        "before": plain(change.before) if change.before else None,
    }


def plan_plain(plan: Plan) -> dict[str, Any]:
    """The plan as JSON-ready values; `plan_from_plain` reads it back, with the same digest."""
    return {
        "channel": plan.channel,
        "campaign": plan.campaign,
        "unchanged": plan.unchanged,
        "changes": [change_plain(c) for c in plan.changes],
    }


def plan_from_plain(values: dict[str, Any]) -> Plan:
    """Read what `plan_plain` wrote."""
    changes = tuple(
        Change(Action(c["action"]), from_plain(c["subject"]), from_plain(c["before"]) if c["before"] else None)
        for c in values["changes"]
    )
    return Plan(values["channel"], values["campaign"], changes, values["unchanged"])


def make_plan(
    channel: str,
    desired: Iterable[Resource],
    live: Iterable[Resource],
    *,
    campaign: str,
    supports: frozenset[Kind],
) -> Plan:
    """The changes that turn what is live of `campaign` into what is desired.

    Parents are created before their children and removed after them. Resources of other campaigns are left
    alone. A status belongs to the person at the platform once the resource exists: updates keep the live one.
    Raises InvalidInput for a kind the channel does not support, for a missing parent and for a foreign campaign;
    Conflict when the channel shows one key twice.
    """
    wanted = _by_key(desired, where=f"desired resources of {channel}", error=InvalidInput)
    there = _by_key(
        (r for r in live if r.campaign == campaign), where=f"live resources of {channel}", error=Conflict
    )
    _refuse(channel, wanted, campaign=campaign, supports=supports)
    changes: list[Change] = []
    for key in wanted.keys() - there.keys():
        changes.append(Change(Action.CREATE, wanted[key]))
    for key in there.keys() - wanted.keys():
        changes.append(Change(Action.REMOVE, there[key], there[key]))
    unchanged = 0
    for key in wanted.keys() & there.keys():
        after = replace(wanted[key], status=there[key].status)
        if after == there[key]:
            unchanged += 1
        elif _same_place(after, there[key]):
            changes.append(Change(Action.UPDATE, after, there[key]))
        else:
            raise Conflict(
                f"{key!r} is a {there[key].kind} under {there[key].parent!r} and cannot become a {after.kind} "
                f"under {after.parent!r}",
                where=channel,
                fix="remove it at the platform, or give the new one another key",
            )
    return Plan(channel, campaign, tuple(sorted(changes, key=_order)), unchanged)


def _same_place(a: Resource, b: Resource) -> bool:
    return a.kind is b.kind and a.parent == b.parent


def _order(change: Change) -> tuple[int, int, int, str]:
    """Creations and updates from the root down, then removals from the leaves up."""
    removal = change.action is Action.REMOVE
    depth, rank = change.subject.key.count("/"), change.subject.kind.rank
    return (1, -rank, -depth, change.subject.key) if removal else (0, rank, depth, change.subject.key)


def _by_key(
    resources: Iterable[Resource], *, where: str, error: type[Conflict] | type[InvalidInput]
) -> dict[str, Resource]:
    listed = list(resources)
    doubled = [key for key, n in Counter(r.key for r in listed).items() if n > 1]
    if doubled:
        raise error(f"{min(doubled)!r} is there more than once", where=where, fix="keep one of them")
    return {r.key: r for r in listed}


def _refuse(channel: str, wanted: dict[str, Resource], *, campaign: str, supports: frozenset[Kind]) -> None:
    for resource in wanted.values():
        if resource.kind not in supports:
            raise InvalidInput(
                f"the channel cannot hold a {resource.kind} ({resource.key!r})",
                where=channel,
                fix=f"it holds {', '.join(sorted(supports))}; choose another channel for it",
            )
        if resource.campaign != campaign:
            raise InvalidInput(f"{resource.key!r} is not of campaign {campaign!r}", where=channel)
        if resource.parent is not None and resource.parent not in wanted:
            raise InvalidInput(
                f"{resource.key!r} has no parent {resource.parent!r} among what is desired", where=channel
            )
