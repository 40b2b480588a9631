"""The kill switch where campaigns are run: what is stopped goes to no channel.

in   a Machine, a campaign's key
out  nothing, or NotAllowed
"""

from omnimix.activation.decide import stop
from omnimix.flow.machine import Machine


def refuse_stopped(machine: Machine, campaign: str) -> None:
    """Raises NotAllowed for a campaign that is stopped."""
    if not machine.online_url and not (machine.warehouse.local.root.parent / "online").exists():
        return  # nobody ever had an online store here, so nobody stopped anything
    online = machine.online()
    try:
        stop.refuse_stopped(online, campaign)
    finally:
        online.close()
