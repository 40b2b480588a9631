"""A finding: one result of a check. Findings are returned, errors are raised.

in   what a check saw
out  Finding records, blocking ones first when sorted
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How much a finding matters. A `BLOCKING` one stops what was checked."""

    NOTE = 0
    WARNING = 1
    BLOCKING = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check: which rule, how severe, where, why, and what to do about it."""

    rule: str
    severity: Severity
    where: str
    why: str
    fix: str = ""


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Blocking findings first, then by rule and place."""
    return tuple(sorted(findings, key=lambda f: (-f.severity, f.rule, f.where)))


def is_blocked(findings: Iterable[Finding]) -> bool:
    """Whether any finding is blocking."""
    return any(f.severity is Severity.BLOCKING for f in findings)
