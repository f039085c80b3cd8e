"""What every writer of event files does: takes pieces, and says what the format couldn't hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from spikeloop.events.array import Events, Triggers


class Writer(ABC):
    """A file being written; used in a `with` statement, which finishes it.

    Attributes:
        path: where it is written.
        dropped: what the format couldn't hold, by reason.
        notes: what is written beside the events, such as a shift of the time.

    """

    channels = 1 << 16
    """Trigger channels that the format can tell apart."""
    keeps_fine = False
    """Whether it keeps times below a microsecond."""

    def __init__(self, path: Path, width: int, height: int, notes: dict[str, str]) -> None:
        """Begin a file for a sensor of this size.

        Raises:
            OSError: it can't be written.

        """
        self.path, self.width, self.height, self.notes = path, width, height, notes
        self.dropped: Counter[str] = Counter()

    def write(self, events: Events, triggers: Triggers) -> None:
        """Write the next piece.

        Raises:
            EncodingError: the format can't hold it.

        """
        if not self.keeps_fine:
            for part, name in ((events, "events"), (triggers, "triggers")):
                if part.fine is not None:
                    count = int(np.count_nonzero(part.fine))
                    self.dropped[f"times of {name} cut to whole us"] += count
            events, triggers = replace(events, fine=None), replace(triggers, fine=None)
        fits = triggers.channel < self.channels
        if not fits.all():
            self.dropped[f"triggers of channels beyond {self.channels}"] += int((~fits).sum())
            fine = None if triggers.fine is None else triggers.fine[fits]
            triggers = Triggers(
                triggers.t[fits], triggers.channel[fits], triggers.value[fits], fine
            )
        if len(events) or len(triggers):
            self._write(events, triggers)

    @abstractmethod
    def _write(self, events: Events, triggers: Triggers) -> None:
        """Write a piece that isn't empty."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""

    def __enter__(self) -> Writer:
        """Go on writing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file."""
        self.close()
