"""A table file that an ad platform imports, used as a channel: what it holds is what it says.

in   changes; the file as it is, with rows of ours and perhaps rows of others
out  the file with the changes in it, replaced in one step; our resources read back from it

A platform's `Form` says which columns there are and how a resource becomes rows and rows become resources.
Rows without our label are kept as they are and never read as ours. A removed resource stays as a row with the
platform's word for removed, because the platform forgets nothing by leaving it out.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from omnimix.activation.channel.plan import Action, Change
from omnimix.activation.channel.resource import (
    AdGroupContent,
    CampaignContent,
    DisplayAdContent,
    Kind,
    Picture,
    Resource,
    SocialAdContent,
)
from omnimix.activation.channel.seen_keys import SeenKeys
from omnimix.core.errors import InvalidInput, Unavailable

LABEL = "omnimix"
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode categories Cc and Cs
_NEUTRAL = re.compile(r"'+[=+\-@\t\r]")

Row = dict[str, str]  # column → cell; columns that are not named are empty


@dataclass(frozen=True, slots=True)
class Held:
    """A resource in the file; removed ones stay as a row that tells the platform so."""

    resource: Resource
    removed: bool = False


Holding = Mapping[str, Held]


class Form(Protocol):
    """How one platform's file looks."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column, in order."""
        ...

    @property
    def head(self) -> tuple[Row, ...]:
        """Rows that come first whatever the file holds."""
        ...

    @property
    def encoding(self) -> str:
        """`utf-8`, or `utf-8-sig` with a byte order mark."""
        ...

    def rows(self, held: Holding) -> Iterator[Row]:
        """The rows of everything held, parents first."""
        ...

    def held(self, rows: Sequence[Row], picture: "PictureReader") -> tuple[dict[str, Held], list[Row]]:
        """What the rows hold of ours, and the rows that are not ours."""
        ...


class PictureReader(Protocol):
    """Reads a picture beside the file by the name in a cell."""

    def __call__(self, name: str) -> Picture:
        """The picture's path and digest; an empty digest when the file is gone."""
        ...


def safe_cell(text: str, *, where: str) -> str:
    """`text` as a cell that a spreadsheet will not run: a leading = + - @ gets an apostrophe before it.

    The OWASP rule against CSV injection; `plain_cell` undoes it exactly. Raises InvalidInput for control
    characters, which no platform takes in a name or a text.
    """
    if _CONTROL.search(text):
        raise InvalidInput("the text holds a line break or control character", where=where, fix="take it out")
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(cell: str) -> str:
    """The text that `safe_cell` made `cell` of."""
    return cell[1:] if _NEUTRAL.match(cell) else cell


def picture_name(picture: Picture) -> str:
    """A flat file name that the picture's path can be read from."""
    return picture.path.replace("/", "~")


def place_names(held: Holding) -> dict[str, tuple[str, str]]:
    """For each key, the names of the campaign and of the ad group it lies in or is; empty where there is none."""
    named: dict[str, tuple[str, str]] = {}
    for key, entry in held.items():  # parents come first
        content, above = entry.resource.content, named.get(key.rpartition("/")[0], ("", ""))
        if isinstance(content, CampaignContent):
            named[key] = content.name, ""
        elif isinstance(content, AdGroupContent):
            named[key] = above[0], content.name
        else:
            named[key] = above
    return named


class BulkFile:
    """One such file in a folder, with its pictures beside it in `<name>_images`."""

    def __init__(self, folder: Path, name: str, form: Form, *, supports: frozenset[Kind], pictures: Path) -> None:
        self.path = folder / f"{name}.csv"
        self.name, self.form, self.supports, self.pictures = name, form, supports, pictures
        self._images = folder / f"{name}_images"
        self._stamp: tuple[int, int, int] | None = None
        self._held: dict[str, Held] = {}
        self._foreign: list[Row] = []
        self._keys = SeenKeys(folder / f".{name}.keys")

    def read(self) -> Iterator[Resource]:
        """Our resources, as the file and the pictures beside it now are."""
        self._stamp = None
        self._load()
        yield from (h.resource for h in self._held.values() if not h.removed)

    def write(self, change: Change, *, idempotency_key: str) -> None:
        """Put one change into the file, unless its key was there before."""
        self._load()
        if idempotency_key in self._keys:
            return
        self._refuse(change)
        held = dict(self._held)
        if change.action is Action.REMOVE:
            if change.subject.key in held:
                held[change.subject.key] = Held(held[change.subject.key].resource, removed=True)
        else:
            held[change.subject.key] = Held(change.subject)
            self._refuse_loss(change.subject, held)
        try:
            self._store(held, change)
            self._keys.add(idempotency_key)
        except OSError as error:
            raise Unavailable(
                f"the file cannot be written: {error}", where=str(self.path), fix="check folder and space"
            ) from None

    def _refuse(self, change: Change) -> None:
        subject, where = change.subject, f"{self.name}: {change.subject.key}"
        if subject.kind not in self.supports:
            raise InvalidInput(f"the channel cannot hold a {subject.kind}", where=where)
        prefix = subject.key.rpartition("/")[0]
        root = subject.kind is Kind.CAMPAIGN
        if subject.parent != (None if root else prefix):
            raise InvalidInput(f"its key does not start with its parent's key {subject.parent!r}", where=where)
        if change.action is Action.REMOVE:
            children = (h for k, h in self._held.items() if k.startswith(subject.key + "/"))
            if not all(h.removed for h in children):
                raise InvalidInput("it still has children", where=where, fix="remove those first")
        elif subject.parent and not self._is_live(subject.parent):
            raise InvalidInput(f"its parent {subject.parent!r} is not there", where=where, fix="create it first")
        else:
            self._refuse_twin(subject, where=where)

    def _refuse_loss(self, subject: Resource, held: Holding) -> None:
        """What the file cannot say must not be written: the rows have to read back as what they were made of."""
        parts = subject.key.split("/")
        branch = {k: held[k] for i in range(len(parts)) if (k := "/".join(parts[: i + 1])) in held}
        empty = dict.fromkeys(self.form.columns, "")
        rows = [empty | row for row in self.form.rows(branch)]
        given = {picture_name(p): p for p in _pictures(subject)}
        back, foreign = self.form.held(rows, lambda name: given.get(name, Picture(name, "")))
        if foreign or back != branch:
            raise InvalidInput(
                f"the file cannot carry this {subject.kind} without loss",
                where=f"{self.name}: {subject.key}",
                fix="leave no text of it empty, and keep commas, semicolons and brackets out of its names",
            )

    def _refuse_twin(self, subject: Resource, *, where: str) -> None:
        """Platforms know a campaign or an ad group by its name."""
        if not isinstance(subject.content, CampaignContent | AdGroupContent):
            return
        for entry in self._held.values():
            other = entry.resource
            if entry.removed or other.key == subject.key:
                continue
            same_place = other.kind is subject.kind and other.parent == subject.parent
            if same_place and getattr(other.content, "name", None) == subject.content.name:
                raise InvalidInput(
                    f"{other.key!r} already has the name {subject.content.name!r}",
                    where=where,
                    fix="give the campaign another name",
                )

    def _is_live(self, key: str) -> bool:
        return key in self._held and not self._held[key].removed

    def _store(self, held: dict[str, Held], change: Change) -> None:
        ordered = dict(sorted(held.items(), key=lambda item: item[0].split("/")))
        text = self._text(ordered)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if change.action is not Action.REMOVE:
            for picture in _pictures(change.subject):
                self._copy(picture)
        draft = self.path.with_name(f".{self.path.name}.{uuid4().hex}")
        draft.write_bytes(text.encode(self.form.encoding))
        draft.replace(self.path)
        self._held, self._stamp = ordered, self._now()

    def _text(self, held: Holding) -> str:
        out = io.StringIO(newline="")
        rows = csv.writer(out)
        empty = dict.fromkeys((*self.form.columns, *(c for row in self._foreign for c in row)), "")
        rows.writerow(empty)
        for row in (*self.form.head, *self.form.rows(held), *self._foreign):
            rows.writerow((empty | row).values())
        return out.getvalue()

    def _copy(self, picture: Picture) -> None:
        source = self.pictures / picture.path
        try:
            content = source.read_bytes()
        except OSError:
            raise InvalidInput("the picture file is missing", where=str(source), fix="render it again") from None
        if hashlib.sha256(content).hexdigest() != picture.sha256:
            raise InvalidInput("the picture was changed after approval", where=str(source), fix="submit it again")
        target = self._images / picture_name(picture)
        if not (target.exists() and target.read_bytes() == content):
            self._images.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{uuid4().hex}")
            draft.write_bytes(content)
            draft.replace(target)

    def _picture(self, name: str) -> Picture:
        file = self._images / name
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest() if name and file.is_file() else ""
        return Picture(name.replace("~", "/"), sha256)

    def _now(self) -> tuple[int, int, int] | None:
        if not self.path.exists():
            return None
        state = self.path.stat()
        return state.st_ino, state.st_mtime_ns, state.st_size

    def _load(self) -> None:
        """Read the file again when it is not the one last seen."""
        stamp = self._now()
        if stamp is None:
            self._held, self._foreign, self._stamp = {}, [], None
            self._keys.forget()  # without the file nothing that was written is there
        elif stamp != self._stamp:
            rows = read_rows(self.path, self.form)
            self._held, self._foreign = self.form.held(rows, self._picture)
            self._stamp = stamp


def read_rows(path: Path, form: Form) -> list[Row]:
    """The rows of a file of that form after its head. Raises InvalidInput when it is not one."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        listed = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise InvalidInput(
            f"the file cannot be read: {error}", where=str(path), fix="restore it, or move it away to start anew"
        ) from None
    header = listed[0] if listed else []
    missing = [c for c in form.columns if c not in header]
    if missing:
        raise InvalidInput(
            f"column {missing[0]!r} is missing", where=str(path), fix="restore it, or move the file away"
        )
    rows = [dict(zip(header, cells, strict=False)) for cells in listed[1:]]
    empty = dict.fromkeys(header, "")
    heads = [empty | h for h in form.head]
    return [row for row in (empty | r for r in rows) if row not in heads]


def _pictures(resource: Resource) -> Iterable[Picture]:
    content = resource.content
    if isinstance(content, DisplayAdContent):
        return content.landscape, content.square
    return (content.picture,) if isinstance(content, SocialAdContent) else ()
