"""Who of the loop is alive: each member says so twice a second on `/diagnostics`."""

from __future__ import annotations

from collections.abc import Iterable

START_S = 30.0


class Liveness:
    """Notes when each member was last heard of, by the steady clock.

    A member that isn't active yet may be at one long thing, such as loading a network or building a
    world, so it is waited for longer.
    """

    def __init__(
        self, members: Iterable[str], timeout_s: float, start_timeout_s: float = START_S
    ) -> None:
        """Watch `members` (full node names); nobody counts as silent before it was heard once."""
        self._timeout_ns = round(timeout_s * 1e9)
        self._start_ns = max(round(start_timeout_s * 1e9), self._timeout_ns)
        self._heard: dict[str, int | None] = dict.fromkeys(members)
        self._started: set[str] = set()

    def heard(self, member: str, now_ns: int, is_active: bool = True) -> None:
        """Note a sign of life; others than members are ignored."""
        if member in self._heard:
            self._heard[member] = now_ns
            if is_active:
                self._started.add(member)

    def unheard(self) -> set[str]:
        """Members that gave no sign of life yet."""
        return {member for member, heard in self._heard.items() if heard is None}

    def silent(self, now_ns: int) -> str:
        """The member that is silent for longest beyond the time-out, as a sentence; or empty."""
        gone = [
            (heard, member)
            for member, heard in self._heard.items()
            if heard is not None and now_ns - heard > self._patience(member)
        ]
        if not gone:
            return ""
        heard, member = min(gone)
        return f"{member} gave no sign of life for {(now_ns - heard) / 1e9:.1f} s"

    def _patience(self, member: str) -> int:
        return self._timeout_ns if member in self._started else self._start_ns
