"""Which source each stored event is read as.

in   a Machine
out  Sources by name: those of omnimix.toml, those of write keys, those of feedback and of notices
"""

from collections.abc import Mapping
from dataclasses import replace

from omnimix.activation.bid.notice import PROPERTIES
from omnimix.activation.bid.notice import SOURCE as NOTICES
from omnimix.activation.decide.feedback import FEEDBACK
from omnimix.data.source.spec import Source
from omnimix.flow.machine import Machine

INBOX = "inbox"  # folder beside the facts, and what its seal is for


def live_sources(machine: Machine) -> Mapping[str, Source]:
    """The source that each write key stands for."""
    return dict.fromkeys(machine.collect.write_keys, machine.live)


def sources_of(machine: Machine) -> Mapping[str, Source]:
    """Every source, live ones among them."""
    return {**machine.sources, **live_sources(machine)}


def readers(machine: Machine) -> Mapping[str, Source]:
    """How events of the inbox are read, by their source. Feedback alone may say which person it is about."""
    told = replace(machine.live, properties=(*machine.live.properties, "properties.person"))
    noticed = replace(machine.live, properties=tuple(f"properties.{name}" for name in PROPERTIES))
    return {**live_sources(machine), FEEDBACK: told, NOTICES: noticed}
