"""Runs resume, and no row disappears without being counted."""

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.clock import Clock
from omnimix.flow.step import Counts, Step, StepResult, journal, run_steps
from omnimix.store.ledger import Ledger

NOW = datetime(2026, 11, 1)
CLOCK: Clock = lambda: NOW  # noqa: E731 - a clock is a function without arguments


class Machine:
    """Three steps that count how often each ran; the second can be made to fail."""

    def __init__(self) -> None:
        self.runs = {"one": 0, "two": 0, "three": 0}
        self.fails = False
        self.seed = 1

    def steps(self) -> list[Step]:
        return [
            Step("one", self._act("one"), inputs=self.seed),
            Step("two", self._act("two")),
            Step("three", self._act("three")),
        ]

    def _act(self, name: str) -> Callable[[], Counts]:
        def act() -> Counts:
            if name == "two" and self.fails:
                raise RuntimeError("power cut")
            self.runs[name] += 1
            return Counts(10, 8, rejected=2, output=self.seed)

        return act


def run(machine: Machine, ledger: Ledger, *, fresh: bool = False) -> list[StepResult]:
    return list(run_steps("f", machine.steps(), ledger=ledger, clock=CLOCK, fresh=fresh))


def test_second_run_does_nothing_again(ledger: Ledger) -> None:
    machine = Machine()
    first, second = run(machine, ledger), run(machine, ledger)
    assert machine.runs == {"one": 1, "two": 1, "three": 1}
    assert [r.resumed for r in first + second] == [False] * 3 + [True] * 3
    assert [(r.rows_in, r.rows_out, r.rejected) for r in second] == [(10, 8, 2)] * 3
    assert journal("f", ledger) == tuple(second)


def test_a_run_that_broke_resumes_where_it_broke(ledger: Ledger) -> None:
    machine = Machine()
    machine.fails = True
    with pytest.raises(RuntimeError, match="power cut"):
        run(machine, ledger)
    machine.fails = False
    assert [r.resumed for r in run(machine, ledger)] == [True, False, False]
    assert machine.runs == {"one": 1, "two": 1, "three": 1}


def test_a_changed_input_runs_everything_behind_it(ledger: Ledger) -> None:
    machine = Machine()
    run(machine, ledger)
    machine.seed = 2
    assert [r.resumed for r in run(machine, ledger)] == [False] * 3


def test_fresh_runs_everything(ledger: Ledger) -> None:
    machine = Machine()
    run(machine, ledger)
    assert not any(r.resumed for r in run(machine, ledger, fresh=True))


def test_a_step_that_looks_outside_always_runs_and_spares_the_rest(ledger: Ledger) -> None:
    looks = []

    def look() -> Counts:
        looks.append(1)
        return Counts(1, 1, output="same")

    steps = [Step("look", look, always=True), Step("then", lambda: Counts(1, 1))]
    for _ in range(2):
        results = list(run_steps("g", steps, ledger=ledger, clock=CLOCK))
    assert len(looks) == 2
    assert [r.resumed for r in results] == [False, True]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(-5, 5))
def test_rows_must_add_up(out: int, rejected: int, aside: int, lost: int) -> None:
    counts = Counts(out + rejected + aside + lost, out, rejected, set_aside={"unidentified": aside})
    assert counts.adds_up == (lost == 0)


def test_a_step_that_loses_rows_is_a_fault(ledger: Ledger) -> None:
    with pytest.raises(AssertionError, match="lost rows"):
        list(run_steps("h", [Step("leak", lambda: Counts(10, 9))], ledger=ledger, clock=CLOCK))


def test_a_step_that_the_flow_no_longer_has_leaves_the_journal(ledger: Ledger) -> None:
    machine = Machine()
    run(machine, ledger)
    list(run_steps("f", machine.steps()[:2], ledger=ledger, clock=CLOCK))
    assert [r.name for r in journal("f", ledger)] == ["one", "two"]
