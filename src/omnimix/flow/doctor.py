"""What a workspace lacks before a campaign can run, each with the next step.

in   a Machine and its campaigns
out  findings: blocking ones keep a run from starting or finishing
"""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta

from omnimix.core.errors import OmnimixError
from omnimix.core.finding import Finding, Severity, sorted_findings
from omnimix.creative.image.palette import make_palette
from omnimix.creative.image.poster import DIRECTIONS
from omnimix.creative.image.render import prepared
from omnimix.creative.policy.claims import expired_claims
from omnimix.data.source.spec import Source
from omnimix.flow.machine import Job, Machine
from omnimix.governance.audit import verify

EXTRAS = {"adbc_driver_manager": "adbc"}
_MAIL = "email_files"


def examine(machine: Machine, jobs: Mapping[str, Job]) -> tuple[Finding, ...]:
    """Everything that is missing, the blocking first."""
    found = [
        *_sources(machine),
        *_brand(machine, jobs),
        *_campaigns(machine, jobs),
        *_storage(machine),
        *_extras(machine),
    ]
    return sorted_findings(found)


def _sources(machine: Machine) -> Iterator[Finding]:
    if not machine.sources:
        yield Finding(
            "sources",
            Severity.BLOCKING,
            "omnimix.toml",
            "no source is declared",
            "add a table such as [sources.orders] with a path and a preset",
        )
    kinds = {s.holds for s in machine.sources.values()}
    if machine.sources and not any(k is None or str(k) in ("orders", "events") for k in kinds):
        yield Finding(
            "sources",
            Severity.BLOCKING,
            "omnimix.toml",
            "no source holds orders or events",
            "declare one that does",
        )
    for name, source in machine.sources.items():
        if source.path and not list(machine.root.glob(source.path)):
            yield Finding(
                "sources",
                Severity.BLOCKING,
                f"omnimix.toml: sources.{name}.path",
                f"there is no file {source.path!r}",
                "put the file there, or correct the path (it is read from the workspace's folder)",
            )


def _brand(machine: Machine, jobs: Mapping[str, Job]) -> Iterator[Finding]:
    brand = machine.brand
    if brand.logo and not (machine.root / brand.logo).exists():
        yield Finding(
            "brand", Severity.BLOCKING, "brand.toml: logo", f"there is no file {brand.logo!r}", "correct the path"
        )
    else:
        yield from _drawable(machine)
    yield from expired_claims(brand, machine.clock().date())
    mails = [key for key, job in jobs.items() if _MAIL in job.campaign.channels]
    for field in ("postal_address", "unsubscribe_url", "sender") if mails else ():
        if not getattr(brand, field):
            yield Finding(
                "brand",
                Severity.BLOCKING,
                f"brand.toml: {field}",
                f"it is empty, and {mails[0]!r} sends e-mail",
                "fill it in: the law asks for it in every marketing e-mail",
            )


def _drawable(machine: Machine) -> Iterator[Finding]:
    """Whether logo, fonts and colours can be drawn with."""
    try:
        with ExitStack() as stack:
            prepared(machine.brand, None, machine.root, stack)
        make_palette(machine.brand.colours, DIRECTIONS[0])
    except OmnimixError as error:
        yield Finding("brand", Severity.BLOCKING, error.where, error.message, error.fix)


def _campaigns(machine: Machine, jobs: Mapping[str, Job]) -> Iterator[Finding]:
    if not jobs:
        yield Finding(
            "campaigns", Severity.BLOCKING, "campaigns/", "there is no campaign", "copy one from `omnimix init`"
        )
    yield from _same_names(jobs)
    today = machine.clock().date()
    for key, job in jobs.items():
        where = f"campaigns/{key}.toml"
        campaign = job.campaign
        if campaign.ends_on < today:
            yield Finding("campaigns", Severity.WARNING, f"{where}: ends_on", "it is over", "choose a later date")
        elif campaign.ends_on - campaign.starts_on < timedelta(days=13):
            yield Finding(
                "campaigns",
                Severity.NOTE,
                where,
                "less than two weeks: little can be known",
                "run it longer if you can",
            )
        for name in campaign.channels:
            try:
                machine.channel(name)
            except OmnimixError as error:
                yield Finding("channels", Severity.BLOCKING, f"{where}: channels", error.message, error.fix)


def _same_names(jobs: Mapping[str, Job]) -> Iterator[Finding]:
    """Platforms tell campaigns apart by name."""
    first: dict[str, str] = {}
    for key, job in jobs.items():
        other = first.setdefault(job.campaign.name.casefold(), key)
        if other != key:
            why = f"{job.campaign.name!r} is the name of campaigns/{other}.toml too"
            where = f"campaigns/{key}.toml: campaign.name"
            yield Finding("campaigns", Severity.BLOCKING, where, why, "give each campaign a name of its own")


def _storage(machine: Machine) -> Iterator[Finding]:
    with machine.ledger() as session:
        verdict = verify(session, machine.anchor)
    if not verdict.intact:
        place = f"entry {verdict.broken}" if verdict.broken else "the chain"
        yield Finding(
            "audit",
            Severity.BLOCKING,
            f"audit: {place}",
            verdict.why,
            "restore the ledger from a copy, and find out who changed it",
        )


def _extras(machine: Machine) -> Iterator[Finding]:
    for module, extra in EXTRAS.items():
        wanted = any(_is_adbc(s) for s in machine.sources.values())
        if wanted and importlib.util.find_spec(module) is None:
            yield Finding(
                "extras",
                Severity.BLOCKING,
                "omnimix.toml",
                f"a source needs {module}",
                f"pip install 'omnimix[{extra}]'",
            )


def _is_adbc(source: Source) -> bool:
    return bool(source.url and source.url.startswith("adbc"))
