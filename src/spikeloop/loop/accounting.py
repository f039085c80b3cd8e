"""Accounts of a run: how long each stage took, and which messages didn't arrive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spikeloop.metrics.distribution import distribution


@dataclass
class _Stage:
    own_ms: list[float] = field(default_factory=list)
    since_ms: list[float] = field(default_factory=list)


class StageTimes:
    """Latencies of the nodes' outputs, from their traces.

    All times are CLOCK_MONOTONIC of one machine, ns, so they compare across its processes.
    """

    def __init__(self) -> None:
        """Know of no measurement yet."""
        self._sent: dict[int, int] = {}
        self._stages: dict[tuple[str, str], _Stage] = {}

    def sent(self, stamp_ns: int, at_ns: int) -> None:
        """Note when the measurements of a stamp left; one that is sent again counts from then."""
        self._sent[stamp_ns] = at_ns

    def add(
        self,
        node: str,
        topic: str,
        stamps: Sequence[int],
        received: Sequence[int],
        published: Sequence[int],
    ) -> None:
        """Take a trace of a node's output: one element an output in each list, ns."""
        stage = self._stages.setdefault((node, topic), _Stage())
        for stamp, came, left in zip(stamps, received, published, strict=True):
            stage.own_ms.append((left - came) / 1e6)
            if stamp in self._sent:
                stage.since_ms.append((left - self._sent[stamp]) / 1e6)

    def summary(self) -> list[dict[str, Any]]:
        """One entry an output, the one that is soonest after its measurement first.

        Each has `node`, `topic`, `outputs`, `own_ms` (from the newest input to the output) and
        `since_measurement_ms`, both as `spikeloop.metrics.distribution` tells them.
        """
        entries = [
            {
                "node": node,
                "topic": topic,
                "outputs": len(stage.own_ms),
                "own_ms": distribution(stage.own_ms),
                "since_measurement_ms": distribution(stage.since_ms) if stage.since_ms else None,
            }
            for (node, topic), stage in self._stages.items()
            if stage.own_ms
        ]
        return sorted(entries, key=_since_measurement)


def _since_measurement(entry: dict[str, Any]) -> float:
    since = entry["since_measurement_ms"]
    return float("inf") if since is None else float(since["median"])


SENT, RECEIVED = "sent ", "received "
"""Keys under which nodes tell their counts in diagnostics, each followed by the topic."""
READERS, WRITERS = "readers ", "writers "
"""Keys under which they tell how many are matched with them, each followed by the topic."""


def messages_lost(values: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Which messages didn't arrive, from the counts that the nodes told last.

    Args:
        values: diagnostic values of each node, as told after the traffic had ended.

    Returns:
        One entry a topic and reader: `topic`, `writer`, `reader`, `sent`, `lost`. Topics that
        several nodes write, or none of these, are left out, for nobody can tell whose arrived.

    """
    writers: dict[str, list[tuple[str, int]]] = {}
    for node, of_node in values.items():
        for topic, count in _counts(of_node.items(), SENT):
            writers.setdefault(topic, []).append((node, count))
    entries = []
    for node, of_node in values.items():
        for topic, count in _counts(of_node.items(), RECEIVED):
            if len(writers.get(topic, [])) == 1:
                writer, sent = writers[topic][0]
                entries.append(
                    {
                        "topic": topic,
                        "writer": writer,
                        "reader": node,
                        "sent": sent,
                        "lost": max(0, sent - count),
                    }
                )
    return entries


def _counts(pairs: Iterable[tuple[str, str]], prefix: str) -> list[tuple[str, int]]:
    return [
        (key.removeprefix(prefix), int(value)) for key, value in pairs if key.startswith(prefix)
    ]
