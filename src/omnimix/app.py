"""The composition root: a folder and the environment become a Machine, with every store open.

in   the workspace's root, environment variables
out  Settings and a Machine

The one place that knows which implementation stands behind which port.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, time
from functools import partial
from pathlib import Path

from omnimix.activation.channel.port import Setup
from omnimix.activation.channel.registry import load
from omnimix.core.clock import Clock, utc_now
from omnimix.data.live.spec import live_source
from omnimix.data.source.spec import Source
from omnimix.flow.machine import Machine
from omnimix.governance.audit import Anchor, verify
from omnimix.governance.keys import load_key
from omnimix.governance.vault import open_vault
from omnimix.settings import OmnimixFile, Settings, Storage, read_settings
from omnimix.store.artifacts import Artifacts
from omnimix.store.blobs import Blobs
from omnimix.store.engine import open_warehouse
from omnimix.store.ledger import Ledger, open_ledger
from omnimix.store.warehouse import Warehouse

STATE = ".omnimix"
KEY_FILE = Path(STATE) / "keys" / "workspace.key"
KEY_VARIABLE = "OMNIMIX_KEY"


def settings_of(root: Path, environ: Mapping[str, str]) -> Settings:
    """The workspace's settings. Raises NotFound, InvalidSettings."""
    return read_settings(root, environ)


@contextmanager
def machine_of(settings: Settings, environ: Mapping[str, str], *, clock: Clock = utc_now) -> Iterator[Machine]:
    """Open everything a run needs, and close it afterwards. Raises NotFound, NotAllowed, Unavailable."""
    root, file = settings.root, settings.file
    state = root / STATE
    key = load_key(value=environ.get(KEY_VARIABLE), path=root / KEY_FILE)
    ledger = open_ledger(_ledger_url(root, file.storage.ledger))
    vault = open_vault(state / "vault.sqlite", key)
    warehouse = _warehouse(state / "facts", file.storage)
    setup = _setup(settings)
    try:
        anchor = _anchor(state / "audit.anchor", ledger)
        yield Machine(
            root=root,
            out=root / "out",
            name=file.workspace.name,
            currency=file.workspace.currency,
            timezone=file.workspace.timezone,
            salt=file.workspace.salt,
            as_of=datetime.combine(file.workspace.as_of, time()) if file.workspace.as_of else None,
            clock=clock,
            key=key,
            sources=_sources(file),
            consent_assumed=file.consent.assume,
            journey=file.journey,
            lifecycle=file.lifecycle,
            pain=file.pain,
            segments=file.segments,
            value=file.value,
            brand=settings.brand,
            warehouse=warehouse,
            ledger=ledger,
            vault=vault,
            blobs=Blobs(state / "blobs"),
            artifacts=Artifacts(state / "artifacts"),
            anchor=anchor,
            channel=partial(load, setup=setup),
            identity=file.identity,
            review=file.review,
            collect=file.collect,
            feedback=file.feedback,
            live=replace(
                live_source(file.collect, currency=file.workspace.currency), signals=file.consent.signals
            ),
            enrichment=file.enrichment,
            personas=file.personas,
            robots=file.robots,
            moment=file.moment,
            bid=file.bid,
            online_url=file.storage.online,
            placements=file.placements,
            online_bytes=file.storage.online_gb << 30,
        )
    finally:
        warehouse.close()
        vault.close()
        ledger.kw["bind"].dispose()


def _setup(settings: Settings) -> Setup:
    """What channels work with."""
    return Setup(
        folder=settings.root / "out" / "channels",
        pictures=settings.root / "out",
        brand=settings.brand,
        currency=settings.file.workspace.currency,
    )


def _warehouse(folder: Path, storage: Storage) -> Warehouse:
    return open_warehouse(
        folder,
        engine=storage.engine,
        memory=storage.memory,
        threads=storage.threads,
        master=storage.master,
        spark=storage.spark,
    )


def _anchor(path: Path, ledger: Ledger) -> Anchor:
    """The audit's anchor; a new workspace gets its first."""
    anchor = Anchor(path)
    if not path.exists():
        with ledger() as session:
            if verify(session).entries == 0:
                anchor.write(session)
    return anchor


def _sources(file: OmnimixFile) -> dict[str, Source]:
    """The sources, with the workspace's time zone and consent signals where they name none."""
    zone, signals = file.workspace.timezone, file.consent.signals
    return {
        k: replace(s, timezone=s.timezone or zone, signals=s.signals or signals) for k, s in file.sources.items()
    }


def _ledger_url(root: Path, url: str) -> str:
    """A relative SQLite path is meant from the workspace's root."""
    prefix = "sqlite:///"
    path = url.removeprefix(prefix)
    return f"{prefix}{root / path}" if url.startswith(prefix) and not Path(path).is_absolute() else url
