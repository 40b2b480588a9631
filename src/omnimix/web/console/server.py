"""The console's server: one process, bound to loopback unless told otherwise.

in   a workspace's settings
out  nothing while it runs
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from omnimix.app import machine_of, settings_of
from omnimix.core.clock import Clock, utc_now
from omnimix.core.errors import InvalidInput
from omnimix.governance.access.account import accounts
from omnimix.settings import ConsoleRules, Settings
from omnimix.web.console.app import Console, application
from omnimix.web.console.guard import Guard

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def serve_console(settings: Settings, rules: ConsoleRules, *, begun: Callable[[], None] = lambda: None) -> None:
    """Serve the pages until told to stop. Raises InvalidInput while nobody could sign in."""
    with machine_of(settings, os.environ) as machine, machine.ledger() as session:
        if not any(not a.closed for a in accounts(session)):
            raise InvalidInput(
                "nobody could sign in: there is no account",
                where="console",
                fix="omnimix account add NAME --role approver",
            )
    server = Server(
        "omnimix.web.console.server",
        address=rules.host,
        port=rules.port,
        interface=Interfaces.ASGI,
        workers=1,
        websockets=False,
        log_level=LogLevels.error,
    )
    server.on_startup(begun)
    loader: Any = partial(console_of, settings.root)  # granian's type names functions only
    server.serve(target_loader=loader, wrap_loader=False)


def console_of(root: Path, *, clock: Clock = utc_now) -> FastAPI:
    """The console of a workspace, its stores open until the application shuts down."""
    settings = settings_of(root, os.environ)
    opened = machine_of(settings, os.environ, clock=clock)
    machine = opened.__enter__()
    rules = settings.file.console
    hosts = _LOOPBACK | {rules.host.lower()} | {h.lower() for h in rules.hosts}
    guard = Guard(machine.ledger, machine.key.subkey("console"), machine.clock, hosts)
    app = application(Console(machine, settings.jobs, guard))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        opened.__exit__(None, None, None)

    app.router.lifespan_context = lifespan
    return app
