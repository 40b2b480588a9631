"""Packs: wording rules as data, by country, each with an example that fails and one that passes.

in   packs/*.toml
out  Pack and WordingRule records; a check over those of the campaign's countries
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from omnimix.core.finding import Finding, Severity
from omnimix.creative.policy.check import PolicyFacts, texts
from omnimix.creative.variant import Variant

_FOLDER = f"{__package__}.packs"


@dataclass(frozen=True, slots=True)
class WordingRule:
    """One rule. It is spared where the campaign declares its `category`."""

    code: str
    pattern: re.Pattern[str]
    severity: Severity
    why: str
    fix: str
    source: str  # the law, code or platform rule behind it
    fails: str
    passes: str
    category: str = ""

    def found(self, text: str) -> str | None:
        """The first wording of a text that breaks the rule."""
        match = self.pattern.search(text)
        return match.group() if match else None


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of some countries (ISO 3166 alpha-2), or of all where it names none."""

    name: str
    countries: frozenset[str]
    rules: tuple[WordingRule, ...]

    def holds(self, countries: tuple[str, ...]) -> bool:
        """Whether it holds for a campaign in these countries; one that names none may be seen everywhere."""
        return not self.countries or not countries or bool(self.countries & set(countries))


@lru_cache(maxsize=1)
def packs() -> tuple[Pack, ...]:
    """All packs, by name of file."""
    found = sorted((f for f in files(_FOLDER).iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(_pack(tomllib.loads(f.read_text("utf-8"))) for f in found)


def _pack(table: dict[str, Any]) -> Pack:
    return Pack(str(table["name"]), frozenset(table["countries"]), tuple(_rule(r) for r in table["rules"]))


def _rule(table: dict[str, Any]) -> WordingRule:
    plain = {k: str(v) for k, v in table.items() if k not in ("patterns", "severity")}
    said = "|".join(table["patterns"])
    pattern = re.compile(rf"(?<!\w)(?:{said})(?!\w)|(?:{said})(?<=\W)", re.IGNORECASE)
    severity = Severity[str(table.get("severity", "blocking")).upper()]
    return WordingRule(pattern=pattern, severity=severity, **plain)


def check_packs(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """Every wording that a rule of the campaign's countries speaks against."""
    declared = facts.campaign.special_categories
    rules = [
        r for p in packs() if p.holds(facts.campaign.countries) for r in p.rules if r.category not in declared
    ]
    for where, text in texts(variant):
        for rule in rules:
            wording = rule.found(text)
            if wording:
                yield Finding(rule.code, rule.severity, where, f"{wording!r} in {text!r}: {rule.why}", rule.fix)
