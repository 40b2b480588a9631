"""The conformance suite is itself examined: it lets a right channel pass and catches broken ones."""

import inspect
from dataclasses import replace

import pytest

from omnimix.activation.channel.plan import Action
from omnimix.activation.channel.resource import (
    DisplayAdContent,
    KeywordContent,
    Kind,
    SearchAdContent,
    Status,
)
from omnimix.core.errors import InvalidInput, NotFound, OmnimixError
from omnimix.testing.channel import ChannelSuite


class Right:
    """A right channel in memory; accounts are shared by Setup, as those of a platform are."""

    name = "right"
    supports = frozenset(set(Kind) - {Kind.EMAIL})
    accounts: dict = {}  # noqa: RUF012 - one platform for all sessions is the point

    def __init__(self, setup):
        self.setup = setup
        self.live, self.keys, self.foreign = self.accounts.setdefault(
            str(setup.folder), ({}, set(), {"theirs": 1})
        )

    def read(self):
        return list(self.live.values())

    def write(self, change, *, idempotency_key):
        if self.seen(idempotency_key):
            return
        self.refuse(change)
        if change.action is Action.REMOVE:
            self.remove(change.subject)
        else:
            self.put(change.subject)
        self.keys.add(idempotency_key)

    def seen(self, key):
        return key in self.keys

    def refuse(self, change):
        subject = change.subject
        if subject.kind not in self.supports:
            raise InvalidInput("unsupported")
        if change.action is not Action.REMOVE:
            if subject.parent and subject.parent not in self.live:
                raise InvalidInput("no parent")
            for picture in pictures(subject):
                if (self.setup.pictures / picture.path).read_bytes() == b"another picture":
                    raise InvalidInput("changed")

    def put(self, resource):
        self.live[resource.key] = resource

    def remove(self, resource):
        self.live.pop(resource.key, None)


def pictures(resource):
    content = resource.content
    return [p for p in (getattr(content, f, None) for f in ("landscape", "square", "picture")) if p]


class Doubles(Right):
    def read(self):
        return [r for r in self.live.values() for _ in range(1 + (r.kind is Kind.KEYWORD))]


class ForgetsKeys(Right):
    def seen(self, key):
        return not key


class ForgetsOldKeys(Right):
    """Remembers keys within a session only."""

    def __init__(self, setup):
        super().__init__(setup)
        self.keys = set()


class TurnsOn(Right):
    def put(self, resource):
        super().put(replace(resource, status=Status.ENABLED))


class LosesField(Right):
    def put(self, resource):
        content = resource.content
        if isinstance(content, SearchAdContent):
            content = replace(content, paths=())
        super().put(replace(resource, content=content))


class TrimsText(Right):
    def put(self, resource):
        content = resource.content
        if isinstance(content, KeywordContent):
            content = replace(content, text=content.text.lstrip("-"))
        super().put(replace(resource, content=content))


class ShowsForeign(Right):
    def read(self):
        extra = (
            [replace(r, key="theirs") for r in list(self.live.values())[:1]] if self.foreign.get("seen") else []
        )
        return [*super().read(), *extra]


class RemovesForeign(Right):
    def remove(self, resource):
        super().remove(resource)
        self.foreign.clear()


class RemovesTooMuch(Right):
    def remove(self, resource):
        for key in [k for k in self.live if k.startswith(resource.parent or resource.key)]:
            self.live.pop(key)


class NeverRemoves(Right):
    def remove(self, resource):
        pass


class NeverUpdates(Right):
    def put(self, resource):
        self.live.setdefault(resource.key, resource)


class TakesAnything(Right):
    supports = frozenset(set(Kind) - {Kind.EMAIL, Kind.KEYWORD})

    def refuse(self, change):
        pass


class TakesOrphans(Right):
    def refuse(self, change):
        if change.subject.kind not in self.supports:
            raise InvalidInput("unsupported")


class IgnoresPictures(Right):
    def refuse(self, change):
        subject = change.subject
        if subject.kind not in self.supports or (
            change.action is Action.CREATE and subject.parent and subject.parent not in self.live
        ):
            raise InvalidInput("no")


class WrongError(Right):
    def refuse(self, change):
        try:
            super().refuse(change)
        except InvalidInput as error:
            raise NotFound(str(error)) from None


class InMemoryOnly(Right):
    def __init__(self, setup):
        super().__init__(setup)
        self.live, self.keys = {}, set()


class SwapsPictures(Right):
    def put(self, resource):
        content = resource.content
        if isinstance(content, DisplayAdContent):
            content = replace(content, landscape=content.square, square=content.landscape)
        super().put(replace(resource, content=content))


def suite_of(adapter):
    class Suite(ChannelSuite):
        def make(self, setup):
            return adapter(setup)

        def plant_foreign(self, channel, setup):
            del setup
            channel.foreign["seen"] = True
            return lambda: dict(channel.foreign)

    return Suite()


def failures(adapter, folder):
    """Names of the suite's tests that the adapter does not pass."""
    failed = []
    for name, _ in inspect.getmembers(ChannelSuite, inspect.isfunction):
        if name.startswith("test_"):
            try:
                getattr(suite_of(adapter), name)(folder / name)
            except (AssertionError, OmnimixError):
                failed.append(name)
    return failed


def test_a_right_channel_passes(tmp_path):
    assert failures(Right, tmp_path) == []


BROKEN = Right.__subclasses__()


@pytest.mark.parametrize("adapter", BROKEN)
def test_a_broken_channel_is_caught(adapter, tmp_path):
    assert failures(adapter, tmp_path)
