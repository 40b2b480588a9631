"""A segmentation: the segments found at one time, and how to place anybody in them.

in   what `cluster.fit_segments` found
out  a frozen, comparable, JSON-like record
"""

from dataclasses import dataclass

from omnimix.audience.segment.scale import Axis
from omnimix.audience.segment.segment import Segment


@dataclass(frozen=True, slots=True)
class Candidate:
    """One number of clusters that was tried."""

    clusters: int
    stability: float  # mean adjusted Rand index over pairs of resamples
    undersized: float  # share of people in clusters too small to keep
    weakest: float  # the least stable cluster's mean Jaccard coefficient over resamples
    score: float  # stability - undersized

    @property
    def text(self) -> str:
        """One line for a report."""
        return (
            f"{self.clusters} clusters: stability {self.stability:.2f}, weakest cluster {self.weakest:.2f}, "
            f"too small {self.undersized:.0%}"
        )


@dataclass(frozen=True, slots=True)
class Stability:
    """How alike the clustering comes out when customers are drawn again with replacement."""

    bootstraps: int
    rand: float  # mean adjusted Rand index of each bootstrap's clustering with the chosen one
    low: float  # 5th percentile over the bootstraps
    high: float  # 95th percentile
    moved: float  # mean share of people whom a bootstrap puts into another cluster: the error of the sample


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Segments, largest first, `(rest)` last; together they hold every profile exactly once."""

    segments: tuple[Segment, ...]
    axes: tuple[Axis, ...]
    centres: tuple[tuple[float, ...], ...]  # coordinates of the cluster centres
    keys: tuple[str, ...]  # the segment of each centre
    candidates: tuple[Candidate, ...]
    note: str  # how the number of segments came about, one plain sentence
    people: int = 0  # profiles with features at the time of fitting
    fitted_on: int = 0  # of whom so many were looked at; fewer than `people`: a sample by content
    home: str | None = None  # the country that `abroad` is abroad from
    claims: tuple[str, ...] = ()  # rule segments that take their people, in order of precedence
    stability: Stability | None = None  # None: nothing was divided

    def segment(self, key: str) -> Segment:
        """The segment with this key. Raises KeyError when there is none."""
        return next(s for s in self.segments if s.key == key)
