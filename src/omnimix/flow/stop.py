"""The kill switch where campaigns are run: thrown and lifted by a person; what is stopped goes to no channel.

in   a Machine, a campaign's key
out  the switch changed, with its audit entry; or NotAllowed for a stopped campaign
"""

from datetime import UTC

from omnimix.activation.decide import stop
from omnimix.flow.machine import Machine
from omnimix.governance import audit


def set_stop(machine: Machine, campaign: str, *, stopped: bool, by: str, why: str = "") -> None:
    """Stop a campaign (or `stop.ALL`) or lift its stop, and write it into the audit.

    The switch comes first: it must not wait. Raises NotFound when what is to be lifted is not stopped.
    """
    now = machine.clock()
    online = machine.online()
    try:
        if stopped:
            at_us = int(now.replace(tzinfo=UTC).timestamp() * 1e6)
            stop.stop(online, campaign, stop.Stop(at_us, by, why))
        else:
            stop.resume(online, campaign)
    finally:
        online.close()
    action = "campaign.stop" if stopped else "campaign.resume"
    with machine.ledger.begin() as session:
        audit.append(session, actor=by, action=action, subject=campaign, detail={"why": why}, now=now)
    with machine.ledger() as session:
        machine.anchor.write(session)


def refuse_stopped(machine: Machine, campaign: str) -> None:
    """Raises NotAllowed for a campaign that is stopped."""
    if not machine.online_url and not (machine.warehouse.local.root.parent / "online").exists():
        return  # nobody ever had an online store here, so nobody stopped anything
    online = machine.online()
    try:
        stop.refuse_stopped(online, campaign)
    finally:
        online.close()
