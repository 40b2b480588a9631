"""Exact links: keys seen together in one record belong to one person.

in   the link fact so far, and groups of keys that records name together, in the order of the records
out  the link fact with stable profile ids, and which profiles turned out to be one

Union-find (Tarjan, J. ACM 22, 1975). A profile is named for its earliest key and keeps its id; when two profiles
meet, the older id stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from omnimix.core.hashing import stable_id
from omnimix.store.facts import LINK


@dataclass(frozen=True, slots=True)
class Merge:
    """`newer` lives on as `older`."""

    newer: str
    older: str


@dataclass(slots=True)
class Links:
    """Which profile each key belongs to. Changes only by `join`."""

    _profile: dict[str, str] = field(default_factory=dict)  # key → profile as first named
    _linked_at: dict[str, datetime] = field(default_factory=dict)
    _into: dict[str, str] = field(default_factory=dict)  # profile → older profile it became
    _age: dict[str, int] = field(default_factory=dict)  # profile → place in the order of being made
    changed: bool = False

    def profile(self, key: str) -> str | None:
        """The profile of a key, if it is known."""
        named = self._profile.get(key)
        return None if named is None else self._root(named)

    def _root(self, profile: str) -> str:
        root = profile
        while root in self._into:
            root = self._into[root]
        while profile != root:  # path compression
            self._into[profile], profile = root, self._into[profile]
        return root

    def join(self, keys: Iterable[str], *, now: datetime) -> list[Merge]:
        """Say that these keys are one person's. Returns the profiles that thereby became one."""
        merges: list[Merge] = []
        first: str | None = None
        for key in keys:
            if key not in self._profile:
                profile = first or stable_id("pf", key)
                self._profile[key], self._linked_at[key] = profile, now
                self._age.setdefault(profile, len(self._age))
                self.changed = True
            found = self._root(self._profile[key])
            if first is None or found == first:
                first = found
                continue
            older, newer = sorted((first, found), key=self._age.__getitem__)
            self._into[newer] = older
            self.changed = True
            merges.append(Merge(newer, older))
            first = older
        return merges

    def table(self) -> pa.Table:
        """The link fact, one row a key, in the order of keys."""
        keys = sorted(self._profile)
        return pa.table(
            {
                "key": pa.array(keys, pa.string()),
                "kind": pa.array([key.partition(":")[0] for key in keys], pa.string()),
                "profile_id": pa.array([self._root(self._profile[key]) for key in keys], pa.string()),
                "linked_at": pa.array([self._linked_at[key] for key in keys], pa.timestamp("us")),
            },
            schema=LINK.to_pyarrow(),
        )

    @property
    def profiles(self) -> int:
        """How many people are known."""
        return len({self._root(p) for p in self._profile.values()})


def links_from(rows: pa.Table) -> Links:
    """Read the link fact. Of two profiles the one linked first is older; at the same instant the smaller id."""
    links = Links()
    ages: dict[str, datetime] = {}
    columns = (rows[name].to_pylist() for name in ("key", "profile_id", "linked_at"))
    for key, profile, linked_at in zip(*columns, strict=True):
        links._profile[key], links._linked_at[key] = profile, linked_at
        ages[profile] = min(linked_at, ages.get(profile, linked_at))
    ordered = sorted(ages, key=lambda profile: (ages[profile], profile))
    links._age.update({profile: place for place, profile in enumerate(ordered)})
    return links
