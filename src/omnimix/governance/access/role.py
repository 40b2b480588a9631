"""Roles and what each may do.

in   nothing
out  Role and Right; `require`, which guards an act
"""

from collections.abc import Collection
from enum import StrEnum

from omnimix.core.errors import NotAllowed


class Right(StrEnum):
    """One kind of act."""

    SEE = "see"  # campaigns, variants, reports, without personal data
    EDIT = "edit"  # change the words of a variant
    DECIDE = "decide"  # approve and reject
    STOP = "stop"  # stop a campaign everywhere, and let it go on
    AUDIT = "audit"  # read the audit
    PRIVACY = "privacy"  # see and erase what is kept of a person
    ACCOUNTS = "accounts"  # make, change and close accounts


class Role(StrEnum):
    """What a person is to the machine; one person may have several."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    PRIVACY_OFFICER = "privacy_officer"
    ADMIN = "admin"

    @property
    def rights(self) -> frozenset[Right]:
        """What the role may do. An admin gives out rights but does not decide: nobody approves by office."""
        return _RIGHTS[self]


_RIGHTS = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.EDITOR: frozenset({Right.SEE, Right.EDIT}),
    Role.APPROVER: frozenset({Right.SEE, Right.EDIT, Right.DECIDE, Right.STOP}),
    Role.PRIVACY_OFFICER: frozenset({Right.SEE, Right.AUDIT, Right.PRIVACY, Right.STOP}),
    Role.ADMIN: frozenset({Right.SEE, Right.AUDIT, Right.ACCOUNTS, Right.STOP}),
}


def rights_of(roles: Collection[Role]) -> frozenset[Right]:
    """Everything that somebody with these roles may do."""
    return frozenset().union(*(role.rights for role in roles))


def require(roles: Collection[Role], right: Right, *, who: str) -> None:
    """Raise NotAllowed unless one of the roles has the right."""
    if right not in rights_of(roles):
        able = ", ".join(role for role in Role if right in role.rights)
        raise NotAllowed(f"{who} may not {right}", where="accounts", fix=f"ask somebody who is {able}")
