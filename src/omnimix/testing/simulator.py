"""The `simulator` channel: an ad account that exists only here, in front of the simulated market.

in   changes from an approved plan
out  resources kept in one file; the variants that are live and the weekly budget, for the market to obey

Like a real platform it creates everything paused: `switch_on` is the person at the platform. The file is a journal
of one line a change, so that a change costs the same however much the account holds, and a crash loses none.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import ValidationError

from omnimix.activation.channel.plan import Action, Change
from omnimix.activation.channel.port import Setup
from omnimix.activation.channel.resource import (
    CampaignContent,
    Kind,
    Resource,
    Status,
    from_plain,
    plain,
)
from omnimix.core.errors import InvalidInput


class Simulator:
    """An ad account in `<folder>/simulator.jsonl`. Each change is on disk when `write` returns."""

    name = "simulator"
    supports = frozenset(Kind)

    def __init__(self, setup: Setup) -> None:
        self._path = setup.folder / "simulator.jsonl"
        self._held: dict[str, Resource] = {}
        self._written: set[str] = set()
        self._size = 0  # bytes of the journal that are in memory

    def read(self) -> Iterator[Resource]:
        """The resources there are, by key. Raises InvalidInput when the file is not one of ours."""
        self._catch_up()
        yield from [held for _, held in sorted(self._held.items())]

    def write(self, change: Change, *, idempotency_key: str) -> None:
        """Make one change, durably; the same key a second time changes nothing.

        Raises InvalidInput for a missing parent, and for an update or a removal of what is not there.
        """
        self._catch_up()
        if idempotency_key in self._written:
            return
        subject = change.subject
        if change.action is not Action.CREATE:
            self._need(subject.key)
        if change.action is Action.REMOVE:
            if any(other.parent == subject.key for other in self._held.values()):
                raise InvalidInput(f"{subject.key!r} still has children", where=self.name)
        elif subject.parent is not None:
            self._need(subject.parent)
        self._append(change.action, subject, idempotency_key)

    def switch_on(self, campaign: str) -> int:
        """Enable all there is of a campaign, as a person would at a platform. Returns how many were paused."""
        paused = [r for r in self.read() if r.campaign == campaign and r.status is Status.PAUSED]
        for resource in paused:
            key = f"switch_on:{resource.key}:{self._size}"
            self._append(Action.UPDATE, replace(resource, status=Status.ENABLED), key)
        return len(paused)

    def live_variants(self, campaign: str) -> frozenset[str]:
        """Variants with an enabled ad or e-mail under enabled parents, read from the address they lead to."""
        found: set[str] = set()
        for resource in self.read():
            if resource.campaign == campaign and self._enabled(resource):
                url = getattr(resource.content, "final_url", "")
                found.update(parse_qs(urlsplit(url).query).get("utm_content", []))
        return frozenset(found)

    def weekly_budget_minor(self, campaign: str) -> int:
        """Seven days of the daily budgets of a campaign's enabled campaigns, minor units."""
        budgets = [
            r.content.daily_budget.minor
            for r in self.read()
            if r.campaign == campaign and r.status is Status.ENABLED and isinstance(r.content, CampaignContent)
        ]
        return 7 * sum(budgets)

    def _need(self, key: str) -> None:
        if key not in self._held:
            raise InvalidInput(f"there is no {key!r}", where=self.name, fix="plan again from what is live")

    def _enabled(self, resource: Resource) -> bool:
        """Whether a resource and all its parents are enabled."""
        if resource.status is not Status.ENABLED:
            return False
        if resource.parent is None:
            return True
        return resource.parent in self._held and self._enabled(self._held[resource.parent])

    def _catch_up(self) -> None:
        """Read what the journal has beyond what is in memory. A line cut off by a crash was never acknowledged."""
        if not self._path.exists():
            self._held, self._written, self._size = {}, set(), 0
            return
        if self._path.stat().st_size == self._size:
            return
        self._held, self._written, self._size = {}, set(), 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                self._note(self._parsed(line, number))
                self._size += len(line)

    def _parsed(self, line: bytes, number: int) -> tuple[Action, Resource, str]:
        try:
            entry: dict[str, Any] = json.loads(line)
            return Action(entry["action"]), from_plain(entry["subject"]), str(entry["key"])
        except (ValueError, KeyError, TypeError, ValidationError):
            raise InvalidInput(
                "the simulated ad account cannot be read",
                where=f"{self._path}:{number}",
                fix="remove the file to start with an empty account",
            ) from None

    def _note(self, entry: tuple[Action, Resource, str]) -> None:
        action, subject, key = entry
        self._written.add(key)
        if action is Action.REMOVE:
            self._held.pop(subject.key, None)
        else:
            self._held[subject.key] = subject

    def _append(self, action: Action, subject: Resource, key: str) -> None:
        entry = {"action": str(action), "subject": plain(subject), "key": key, "simulated": True}
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("r+b" if self._path.exists() else "w+b") as file:
            file.seek(self._size)
            file.truncate()
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._size += len(line)
        self._note((action, subject, key))
