"""Settings: what a workspace's TOML files and the environment say, read once, typed and frozen.

in   omnimix.toml, brand.toml, campaigns/*.toml; environment variables
out  one Settings record, or all faults together, each with its file and key

`${NAME}` in a text stands for the environment variable NAME, so that secrets stay out of the files; `$${NAME}` is
meant as written, with one dollar sign. A variable
`OMNIMIX__TABLE__KEY` replaces the value of `key` in `[table]` of omnimix.toml.
"""

import dataclasses
import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args, get_type_hints
from zoneinfo import available_timezones

from pydantic import TypeAdapter, ValidationError

from omnimix.activation.bid.notice import SOURCE as NOTICES
from omnimix.activation.bid.spec import BidRules
from omnimix.activation.decide.feedback import FEEDBACK, FeedbackRules
from omnimix.activation.decide.release import Placement
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.rules import JourneyRules, Lifecycle
from omnimix.audience.persona.fit import PersonaRules
from omnimix.audience.segment.rules import SegmentRules
from omnimix.audience.value.rules import ValueRules
from omnimix.core.errors import InvalidInput, NotFound, OmnimixError
from omnimix.core.finding import Finding, Severity
from omnimix.core.record import config
from omnimix.creative.brand import Brand
from omnimix.creative.review.rules import ReviewRules
from omnimix.data.enrichment.audit import EnrichmentRules
from omnimix.data.identity.rules import STANDARD, IdentityRules
from omnimix.data.live.spec import Collect
from omnimix.data.robots.rules import RobotRules
from omnimix.data.source.spec import Source
from omnimix.flow.machine import Job
from omnimix.governance.consent.signals import ConsentRules
from omnimix.measurement.learn.rules import MomentRules

T = TypeVar("T")
_SECRET = frozenset({"url", "api_key", "ledger", "online"})  # keys whose values may hold a password
_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_][A-Z0-9_]*)\}")


@config
class Workspace:
    """`[workspace]`: whose machine this is. `as_of` fixes "today" for behaviour; left out, it is today."""

    name: str
    currency: str = "GBP"
    timezone: str = "UTC"
    salt: str = "omnimix"  # decides lanes: changing it starts every test anew
    as_of: date | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise InvalidInput(
                f"{self.currency!r} is no currency", where="workspace.currency", fix="use ISO 4217: GBP"
            )
        if self.timezone not in available_timezones():
            raise InvalidInput(
                f"{self.timezone!r} is no time zone", where="workspace.timezone", fix="use one like Europe/London"
            )


@config
class Storage:
    """`[storage]`: where the ledger is, what computes, and how much of the machine it may use."""

    ledger: str = "sqlite:///.omnimix/ledger.sqlite"
    engine: Literal["duckdb", "spark"] = "duckdb"
    master: str = ""  # of Spark; left out, it is this machine
    spark: Mapping[str, str] = field(default_factory=dict)  # Spark's own settings
    memory: str = "1GB"
    threads: int = 2
    online: str = field(default="", repr=False)  # online state: LMDB in the workspace, or redis://…, unix://…
    online_gb: int = 16  # at most, of LMDB's file

    def __post_init__(self) -> None:
        if self.online_gb < 1:
            raise InvalidInput("there is no room", where="storage.online_gb", fix="give 1 or more")


@config
class Serve:
    """`[serve]`: where `omnimix serve` listens, and within which limits. `cert` and `key` are TLS files (PEM)."""

    host: str = "127.0.0.1"
    port: int = 8484
    workers: int = 1
    cert: str = ""  # paths are meant from the workspace's root
    key: str = ""
    tls: Literal["1.2", "1.3"] = "1.2"  # the oldest version that is spoken
    public_url: str = ""  # as the world sees this server; addresses that leave the house begin with it
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For is believed
    metrics_from: tuple[str, ...] = ("127.0.0.0/8", "::1/128")  # networks that may read /metrics
    waiting: int = 1_024  # requests under way in a worker; above it they are asked to wait (429)
    seconds: int = 30  # for a body to come, and for the disk to take it

    def __post_init__(self) -> None:
        for name in ("workers", "waiting", "seconds"):
            if getattr(self, name) < 1:
                raise InvalidInput("it is below 1", where=f"serve.{name}", fix="give 1 or more")
        if not 0 <= self.port <= 65_535:
            raise InvalidInput(f"{self.port} is no port", where="serve.port", fix="give 1 to 65535")
        if bool(self.cert) != bool(self.key):
            raise InvalidInput("TLS needs both files", where="serve.cert", fix="give cert and key, or neither")
        if self.public_url and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", self.public_url):
            raise InvalidInput(
                f"{self.public_url!r} is no address", where="serve.public_url", fix="write https://o.shop.example"
            )
        for name in ("trusted_proxies", "metrics_from"):
            for network in getattr(self, name):
                try:
                    ipaddress.ip_network(network, strict=False)
                except ValueError:
                    raise InvalidInput(
                        f"{network!r} is no network", where=f"serve.{name}", fix="write it like 10.0.0.0/8"
                    ) from None


@config
class ConsoleRules:
    """`[console]`: where the console listens. `hosts`: names it is asked by besides loopback's, for a proxy."""

    host: str = "127.0.0.1"
    port: int = 8485
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65_535:
            raise InvalidInput(f"{self.port} is no port", where="console.port", fix="give 1 to 65535")


@config
class OmnimixFile:
    """omnimix.toml."""

    workspace: Workspace
    storage: Storage = Storage()
    consent: ConsentRules = ConsentRules()
    journey: JourneyRules = JourneyRules()
    lifecycle: Lifecycle = Lifecycle()
    pain: PainRules = PainRules()
    segments: SegmentRules = SegmentRules()
    enrichment: EnrichmentRules = EnrichmentRules()
    personas: PersonaRules = PersonaRules()
    robots: RobotRules = RobotRules()
    moment: MomentRules = MomentRules()
    value: ValueRules = ValueRules()
    identity: IdentityRules = STANDARD
    review: ReviewRules = ReviewRules()
    sources: Mapping[str, Source] = field(default_factory=dict)
    collect: Collect = Collect()
    serve: Serve = Serve()
    console: ConsoleRules = ConsoleRules()
    placements: Mapping[str, Placement] = field(default_factory=dict)
    feedback: FeedbackRules = FeedbackRules()
    bid: BidRules = BidRules()

    def __post_init__(self) -> None:
        for name in sorted(self.collect.write_keys.keys() & {*self.sources, FEEDBACK, NOTICES}):
            raise InvalidInput(
                f"there is a source {name!r} already",
                where=f"collect.write_keys.{name}",
                fix="name one differently",
            )
        if self.bid.exchanges and not self.serve.public_url:
            raise InvalidInput(
                "ads could not lead back to this server",
                where="serve.public_url",
                fix="say where browsers reach it: https://o.shop.example",
            )
        if self.bid.exchanges and self.bid.placement not in self.placements:
            raise InvalidInput(
                f"there is no placement {self.bid.placement!r}: exchanges would find nothing to buy",
                where="bid.placement",
                fix=f"add [placements.{self.bid.placement}] with its channel",
            )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a workspace says about itself."""

    root: Path
    file: OmnimixFile
    brand: Brand
    jobs: Mapping[str, Job]  # by campaign key

    def job(self, key: str) -> Job:
        """The campaign of that key. Raises NotFound, naming those there are."""
        if key not in self.jobs:
            there = ", ".join(sorted(self.jobs)) or "none yet"
            raise NotFound(
                f"there is no campaign {key!r}",
                where="campaigns/",
                fix=f"there are: {there}; add campaigns/{key}.toml",
            )
        return self.jobs[key]


class InvalidSettings(InvalidInput):
    """The files have faults; `faults` holds all of them."""

    def __init__(self, faults: Iterable[Finding]) -> None:
        self.faults = tuple(faults)
        listed = "; ".join(f"{f.where}: {f.why}" + (f" → {f.fix}" if f.fix else "") for f in self.faults)
        super().__init__(listed)


def read_settings(root: Path, environ: Mapping[str, str]) -> Settings:
    """Read the workspace at `root`. Raises NotFound when it is none, InvalidSettings with all faults otherwise."""
    if not (root / "omnimix.toml").exists():
        raise NotFound(
            "this is no workspace: there is no omnimix.toml", where=str(root), fix=f"omnimix init {root}"
        )
    faults: list[Finding] = []
    main = _read(root / "omnimix.toml", OmnimixFile, root, environ, faults, overrides=_overrides(environ))
    brand = _read(root / "brand.toml", Brand, root, environ, faults)
    jobs = {}
    for path in sorted((root / "campaigns").glob("*.toml")):
        jobs[path.stem] = _read(path, Job, root, environ, faults, arrange=_campaign_tables)
    if faults or main is None or brand is None:
        raise InvalidSettings(faults)
    return Settings(root, main, brand, {k: c for k, c in jobs.items() if c is not None})


def _read(
    path: Path,
    kind: type[T],
    root: Path,
    environ: Mapping[str, str],
    faults: list[Finding],
    *,
    overrides: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    arrange: Any = None,
) -> T | None:
    """One file as a record, or None with its faults noted."""
    name = path.relative_to(root).as_posix()
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except FileNotFoundError:
        faults.append(_fault(name, "the file is missing", "omnimix init writes a commented one"))
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(_fault(name, f"it is not valid TOML: {error}", "mend that line; the file must be UTF-8"))
        return None
    for table, values in overrides.items():
        tables.setdefault(table, {}).update(values)
    tables, unset = _filled(tables, environ)
    faults.extend(
        _fault(f"{name}: {key}", f"${{{v}}} is not set", "set the environment variable") for key, v in unset
    )
    if arrange:
        tables = arrange(tables, path.stem)
    try:
        return TypeAdapter(kind).validate_python(tables)
    except ValidationError as error:
        faults.extend(_explained(name, kind, e) for e in error.errors(include_url=False))
    except OmnimixError as error:
        faults.append(_fault(f"{name}: {error.where}" if error.where else name, error.message, error.fix))
    return None


def _campaign_tables(tables: dict[str, Any], stem: str) -> dict[str, Any]:
    """Put the campaign's own tables where its record has them, and its key: the name of the file."""
    inner = dict(tables.get("campaign", {}), key=stem)
    rest = {k: v for k, v in tables.items() if k not in ("campaign", "offer", "products")}
    return rest | {"campaign": inner | {k: tables[k] for k in ("offer", "products") if k in tables}}


def _overrides(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        parts = name.split("__")
        if len(parts) == 3 and parts[0] == "OMNIMIX":
            found.setdefault(parts[1].lower(), {})[parts[2].lower()] = value
    return found


def _filled(tables: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Every `${NAME}` replaced, and the names that are not set, each with the key it stands at."""
    unset: list[tuple[str, str]] = []

    def fill(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {k: fill(v, f"{key}.{k}" if key else k) for k, v in value.items()}
        if isinstance(value, list):
            return [fill(v, key) for v in value]
        if isinstance(value, str):
            unset.extend((key, n) for n in _VARIABLE.findall(value) if n not in environ)
            return _VARIABLE.sub(lambda m: environ.get(m[1], m[0]), value).replace("$${", "${")
        return value

    return fill(tables, ""), unset


def _explained(name: str, kind: type, error: Any) -> Finding:
    """A validation fault in the words of the file."""
    loc = [str(part) for part in error["loc"]]
    if loc[:2] in (["campaign", "offer"], ["campaign", "products"]):
        loc = loc[1:]
    where = f"{name}: {'.'.join(loc)}"
    if error["type"] == "unexpected_keyword_argument":
        known = _known_keys(kind, error["loc"][:-1])
        near = difflib.get_close_matches(loc[-1], known, n=1)
        return _fault(
            where, "unknown key", f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        )
    refused = error.get("ctx", {}).get("error")
    if isinstance(refused, InvalidInput):
        place = refused.where.strip("[]") or ".".join(loc)
        return _fault(f"{name}: {place}" if place else name, refused.message, refused.fix)
    if error["type"] == "missing":
        return _fault(where, "it is missing", "add it")
    said = error["msg"].replace("Input should be", "it should be")
    given = "***" if loc and loc[-1] in _SECRET else repr(error["input"])
    return _fault(where, f"{said}, not {given}", "")


def _known_keys(kind: Any, loc: tuple[str | int, ...]) -> list[str]:
    """The fields of the record that `loc` leads to from `kind`; a campaign's file has two tables more."""
    extra = ["offer", "products"] if kind is Job and not loc else []
    for part in loc:
        if dataclasses.is_dataclass(kind) and isinstance(part, str):
            kind = get_type_hints(kind).get(part)
        else:
            kind = get_args(kind)[-1] if get_args(kind) else kind
        kind = (
            next((k for k in get_args(kind) if dataclasses.is_dataclass(k)), kind) if not _is_map(kind) else kind
        )
    return extra + [f.name for f in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []


def _is_map(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is Mapping or "Mapping" in str(getattr(kind, "__origin__", ""))


def _fault(where: str, why: str, fix: str) -> Finding:
    return Finding("settings", Severity.BLOCKING, where, why, fix)
