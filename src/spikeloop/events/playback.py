"""Pacing of a recording: when each packet is due."""

from __future__ import annotations


class Playback:
    """Maps recorded time to the clock of the player, with rate and pause.

    Packets go out by the time at which they were recorded, each exactly once.
    """

    def __init__(self, rate: float) -> None:
        """Play `rate` times as fast as recorded.

        Raises:
            ValueError: the rate isn't above 0.

        """
        if rate <= 0.0:
            raise ValueError(f"rate must be above 0, not {rate:g}")
        self._rate = rate
        self._first_ns: int | None = None
        self._began_s = 0.0
        self._paused_at: float | None = None

    def start(self, first_ns: int, now_s: float) -> None:
        """Begin, or begin again, with the packet that was recorded at `first_ns`."""
        self._first_ns, self._began_s = first_ns, now_s
        if self._paused_at is not None:
            self._paused_at = now_s

    def is_due(self, recorded_ns: int, now_s: float) -> bool:
        """Whether a packet is to go out by now; never while paused."""
        if self._first_ns is None or self._paused_at is not None:
            return False
        return (recorded_ns - self._first_ns) / 1e9 <= (now_s - self._began_s) * self._rate

    def position_ns(self, now_s: float) -> int:
        """The recorded time that has come by now; it stands while paused, and is 0 before."""
        if self._first_ns is None:
            return 0
        at = now_s if self._paused_at is None else self._paused_at
        return self._first_ns + round(1e9 * (at - self._began_s) * self._rate)

    def pause(self, now_s: float) -> None:
        """Stand still from now on."""
        if self._paused_at is None:
            self._paused_at = now_s

    def resume(self, now_s: float) -> None:
        """Go on where it stood, without catching up."""
        if self._paused_at is not None:
            self._began_s += now_s - self._paused_at
            self._paused_at = None
