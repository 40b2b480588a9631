"""`omnimix serve`, `settle`: collect events over HTTP; make facts of what waits.

in   [serve] and [collect] of omnimix.toml
out  a server until it is told to stop; counts of what was settled
"""

import os
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import typer

from omnimix.app import settings_of
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.data.ingest import silent
from omnimix.flow.collect import settle_waiting
from omnimix.settings import Serve
from omnimix.web.server import serve as run_server

_SHOWN = ("files", "lines_read", "accepted", "duplicates", "rejected", "unidentified")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve")(serve)
    app.command("settle")(settle)


def serve(
    workspace: WorkspaceOption = HERE,
    host: Annotated[str | None, typer.Option(help="Address to listen on; serve.host, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; serve.port, else 8484.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer; serve.workers, else 1.")] = None,
    settle: Annotated[bool, typer.Option(help="Make facts of what waits while serving.")] = True,
    json: JsonOption = False,
) -> int:
    """Collect events: the Segment HTTP API for [bold]track, identify, page, screen, group, alias, batch[/].

    An event is on disk and known by its messageId before it is acknowledged. Point any Segment or RudderStack
    library at this address; on a page: <script async src="http://HOST:PORT/omnimix.js" data-key="WRITE_KEY">.

    The same port decides (/v1/decide), takes feedback (/v1/feedback, links and pixels), answers ad exchanges
    (/openrtb2/bid) and tells how it is: /health, /ready, /metrics. kill -HUP makes it read omnimix.toml anew
    without failing a request; Ctrl-C stops it. TLS, proxies and limits stand in the table serve of omnimix.toml.
    """
    settings = settings_of(workspace.resolve(), os.environ)
    given: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    rules = replace(settings.file.serve, **{k: v for k, v in given.items() if v is not None})
    names = sorted(settings.file.collect.write_keys)
    run_server(settings, rules, settle=settle, begun=partial(_begun, rules, names, json))
    return 0


def _begun(rules: Serve, names: list[str], json: bool) -> None:
    scheme, host = "https" if rules.cert else "http", f"[{rules.host}]" if ":" in rules.host else rules.host
    where = f"{scheme}://{host}:{rules.port}"
    if json:
        show.as_json({"serving": where, "sources": names, "workers": rules.workers})
        return
    show.err.print(
        f"serving on {where} for {', '.join(names)} → send events to {where}/v1/batch, "
        f"ask {where}/v1/decide; Ctrl-C stops",
        soft_wrap=True,
    )


def settle(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """Make facts of the events that wait in the inbox; `serve`, `ingest` and `run` do it too."""
    with opened(workspace) as (_, machine):
        found = settle_waiting(machine, silent if json else _tell)
    rows = {name: {c: getattr(counts, c) for c in _SHOWN} for name, counts in found.items()}
    if json:
        show.as_json({"sources": rows})
    elif rows:
        show.as_table(
            ("source", *(c.replace("_", " ").replace("files", "logs").replace("lines", "events") for c in _SHOWN)),
            [(name, *counts.values()) for name, counts in rows.items()],
        )
    else:
        show.out.print("nothing waits")
    return 0


def _tell(step: str) -> None:
    show.err.print(f"[dim]{step}[/]")
