"""Data sets for proofs and tests: those that ship stand beside this file, each with its NOTICE; others are found.

in   the name of a data set
out  its folder, or None where a restricted one is not here
"""

import os
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def shipped(name: str) -> Path:
    """The folder of a data set whose licence lets it ship."""
    return HERE / name


def restricted(name: str) -> Path | None:
    """The folder of a data set to test with but not to pass on: under OMNIMIX_TEST_DATA, or beside us."""
    found = Path(os.environ.get("OMNIMIX_TEST_DATA", ROOT.parent / "shared" / "data")) / name
    return found if found.is_dir() else None
