"""EVT3, the 16-bit format of Prophesee's sensors.

`evt3_words` has the format, `high_time` the rules by which corrupt words are survived, and
`evt3_blocks` what makes it fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers
from spikeloop.events.decoder import Decoder, columns, edges
from spikeloop.events.evt3_blocks import SCRATCH, capacity, decode_words
from spikeloop.events.evt3_words import FIELDS
from spikeloop.events.high_time import REASONS, SEEN, STARTED, fresh_state


class Evt3Decoder(Decoder):
    """EVT3; times are the sensor's, roll-overs unwrapped, and a packet's `time_base` has no part.

    Sensors of up to 2048x2048.
    """

    word = "u2"
    reasons = REASONS

    def _forget(self) -> None:
        self._state = fresh_state(FIELDS)
        self._scratch = np.empty(SCRATCH, dtype=np.uint64)

    def after_loss(self) -> None:
        """Packets are missing here: believe no row, vector base or time before the next words."""
        super().after_loss()
        self._state[SEEN] &= STARTED

    def _decode(self, words: NDArray[np.unsignedinteger]) -> tuple[Events, Triggers]:
        size, triggers = capacity(words)
        t, x, y, p = columns(size)
        trigger_t, channel, value = edges(triggers)
        n, m = decode_words(
            words, self._state, self._counts, self._scratch, self.width, self.height,
            t, x, y, p, trigger_t, channel, value,
        )  # fmt: skip
        events = Events(t[:n], x[:n], y[:n], p[:n], self.width, self.height)
        return events, Triggers(trigger_t[:m], channel[:m], value[:m])
