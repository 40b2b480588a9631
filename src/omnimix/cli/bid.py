"""`omnimix bid`: what exchanges were answered, what it cost, and what would be answered.

in   notices that became events, a match table, a bid request
out  an account, entries in the books, matched ids, a response
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import InvalidInput, NotFound
from omnimix.core.money import Money
from omnimix.flow.bids import book_bids, match_ids
from omnimix.flow.collect import settle_waiting
from omnimix.flow.try_bid import curves_of, try_bid

bid = typer.Typer(no_args_is_help=True, help="Ad exchanges: bids, their prices, notices and books (OpenRTB).")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bid, name="bid")


@bid.command("books")
def books(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """Settle what exchanges billed: spend by day and ad, media in each campaign's books, wins never billed.

    Safe to do again: each bid counts once. `omnimix run` does it, too, where [bid.exchanges] are declared.
    """
    with opened(workspace) as (_, machine):
        settle_waiting(machine)
        found, posted = book_bids(machine)
        currency = machine.currency
    if json:
        show.as_json({"accounts": found, "posted": posted, "currency": currency})
    elif not found:
        show.out.print("no exchange has told of a win or a bill yet")
    else:
        show.as_table(
            ("exchange", "campaign", "billed", "spend", "won, not billed", "won, waiting"),
            [
                (a.exchange, a.campaign, a.billed, str(Money(a.spend_minor, currency)), a.unbilled, a.waiting)
                for a in found
            ],
        )
        show.out.print(f"{posted} entries posted")
    return 0


@bid.command("match")
def match(
    exchange: Annotated[str, typer.Argument(help="A name in [bid.exchanges], or a source of ids in its `eids`.")],
    file: Annotated[Path, typer.Argument(help="CSV without header: the exchange's id, our anonymous_id.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Take in a match table (cookie sync), so that people are known in bid requests. Only pseudonyms are kept."""
    with opened(workspace) as (settings, machine):
        named = settings.file.bid.exchanges
        if exchange not in named and all(exchange not in e.eids for e in named.values()):
            raise NotFound(
                f"there is no exchange {exchange!r}", where="bid.exchanges", fix="declare it in omnimix.toml"
            )
        count = match_ids(machine, exchange, _pairs(file))
    if json:
        show.as_json({"exchange": exchange, "matched": count})
    else:
        show.out.print(f"{count:,} ids of {exchange} matched")
    return 0


def _pairs(file: Path) -> Iterator[tuple[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            for number, row in enumerate(csv.reader(lines), start=1):
                if len(row) != 2:
                    raise InvalidInput(
                        f"it has {len(row)} columns", where=f"{file}:{number}", fix="give theirs,ours on each line"
                    )
                yield row[0], row[1]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot be read: {error}", where=str(file), fix="give a CSV file in UTF-8") from None


@bid.command("try")
def try_(
    exchange: Annotated[str, typer.Argument(help="A name in [bid.exchanges].")],
    file: Annotated[Path, typer.Argument(help="A bid request as JSON.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """What a bid request would be answered now. Nothing is bid, spent or kept."""
    try:
        body = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error}", where=str(file), fix="give a file") from None
    with opened(workspace) as (settings, machine):
        found = try_bid(
            settings.file.bid, settings.file.consent, settings.file.serve.public_url, machine, exchange, body
        )
    if json:
        show.as_json(found)
    elif found.response is None:
        show.out.print(f"no bid: {found.reason}")
    else:
        show.out.print_json(msgspec.json.encode(found.response).decode())
    return 0


@bid.command("curves")
def curves(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """How likely a price wins, as learnt of each exchange and size, and from how many bids."""
    with opened(workspace) as (_, machine):
        found = curves_of(machine)
    if json:
        show.as_json({"curves": found})
    elif not found:
        show.out.print("no bid has come to its end yet")
    else:
        show.as_table(
            ("exchange, size", "bids", "won", "wins half at (CPM)", "slope"),
            [(c.name, c.bids, c.wins, f"{c.middle:.2f}", f"{c.slope:.1f}") for c in found],
        )
    return 0
