"""A run is a list of named steps, journalled in the ledger with the digest of their input, so that it resumes.

in   steps, and the digest of what goes into the first
out  a StepResult for each: rows in, rows out, rejected, seconds; a step whose input is as before is not run again
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select

from omnimix.core.clock import Clock
from omnimix.core.hashing import digest
from omnimix.flow.rows import StepRow
from omnimix.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Counts:
    """What a step did, in rows of `unit_in` and `unit_out`.

    Where a step keeps its unit (`unit_in` equals `unit_out`), rows_in = rows_out + rejected + sum of `set_aside`;
    anything else would be a row lost without being counted. `output` is anything that tells this output from
    another; it goes into the digest of the next step's input.
    """

    rows_in: int
    rows_out: int
    rejected: int = 0
    unit_in: str = "rows"
    unit_out: str = "rows"
    set_aside: dict[str, int] = field(default_factory=dict)  # reason → rows neither passed on nor rejected
    detail: dict[str, Any] = field(default_factory=dict)
    output: Any = None

    @property
    def adds_up(self) -> bool:
        """Whether every row that came in is accounted for."""
        if self.unit_in != self.unit_out:
            return True
        return self.rows_in == self.rows_out + self.rejected + sum(self.set_aside.values())


@dataclass(frozen=True, slots=True)
class Step:
    """One named step. `inputs` is whatever besides the step before decides its result: rules, files, seeds.

    A function stands for what can only be told when the steps before have run.
    """

    name: str
    act: Callable[[], Counts]
    inputs: Any = None
    always: bool = (
        False  # looks at something outside (files, approvals): run it every time, it is cheap when nothing changed
    )
    kept: Callable[[], bool] | None = None  # whether what it made is there still; None: it does not go by itself


@dataclass(frozen=True, slots=True)
class StepResult:
    """One line of a run's account."""

    name: str
    rows_in: int
    rows_out: int
    rejected: int
    seconds: float
    resumed: bool  # the input was as before: the earlier result stands
    detail: dict[str, Any]


def run_steps(
    flow: str, steps: Sequence[Step], *, ledger: Ledger, clock: Clock, fresh: bool = False
) -> Iterator[StepResult]:
    """Run the steps in order and yield each one's account as soon as it is done.

    `fresh` runs every step. A step that raises leaves the journal of the steps before it: the next call resumes
    there. Steps that the flow no longer has leave the journal. Raises AssertionError when a step's rows do not add
    up: that is a fault in Omnimix.
    """
    with ledger.begin() as session:
        names = [step.name for step in steps]
        session.execute(delete(StepRow).where(StepRow.flow == flow, StepRow.name.not_in(names)))
    before = ""
    for position, step in enumerate(steps):
        wanted = digest([step.name, before, step.inputs() if callable(step.inputs) else step.inputs])
        earlier = _earlier(ledger, flow, step.name)
        stands = earlier is not None and earlier.input_digest == wanted and (step.kept is None or step.kept())
        if earlier is not None and stands and not (fresh or step.always):
            before = earlier.output_digest
            yield _result(earlier, resumed=True)
            continue
        row = _run(flow, step, position, wanted, clock)
        with ledger.begin() as session:
            session.merge(row)
        before = row.output_digest
        yield _result(row, resumed=False)


def journal(flow: str, ledger: Ledger) -> tuple[StepResult, ...]:
    """The account of the flow's steps as they last ran, in order."""
    with ledger() as session:
        rows = session.scalars(select(StepRow).where(StepRow.flow == flow).order_by(StepRow.position))
        return tuple(_result(row, resumed=True) for row in rows)


def _run(flow: str, step: Step, position: int, wanted: str, clock: Clock) -> StepRow:
    started = time.perf_counter()
    counts = step.act()
    if not counts.adds_up:
        raise AssertionError(f"step {step.name!r} lost rows: {counts}")
    units = {"unit_in": counts.unit_in, "unit_out": counts.unit_out}
    aside = {"set_aside": counts.set_aside} if counts.set_aside else {}
    return StepRow(
        flow=flow,
        name=step.name,
        position=position,
        input_digest=wanted,
        rows_in=counts.rows_in,
        rows_out=counts.rows_out,
        rejected=counts.rejected,
        seconds=time.perf_counter() - started,
        detail=units | aside | counts.detail,
        output_digest=digest([wanted, counts.output]),
        finished_at=clock(),
    )


def _earlier(ledger: Ledger, flow: str, name: str) -> StepRow | None:
    with ledger() as session:
        return session.get(StepRow, (flow, name))


def _result(row: StepRow, *, resumed: bool) -> StepResult:
    return StepResult(row.name, row.rows_in, row.rows_out, row.rejected, row.seconds, resumed, row.detail)
