"""The `email_files` channel: each e-mail as files that any sending service takes.

in   changes
out  `email_files/<campaign>.<variant>.html`, `.txt` and `.json` (headers, lists, digests), pictures in `images/`

The `.json` says whom to send to and whom to keep out, so that the holdout stays one. Before sending, put the
pictures where the web can reach them or attach them by content id.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from omnimix.activation.channel.email_page import brand_findings, headers, html_body, text_body
from omnimix.activation.channel.plan import Action, Change
from omnimix.activation.channel.port import Setup
from omnimix.activation.channel.resource import EmailContent, Kind, Picture, Resource, from_plain, plain
from omnimix.activation.channel.seen_keys import SeenKeys
from omnimix.core.errors import InvalidInput, Unavailable

LABEL = "omnimix"


class EmailFiles:
    """Holds e-mails as files in a folder; see the module."""

    name = "email_files"
    supports = frozenset({Kind.EMAIL})

    def __init__(self, setup: Setup) -> None:
        self._folder = setup.folder / self.name
        self._keys = SeenKeys(setup.folder / f".{self.name}.keys")
        self._brand, self._pictures = setup.brand, setup.pictures

    def read(self) -> Iterator[Resource]:
        """Our e-mails; one whose files were changed or lost is not there."""
        for file in sorted(self._folder.glob("*.json")):
            resource = self._resource(file)
            if resource:
                yield resource

    def write(self, change: Change, *, idempotency_key: str) -> None:
        """Write or remove one e-mail's files. Raises InvalidInput for what the brand lacks."""
        subject = change.subject
        content = subject.content
        if not isinstance(content, EmailContent):
            raise InvalidInput(f"the channel cannot hold a {subject.kind}", where=f"{self.name}: {subject.key}")
        if not self._folder.exists():
            self._keys.forget()  # without the folder nothing that was written is there
        try:
            if idempotency_key in self._keys:
                return
            if change.action is Action.REMOVE:
                self._remove(subject)
            else:
                self._write(subject, content)
            self._keys.add(idempotency_key)
        except OSError as error:
            raise Unavailable(
                f"the e-mail cannot be written: {error}", where=str(self._folder), fix="check folder and space"
            ) from None

    def _write(self, resource: Resource, content: EmailContent) -> None:
        lacking = brand_findings(self._brand)
        if lacking:
            raise InvalidInput(lacking[0].why, where=lacking[0].where, fix=lacking[0].fix)
        self._folder.mkdir(parents=True, exist_ok=True)
        hero = self._copy(content.hero) if content.hero else ""
        html, text = html_body(content, self._brand, hero=hero), text_body(content, self._brand)
        facts = {
            "label": LABEL,
            "headers": headers(content, self._brand),
            "send_to": content.send_to,
            "keep_out": content.keep_out,
            "html_sha256": _sha256(html.encode()),
            "text_sha256": _sha256(text.encode()),
            "resource": plain(resource),
        }
        # The .json comes last: without it the other two count for nothing.
        _replace(self._file(resource, "html"), html.encode())
        _replace(self._file(resource, "txt"), text.encode())
        _replace(
            self._file(resource, "json"), json.dumps(facts, ensure_ascii=False, indent=1, default=str).encode()
        )

    def _remove(self, resource: Resource) -> None:
        for kind in ("json", "html", "txt"):
            self._file(resource, kind).unlink(missing_ok=True)

    def _file(self, resource: Resource, kind: str) -> Path:
        name = f"{resource.campaign}.{resource.key.rpartition('/')[2]}.{kind}"
        if "/" in name or "\\" in name or name.startswith("."):
            raise InvalidInput(f"{name!r} cannot be a file name", where=f"{self.name}: {resource.key}")
        return self._folder / name

    def _copy(self, picture: Picture) -> str:
        source = self._pictures / picture.path
        try:
            content = source.read_bytes()
        except OSError:
            raise InvalidInput("the picture file is missing", where=str(source), fix="render it again") from None
        if _sha256(content) != picture.sha256:
            raise InvalidInput("the picture was changed after approval", where=str(source), fix="submit it again")
        name = picture.path.replace("/", "~")
        (self._folder / "images").mkdir(exist_ok=True)
        _replace(self._folder / "images" / name, content)
        return f"images/{name}"

    def _resource(self, file: Path) -> Resource | None:
        try:
            facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(facts, dict) or facts.get("label") != LABEL:
                return None
            resource = from_plain(facts["resource"])
            whole = all(
                _digest_of(self._file(resource, kind)) == facts[name]
                for kind, name in (("html", "html_sha256"), ("txt", "text_sha256"))
            )
        except (OSError, ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
            raise InvalidInput(
                f"the file cannot be read: {error}", where=str(file), fix="delete it and plan again"
            ) from None
        return resource if whole and self._hero_is_there(resource) else None

    def _hero_is_there(self, resource: Resource) -> bool:
        content = resource.content
        if not isinstance(content, EmailContent) or content.hero is None:
            return True
        return _digest_of(self._folder / "images" / content.hero.path.replace("/", "~")) == content.hero.sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(file: Path) -> str:
    return _sha256(file.read_bytes()) if file.exists() else ""


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{uuid4().hex}")
    draft.write_bytes(content)
    draft.replace(file)
