"""Runnable evidence: benchmarks and proofs print `NAME  figure  goal  ok|short`.

in   a package whose modules each offer `figures()`
out  one line a figure, and whether all reached their goals
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from omnimix.core.errors import NotFound, OmnimixError


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `figure` and `goal` are printed as given; `ok` says whether the goal is reached."""

    name: str
    figure: str
    goal: str
    ok: bool

    def __str__(self) -> str:
        return f"{self.name:<44} {self.figure:<32} {self.goal:<28} {'ok' if self.ok else 'short'}"


def at_most(name: str, value: float, goal: float, *, unit: str = "") -> Figure:
    """A figure that must not exceed its goal."""
    return Figure(name, f"{value:.4g}{unit}", f"≤ {goal:g}{unit}", value <= goal)


def at_least(name: str, value: float, goal: float, *, unit: str = "") -> Figure:
    """A figure that must reach its goal."""
    return Figure(name, f"{value:.4g}{unit}", f"≥ {goal:g}{unit}", value >= goal)


def equal(name: str, value: object, goal: object) -> Figure:
    """A figure that must be exactly its goal."""
    return Figure(name, str(value), f"= {goal}", value == goal)


def run(package: ModuleType, chosen: Sequence[str]) -> Iterable[Figure]:
    """Yield the figures of the chosen modules of `package`, or of all, named `module: figure`.

    Raises NotFound for an unknown module.
    """
    found = pkgutil.iter_modules(package.__path__)  # a folder holds data, not evidence
    names = sorted(m.name for m in found if not (m.ispkg or m.name.startswith("_")))
    unknown = set(chosen) - set(names)
    if unknown:
        raise NotFound(f"no {min(unknown)!r} in {package.__name__}", fix=f"choose from {', '.join(names)}")
    for name in chosen or names:
        for figure in importlib.import_module(f"{package.__name__}.{name}").figures():
            yield figure if figure.name.startswith(f"{name}: ") else replace(figure, name=f"{name}: {figure.name}")


def main(package: ModuleType, chosen: Sequence[str]) -> int:
    """Print each figure of the chosen modules against its goal. Returns 1 when one falls short."""
    short = 0
    try:
        for figure in run(package, chosen):
            sys.stdout.write(f"{figure}\n")
            sys.stdout.flush()
            short += not figure.ok
    except OmnimixError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 1 if short else 0
