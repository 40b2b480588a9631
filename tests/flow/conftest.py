"""A small shop that ran once through every stage, with a small simulated market; each test gets its own copy."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.conftest import lay_out
from tests.conftest import NOW

from omnimix.app import machine_of, settings_of
from omnimix.flow.campaign import run_campaign
from omnimix.flow.machine import Job, Machine, Simulation
from omnimix.flow.step import StepResult

SIMULATION = Simulation(people=1500, weeks=2, seed=3)


class Ran(NamedTuple):
    """A workspace after a run, opened; the run's account by step."""

    machine: Machine
    job: Job
    steps: dict[str, StepResult]


def small(job: Job) -> Job:
    """The starter's campaign on one channel, in a small market."""
    campaign = replace(job.campaign, channels=("google_ads_editor",))
    return replace(job, campaign=campaign, simulator=SIMULATION)


def clock() -> datetime:
    """The present instant of every run here."""
    return NOW


@pytest.fixture(scope="session")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, StepResult]]:
    """The folder of a shop that ran, and the account of its steps."""
    root = lay_out(tmp_path_factory.mktemp("ran") / "shop", lambda: None).root
    settings = settings_of(root, os.environ)
    with machine_of(settings, os.environ, clock=clock) as machine:
        steps = {r.name: r for r in run_campaign(machine, small(settings.job("first")), approver="anna")}
    return root, steps


@pytest.fixture
def ran(tmp_path: Path, ran_once: tuple[Path, dict[str, StepResult]]) -> Iterator[Ran]:
    """A copy of that shop, opened."""
    root = tmp_path / "shop"
    shutil.copytree(ran_once[0], root)
    settings = settings_of(root, os.environ)
    with machine_of(settings, os.environ, clock=clock) as machine:
        yield Ran(machine, small(settings.job("first")), ran_once[1])
