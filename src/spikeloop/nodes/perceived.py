"""What perception said, as named numbers, for criteria that judge it against the truth."""

from __future__ import annotations

from collections.abc import Callable

from spikeloop.nodes.messages import Message


def perceived(message: Message) -> dict[str, float]:
    """Numbers by name; none of a message that no criteria judge.

    Of a PlaceMatch: told_place (-1 for none), told_new (0 or 1), told_score, told_threshold. Of a
    PoseWithCovarianceStamped: told_x, told_y (m), told_variance (of x, m^2).
    """
    tell = _NUMBERS.get(type(message).__name__)
    return {} if tell is None else tell(message)


def _place(message: Message) -> dict[str, float]:
    return {
        "told_place": float(message.index),
        "told_new": float(message.is_new),
        "told_score": float(message.score),
        "told_threshold": float(message.threshold),
    }


def _pose(message: Message) -> dict[str, float]:
    at = message.pose.pose.position
    return {
        "told_x": float(at.x),
        "told_y": float(at.y),
        "told_variance": float(message.pose.covariance[0]),
    }


_NUMBERS: dict[str, Callable[[Message], dict[str, float]]] = {
    "PlaceMatch": _place,
    "PoseWithCovarianceStamped": _pose,
}
