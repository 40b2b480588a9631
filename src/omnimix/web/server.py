"""The server: granian's worker processes, and beside them the processes that work on what they took in.

in   a workspace's folder and settings
out  nothing while it runs; logs as JSON lines on standard error, without personal data

Signals: SIGTERM and SIGINT stop it once requests under way are answered; SIGHUP makes every worker read its rules
anew without leaving a request unanswered (address, TLS and number of workers need a new start). A process that
ends by itself is started again.
"""

import multiprocessing
import os
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from omnimix.activation.bid.bidder import Bidder
from omnimix.activation.decide.release import FOLDER
from omnimix.activation.decide.token import Tokens
from omnimix.app import KEY_FILE, KEY_VARIABLE, STATE, settings_of
from omnimix.core.clock import utc_now
from omnimix.core.errors import InvalidInput, Unavailable
from omnimix.flow.collect import INBOX, inbox_at
from omnimix.governance.keys import load_key
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.seal import Seal
from omnimix.settings import Serve, Settings
from omnimix.store.online.open import open_online
from omnimix.web.beside import Beside
from omnimix.web.collect import Collecting
from omnimix.web.commits import Commits
from omnimix.web.decide import Deciding
from omnimix.web.decider import Decider
from omnimix.web.desk import Desk, Stops
from omnimix.web.edge import Edge
from omnimix.web.endpoint import Endpoint
from omnimix.web.feedback import Feedback
from omnimix.web.following import keep_following
from omnimix.web.logs import tell_in_json
from omnimix.web.openrtb import Bidding
from omnimix.web.settling import keep_settling
from omnimix.web.tally import Tally, begin

_STOP_SECONDS = 20  # for requests under way when the server is told to stop
_TALLIES, _ONLINE = "tallies", "online"
_TLS = {"1.2": SSLProtocols.tls12, "1.3": SSLProtocols.tls13}


def endpoints_of(desk: Desk) -> Sequence[Endpoint]:
    """Everything that a worker answers."""
    return (Collecting(desk), Deciding(desk), Feedback(desk), Bidding(desk))


def serve(
    settings: Settings, rules: Serve, *, settle: bool = True, begun: Callable[[], None] = lambda: None
) -> None:
    """Serve the workspace as `rules` say until told to stop. `begun` is called when the port is ours.

    Raises InvalidInput without a write key or with TLS files that are none, Unavailable for a port that is taken.
    """
    root = settings.root
    if not settings.file.collect.write_keys:
        raise InvalidInput(
            "there is no write key: nobody could send",
            where="omnimix.toml: collect.write_keys",
            fix='add [collect.write_keys] web = "${OMNIMIX_WRITE_KEY}" and set that variable to a random text',
        )
    _check_port(rules)
    tell_in_json()
    begin(root / STATE / _TALLIES)
    server = _server(root, rules)
    beside = Beside(
        {"follow": partial(keep_following, root)} | ({"settle": partial(keep_settling, root)} if settle else {})
    )
    server.on_startup(_reload_in_place)
    server.on_startup(begun)
    server.on_startup(beside.start)
    server.on_shutdown(beside.stop)
    loader: Any = partial(edge_of, root)  # granian's type names functions only, not applications
    server.serve(target_loader=loader, wrap_loader=False)


def _server(root: Path, rules: Serve) -> Any:
    cert, key = (root / rules.cert, root / rules.key) if rules.cert else (None, None)
    try:
        return Server(
            "omnimix.web.server",
            address=rules.host,
            port=rules.port,
            interface=Interfaces.RSGI,
            workers=rules.workers,
            websockets=False,
            backpressure=2 * rules.waiting,  # what is beyond `waiting` gets its 429, what is beyond that waits
            http1_settings=HTTP1Settings(header_read_timeout=15_000),
            log_level=LogLevels.error,
            respawn_failed_workers=True,
            workers_kill_timeout=_STOP_SECONDS,
            ssl_cert=cert,
            ssl_key=key,
            ssl_protocol_min=_TLS[rules.tls],
        )
    except OSError as error:  # ssl.SSLError is one
        raise InvalidInput(
            f"the TLS files cannot be used: {error}",
            where="omnimix.toml: serve.cert",
            fix="give the PEM files of a certificate and its key, readable by whoever runs the server",
        ) from None


def _reload_in_place() -> None:
    """SIGHUP to the server goes on to its workers, which read their rules anew."""

    def pass_on(_number: int, _frame: object) -> None:
        for process in multiprocessing.active_children():
            if process.name == "granian-worker" and process.pid:
                os.kill(process.pid, signal.SIGHUP)

    signal.signal(signal.SIGHUP, pass_on)


def _check_port(rules: Serve) -> None:
    family = socket.AF_INET6 if ":" in rules.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((rules.host, rules.port))
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {rules.host}:{rules.port}: {error.strerror}",
                where="serve",
                fix="stop what listens there, or choose another with --port",
            ) from None


def edge_of(root: Path) -> Edge:
    """The application of a worker process, with the inbox opened."""
    tell_in_json()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the application knows what to do
    settings = settings_of(root, os.environ)
    rules = settings.file.collect
    key = load_key(value=os.environ.get(KEY_VARIABLE), path=root / KEY_FILE)
    folder = root / STATE / _TALLIES
    storage = settings.file.storage
    online = open_online(storage.online, root / STATE / _ONLINE, map_bytes=storage.online_gb << 30)
    stops = Stops(online)
    tokens = Tokens(key, settings.file.feedback.keys)
    desk = Desk(
        settings=settings,
        commits=Commits(inbox_at(root / STATE / INBOX, rules), bound=rules.waiting_mb << 20),
        seal=Seal(key, INBOX),
        secret=key.subkey("live ids"),
        tokens=tokens,
        online=online,
        stops=stops,
        decider=Decider(online, root / STATE / FOLDER, lambda: stops.now, utc_now),
        bidder=Bidder(
            online, _this_start(), tokens, key.subkey("bid notices"), days=settings.file.feedback.token_days
        ),
        pseudonyms=Pseudonyms(key),
        clock=utc_now,
        tally=Tally(folder),
        folder=folder,
    )
    return Edge(desk, endpoints_of, partial(settings_of, root, os.environ))


def _this_start() -> str:
    """A name for this start of a worker, like no other."""
    return f"bid.{os.getpid()}.{secrets.token_hex(6)}"
