"""What the tests of the data stage share: a workspace one can ingest into."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from omnimix.data.counts import IngestReport
from omnimix.data.ingest import ingest, silent
from omnimix.data.quarantine import Quarantined, quarantined
from omnimix.data.replay import Correction, replay
from omnimix.data.source.spec import Source
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.vault import Vault, open_vault
from omnimix.store.ledger import Ledger, open_ledger
from omnimix.store.warehouse import Warehouse

KEY = WorkspaceKey(bytes(range(32)))


@dataclass
class Place:
    """A workspace folder with its stores."""

    root: Path
    now: datetime
    warehouse: Warehouse = field(init=False)
    ledger: Ledger = field(init=False)
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.warehouse = Warehouse(self.root / "state" / "facts", threads=1)
        self.ledger = open_ledger(f"sqlite:///{self.root / 'state' / 'ledger.sqlite'}")
        self.vault = open_vault(self.root / "state" / "vault.sqlite", KEY)

    def file(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    def ingest(
        self,
        sources: Mapping[str, Source],
        *,
        progress: Callable[[str], None] = silent,
        now: datetime | None = None,
    ) -> IngestReport:
        return ingest(sources, root=self.root, now=now or self.now, progress=progress, **self._stores())

    def replay(self, sources: Mapping[str, Source], *corrections: Correction) -> IngestReport:
        return replay(sources, corrections=corrections, now=self.now, **self._stores())

    def _stores(self) -> dict[str, Any]:
        return {"warehouse": self.warehouse, "ledger": self.ledger, "vault": self.vault, "key": KEY}

    def known(self, profile: str) -> dict[str, tuple[str, ...]]:
        """What the vault holds of a profile."""
        return self.vault.open([row["key"] for row in self.rows("link") if row["profile_id"] == profile])

    def quarantined(self) -> list[Quarantined]:
        return quarantined(self.ledger, vault=self.vault)

    def rows(self, fact: str) -> list[dict[str, Any]]:
        found = self.warehouse.arrow(self.warehouse.table(fact)).to_pylist()
        return sorted(found, key=str)

    def facts(self) -> dict[str, list[dict[str, Any]]]:
        return {
            fact: self.rows(fact)
            for fact in ("order_line", "event", "trait", "consent", "product", "spend", "link")
        }

    def close(self) -> None:
        self.warehouse.close()
        self.ledger.kw["bind"].dispose()
        self.vault.close()


@pytest.fixture
def place(tmp_path: Path, now: datetime) -> Iterator[Place]:
    opened = Place(tmp_path / "shop", now)
    yield opened
    opened.close()


@pytest.fixture
def make_place(tmp_path: Path, now: datetime) -> Iterator[Callable[[], Place]]:
    opened: list[Place] = []

    def make() -> Place:
        opened.append(Place(tmp_path / f"shop{len(opened)}", now))
        return opened[-1]

    yield make
    for shop in opened:
        shop.close()
