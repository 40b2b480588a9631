"""Which customer lists an ad group is shown to, so that lanes stay apart on every platform.

in   campaign key, the segments with a creative of their own, the rungs promoted so far
out  list names; a list is named for its lane and segment: `omnimix spring lane=segment segment=loyal`

The broad ad group keeps out everybody a segment's ad group is for, so that strangers and the lanes `broad`,
`relevant` and unpromoted `follow` see the broad creative. The `none` lane is kept out of everything, which is
what makes the campaign's effect measurable; `withheld` holds those whom the eligibility rules spare.
"""

import hashlib
from collections.abc import Mapping, Sequence

from omnimix.activation.experiment.ladder import FOLLOW, Rung

OWN_CREATIVE = (Rung.SEGMENT, Rung.SEQUENCE, Rung.MOMENT)


def list_name(campaign: str, lane: str, segment: str | None = None) -> str:
    """The name of the list of one lane, of one segment or of everybody."""
    of = f" segment={segment}" if segment else ""
    return f"omnimix {campaign} lane={lane}{of}"


def list_place(name: str) -> str:
    """The last part of the key of a list: `list-` and ten hex characters of its name's SHA-256."""
    return f"list-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def kept_out(campaign: str) -> tuple[str, ...]:
    """Lists that no ad of the campaign is shown to."""
    return list_name(campaign, Rung.NONE), list_name(campaign, "withheld")


def own_lists(campaign: str, segment: str, *, promoted: Mapping[str, Rung]) -> tuple[str, ...]:
    """Lists that see the segment's own creative; `follow` joins them once the segment is promoted that far."""
    lanes = [r.value for r in OWN_CREATIVE]
    if promoted.get(segment) in OWN_CREATIVE:
        lanes.append(FOLLOW)
    return tuple(list_name(campaign, lane, segment) for lane in lanes)


def others_lists(campaign: str, segments: Sequence[str], *, promoted: Mapping[str, Rung]) -> tuple[str, ...]:
    """Lists that see some segment's creative, and so are kept out of the broad one."""
    return tuple(name for s in segments for name in own_lists(campaign, s, promoted=promoted))
