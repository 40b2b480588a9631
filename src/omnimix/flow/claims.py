"""The claim ledger of a workspace, and what of a text it carries.

in   catalogue, brand.toml, a campaign's offer, orders, saved pages in `pages/*.html`
out  a Ledger; Verdicts on texts
"""

from omnimix.creative.brief.brief import BROAD
from omnimix.creative.ledger.bind import Verdict, bind
from omnimix.creative.ledger.gather import ledger_of
from omnimix.creative.ledger.ground import Ledger
from omnimix.flow.create import PAGES, bought
from omnimix.flow.machine import Job, Machine
from omnimix.flow.people import products_of


def claim_ledger(machine: Machine, job: Job | None = None) -> Ledger:
    """All grounds the workspace knows, the campaign's offer among them."""
    pages = {p.name: p.read_text("utf-8", errors="replace") for p in sorted((machine.root / PAGES).glob("*.htm*"))}
    return ledger_of(
        machine.brand,
        products_of(machine),
        campaign=job.campaign if job else None,
        buyers=bought(machine).get(BROAD, {}),
        pages=pages,
    )


def examine(
    machine: Machine, job: Job | None, texts: tuple[str, ...], shown: tuple[str, ...]
) -> list[list[Verdict]]:
    """Verdicts on each text, as it would stand beside the products `shown` until the campaign's last day."""
    ledger = claim_ledger(machine, job)
    today = machine.clock().date()
    last_day = max(today, job.campaign.ends_on) if job else today
    return [list(bind(t, ledger, shown=shown, last_day=last_day, exempt=(machine.brand.name,))) for t in texts]
