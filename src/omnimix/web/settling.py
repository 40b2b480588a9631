"""The process beside the workers that makes facts of what waits in the inbox, and of what was decided.

in   a workspace's folder
out  facts; every `moment.learn_minutes` new moment models; one log line for each settling and model, with counts
"""

import os
import signal
import time
from pathlib import Path

import structlog

from omnimix.app import STATE, machine_of, settings_of
from omnimix.core.errors import OmnimixError
from omnimix.flow.collect import INBOX, settle_waiting
from omnimix.flow.decisions import settle_decisions
from omnimix.flow.learn import learn_released
from omnimix.flow.online import adopt_links, forget_people, rebuild
from omnimix.flow.pacing import recount_all
from omnimix.flow.release import current_release
from omnimix.web.logs import tell_in_json

log = structlog.get_logger("omnimix.settle")


def keep_settling(root: Path) -> None:
    """Settle whenever the time has come or much waits, until told to stop or left alone."""
    tell_in_json()
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the settings are read anew each time
    os.nice(5)  # answering comes first
    parent, last = os.getppid(), time.monotonic()
    learnt = last
    while not stopped and os.getppid() == parent:
        time.sleep(0.5)
        try:
            file = settings_of(root, os.environ).file
            rules = file.collect
            waiting = sum(p.stat().st_size for p in (root / STATE / INBOX).glob("*.log"))
            due = time.monotonic() - last >= rules.settle_seconds or waiting >= rules.settle_mb << 20
            if due:
                last = time.monotonic()
                settle_once(root)
            if file.moment.learn_minutes and time.monotonic() - learnt >= 60 * file.moment.learn_minutes:
                learnt = time.monotonic()
                learn_once(root)
        except FileNotFoundError:
            continue
        except OmnimixError as error:
            log.error("what waits cannot be settled yet; nothing is lost", why=error.message, fix=error.fix)
            time.sleep(10)


def settle_once(root: Path) -> None:
    """Open the workspace, settle what waits, say how much."""
    started = time.monotonic()
    with machine_of(settings_of(root, os.environ), os.environ) as machine:
        for source, counts in settle_waiting(machine).items():
            log.info(
                "settled",
                source=source,
                events=counts.lines_read,
                accepted=counts.accepted,
                duplicates=counts.duplicates,
                quarantined=counts.rejected,
                seconds=round(time.monotonic() - started, 2),
            )
        if adopt_links(machine):  # live state joined people whom the links keep apart
            rebuild(machine)
        forget_people(machine)
        if decisions := settle_decisions(machine):
            log.info("decisions settled", decisions=decisions)
        release = current_release(machine)
        paces = {r.campaign: r.pace for r in release.campaigns if r.pace} if release else {}
        if back := recount_all(machine, paces):
            log.info("loans of killed workers came back", micros=back)


def learn_once(root: Path) -> None:
    """Open the workspace, learn the moment models of what is released, say what came of it."""
    started = time.monotonic()
    settings = settings_of(root, os.environ)
    with machine_of(settings, os.environ) as machine:
        for policy in learn_released(machine, settings.jobs.values()):
            log.info(
                "learnt",
                campaign=policy.campaign,
                model=policy.version,
                decisions=policy.decisions,
                published=bool(policy.release),
                refused=policy.verdict.refused,
                seconds=round(time.monotonic() - started, 2),
            )
