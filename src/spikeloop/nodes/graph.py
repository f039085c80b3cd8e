"""Finds out why a topic stays silent: another type, QoS that doesn't match, another name.

Fast DDS reports neither a type that differs nor a name that nobody publishes, so the graph itself
is looked at.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy


@dataclass(frozen=True)
class Endpoint:
    """One topic that the node reads or writes."""

    topic: str
    type: str
    qos: QoSProfile
    writes: bool


def find_mismatches(node: Node, endpoints: list[Endpoint]) -> list[str]:
    """What keeps the node's endpoints from meeting those of others, a sentence each."""
    own = node.get_fully_qualified_name()
    found = []
    for end in endpoints:
        resolved = node.resolve_topic_name(end.topic)
        others = (
            node.get_subscriptions_info_by_topic(resolved)
            if end.writes
            else node.get_publishers_info_by_topic(resolved)
        )
        for other in others:
            name = f"{other.node_namespace.rstrip('/')}/{other.node_name}"
            if name == own:
                continue
            if "_NODE_NAME_UNKNOWN_" in name:  # an endpoint can be discovered before its node
                name = "a node whose name isn't known yet"
            if other.topic_type != end.type:
                found.append(
                    f"{resolved}: {own} has type {end.type}, {name} has type {other.topic_type}"
                )
                continue
            writer, reader = (end.qos, other.qos_profile)
            if not end.writes:
                writer, reader = reader, writer
            if problem := _incompatible(writer, reader):
                found.append(f"{resolved}: {own} and {name} don't match: {problem}")
    return found


def _incompatible(writer: QoSProfile, reader: QoSProfile) -> str:
    """Which policy of a reader asks for more than the writer offers; empty if none.

    Deadlines and leases are left out: we ask for none, and the graph tells an unset one as another
    number than the profile does.
    """
    if (
        reader.reliability == QoSReliabilityPolicy.RELIABLE
        and writer.reliability == QoSReliabilityPolicy.BEST_EFFORT
    ):
        return "reliability: the reader asks for reliable, the writer offers best effort"
    if (
        reader.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL
        and writer.durability == QoSDurabilityPolicy.VOLATILE
    ):
        return "durability: the reader asks for transient local, the writer offers volatile"
    return ""


def similar_published(node: Node, topic: str) -> str:
    """A sentence on a topic without publishers, naming similar ones that have some."""
    resolved = node.resolve_topic_name(topic)
    published = [
        name
        for name, _ in node.get_topic_names_and_types()
        if name != resolved and node.count_publishers(name)
    ]
    last = resolved.rsplit("/", 1)[-1]
    near = [name for name in published if name.rsplit("/", 1)[-1] == last]
    near = near or difflib.get_close_matches(resolved, published, n=2, cutoff=0.7)
    hint = f"; similar names that have: {', '.join(near)}" if near else ""
    return f"{resolved}: has no publisher{hint}"
