"""Sample-ratio check: whether the lanes hold as many people as their shares say.

in   people per lane, shares per lane
out  RatioCheck records, overall and per segment

Pearson's χ² against the planned shares. An alarm (p < 0.001) means that assignment or logging is broken, and
that no difference between the lanes can be trusted (Fabijan et al., KDD 2019). Lanes are drawn once, before
the campaign, so looking every week adds no false alarms.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import chdtrc

from omnimix.core.finding import Finding, Severity
from omnimix.measurement.lift.stats import Cells

ALARM = 0.001
_FEWEST = 5.0  # expected people below which χ² says nothing (Cochran, Biometrics 10, 1954)


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """χ² of people per lane against the planned shares. `segment` None: everybody."""

    segment: str | None
    chi2: float
    p: float  # 1 where there are too few people to tell
    people: dict[str, int]
    expected: dict[str, float]

    @property
    def alarm(self) -> bool:
        """Whether the lanes cannot be compared."""
        return self.p < ALARM


def sample_ratio(
    people: Mapping[str, int], shares: Mapping[str, float], *, segment: str | None = None
) -> RatioCheck:
    """Check one group of people. Lanes are those of `shares`; people in a lane without a share are an alarm."""
    total = sum(people.values())
    expected = {lane: share * total for lane, share in shares.items()}
    if any(n and not expected.get(lane) for lane, n in people.items()):
        return RatioCheck(segment, float("inf"), 0.0, dict(people), expected)
    tested = [lane for lane, wanted in expected.items() if wanted >= _FEWEST]
    rest = [lane for lane, wanted in expected.items() if 0 < wanted < _FEWEST]
    groups = [(float(people.get(lane, 0)), expected[lane]) for lane in tested]
    if sum(expected[lane] for lane in rest) >= _FEWEST:
        groups.append((float(sum(people.get(lane, 0) for lane in rest)), sum(expected[lane] for lane in rest)))
    if len(groups) < 2:
        return RatioCheck(segment, 0.0, 1.0, dict(people), expected)
    chi2 = sum((seen - wanted) ** 2 / wanted for seen, wanted in groups)
    return RatioCheck(segment, chi2, float(chdtrc(len(groups) - 1, chi2)), dict(people), expected)


def ratio_checks(cells: Cells, *, look: int, shares: Mapping[str, float]) -> tuple[RatioCheck, ...]:
    """Overall first, then each segment by name."""
    people: dict[str | None, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for cell, moments in cells.items():
        if cell.look == look:
            people[None][cell.lane] += moments.n
            people[cell.segment][cell.lane] += moments.n
    segments: list[str | None] = [None, *sorted(s for s in people if s is not None)]
    return tuple(sample_ratio(dict(people[s]), shares, segment=s) for s in segments if people[s])


def ratio_findings(checks: tuple[RatioCheck, ...]) -> tuple[Finding, ...]:
    """A blocking finding for every alarm."""
    return tuple(
        Finding(
            rule="sample_ratio",
            severity=Severity.BLOCKING,
            where=check.segment or "everybody",
            why=f"people per lane do not match the shares (χ² {check.chi2:.1f}, p {check.p:.1g})",
            fix="compare the assignment with the ladder's shares and salt; trust no effect until it is found",
        )
        for check in checks
        if check.alarm
    )
