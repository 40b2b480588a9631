"""The process beside the workers that lets online state know of what was acknowledged.

in   a workspace's folder
out  states in the online store, some tenths of a second behind the inbox
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from omnimix.app import STATE, machine_of, settings_of
from omnimix.core.errors import OmnimixError
from omnimix.flow.collect import INBOX, inbox_at
from omnimix.flow.follow import follow, follower_of, position_of
from omnimix.flow.machine import Machine
from omnimix.flow.online import rebuild
from omnimix.web.logs import tell_in_json

log = structlog.get_logger("omnimix.follow")
_LOOK_SECONDS, _AGAIN_SECONDS = 0.1, 5.0


def keep_following(root: Path) -> None:
    """Follow until told to stop or left alone; SIGHUP reads the settings anew."""
    tell_in_json()
    stopped: list[int] = []
    again: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when
    signal.signal(signal.SIGHUP, lambda number, _frame: again.append(number))
    os.nice(15)  # answering comes first, and settling
    parent = os.getppid()

    def ended() -> bool:
        return bool(stopped) or os.getppid() != parent

    while not ended():
        again.clear()
        try:
            with machine_of(settings_of(root, os.environ), os.environ) as machine:
                _follow(machine, root, lambda: ended() or bool(again))
        except OmnimixError as error:
            log.error("online state is not kept for now; nothing is lost", why=error.message, fix=error.fix)
            time.sleep(_AGAIN_SECONDS)


def _follow(machine: Machine, root: Path, ended: Callable[[], bool]) -> None:
    online = machine.online()
    try:
        if position_of(online) is None:
            started = time.monotonic()
            people = rebuild(machine)
            log.info(
                "online state built from the facts", people=people, seconds=round(time.monotonic() - started, 2)
            )
        inbox = inbox_at(root / STATE / INBOX, machine.collect)
        try:
            follower = follower_of(machine, online, inbox)
            while not ended():
                if not follow(follower, now=machine.clock()):
                    time.sleep(_LOOK_SECONDS)
        finally:
            inbox.close()
    finally:
        online.close()
