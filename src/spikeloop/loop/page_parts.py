"""Parts that reports are made of, as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from spikeloop.loop.drawing import lines


def text(value: object) -> str:
    """As text of a page."""
    return html.escape(str(value))


def chart(title: str, time: Sequence[float], series: Mapping[str, Sequence[float]]) -> str:
    """A heading and series over time, s."""
    return f"<h2>{text(title)}</h2>{lines(time, series)}"
