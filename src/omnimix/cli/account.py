"""`omnimix account`: who may sign in to the console, and what they may do.

in   names, roles; passwords from a prompt or a file, never from the command line
out  accounts; every change is in the audit
"""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import InvalidInput
from omnimix.governance.access.account import Account, accounts, change, make
from omnimix.governance.access.role import Role

group = typer.Typer(no_args_is_help=True, help="Who may sign in to the console, and what they may do.")
ME = getpass.getuser()
RolesOption = Annotated[list[Role] | None, typer.Option("--role", help="May be given several times.")]
FileOption = Annotated[
    Path | None, typer.Option("--password-file", help="Read the password from the first line of this file.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="account")


@group.command("add")
def add(
    name: str,
    role: RolesOption = None,
    password_file: FileOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Make an account; without --role it may only look. The password is asked for, twice."""
    password = _password(password_file)
    with opened(workspace) as (_, machine):
        with machine.ledger.begin() as session:
            done = make(session, name, password, role or [Role.VIEWER], by=ME, now=machine.clock())
        with machine.ledger() as session:
            machine.anchor.write(session)
    _tell(done, "made", json)


@group.command("change")
def change_command(
    name: str,
    role: RolesOption = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    password_file: FileOption = None,
    close: Annotated[
        bool | None, typer.Option("--close/--open", help="Shut the account, or open it again.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Change roles or password, close or open an account; whoever is signed in by it is signed out."""
    new = _password(password_file) if password or password_file else None
    with opened(workspace) as (_, machine):
        with machine.ledger.begin() as session:
            done = change(session, name, by=ME, now=machine.clock(), password=new, roles=role, closed=close)
        with machine.ledger() as session:
            machine.anchor.write(session)
    _tell(done, "changed", json)


@group.command("list")
def list_command(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List the accounts with their roles."""
    with opened(workspace) as (_, machine), machine.ledger() as session:
        found = accounts(session)
    if json:
        show.as_json([_plain(a) for a in found])
    else:
        show.as_table(
            ("name", "roles", ""), [(a.name, ", ".join(a.roles), "closed" if a.closed else "") for a in found]
        )


def _password(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("password", hide_input=True, confirmation_prompt=True))
    try:
        return file.read_text("utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        raise InvalidInput("it holds no password", where=str(file), fix="write it into the first line") from None


def _tell(account: Account, done: str, json: bool) -> None:
    if json:
        show.as_json(_plain(account))
    else:
        show.out.print(f"{account.name} {done}: {', '.join(account.roles)}")


def _plain(account: Account) -> dict[str, object]:
    return {"name": account.name, "roles": list(account.roles), "closed": account.closed}
