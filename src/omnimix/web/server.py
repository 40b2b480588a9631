"""The server of live collection: granian's worker processes, and one process that settles what waits.

in   a workspace's folder, where to listen
out  nothing while it runs; logs as JSON lines on standard error, without personal data
"""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from omnimix.app import KEY_FILE, KEY_VARIABLE, STATE, machine_of, settings_of
from omnimix.core.clock import utc_now
from omnimix.core.errors import InvalidInput, OmnimixError, Unavailable
from omnimix.data.live.spec import Collect
from omnimix.flow.collect import INBOX, inbox_at, settle_waiting
from omnimix.governance.keys import load_key
from omnimix.governance.seal import Seal
from omnimix.web.edge import Desk, Edge

log = structlog.get_logger("omnimix.collect")
_STOP_SECONDS = 20  # for requests under way when the server is told to stop


def serve(root: Path, rules: Collect, *, settle: bool = True, begun: Callable[[], None] = lambda: None) -> None:
    """Collect until told to stop (SIGTERM, SIGINT). `begun` is called when the port is ours.

    Raises InvalidInput without a write key, Unavailable for a port that is taken.
    """
    if not rules.write_keys:
        raise InvalidInput(
            "there is no write key: nobody could send",
            where="omnimix.toml: collect.write_keys",
            fix='add [collect.write_keys] web = "${OMNIMIX_WRITE_KEY}" and set that variable to a random text',
        )
    _check_port(rules)
    settler = multiprocessing.Process(target=keep_settling, args=(root,), daemon=True)
    server = Server(
        "omnimix.web.server",
        address=rules.host,
        port=rules.port,
        interface=Interfaces.RSGI,
        workers=rules.workers,
        websockets=False,
        backpressure=512,
        http1_settings=HTTP1Settings(header_read_timeout=15_000),
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    )
    server.on_startup(begun)
    if settle:
        server.on_startup(settler.start)
        server.on_shutdown(partial(_stop, settler))
    loader: Any = partial(edge_of, root, rules)  # granian's type names functions only, not applications
    server.serve(target_loader=loader, wrap_loader=False)


def _check_port(rules: Collect) -> None:
    family = socket.AF_INET6 if ":" in rules.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((rules.host, rules.port))
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {rules.host}:{rules.port}: {error.strerror}",
                where="collect",
                fix="stop what listens there, or choose another with --port",
            ) from None


def edge_of(root: Path, rules: Collect) -> Edge:
    """The application of a worker process, with the inbox opened."""
    tell_in_json()
    key = load_key(value=os.environ.get(KEY_VARIABLE), path=root / KEY_FILE)
    desk = Desk(
        rules=rules,
        inbox=inbox_at(root / STATE / INBOX, rules),
        seal=Seal(key, INBOX),
        secret=key.subkey("live ids"),
        clock=utc_now,
    )
    return Edge(desk)


def keep_settling(root: Path) -> None:
    """Settle whenever the time has come or much waits, until told to stop or left alone."""
    tell_in_json()
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when
    os.nice(5)  # answering comes first
    parent, last = os.getppid(), time.monotonic()
    while not stopped and os.getppid() == parent:
        time.sleep(0.5)
        try:
            rules = settings_of(root, os.environ).file.collect
            waiting = sum(p.stat().st_size for p in (root / STATE / INBOX).glob("*.log"))
            due = time.monotonic() - last >= rules.settle_seconds or waiting >= rules.settle_mb << 20
            if waiting and due:
                last = time.monotonic()
                settle_once(root)
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


def _stop(process: Any) -> None:
    if process.is_alive():
        process.terminate()
        process.join()


def tell_in_json() -> None:
    """One JSON object a line on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
