"""How numbers are scaled before a network sees them; fixed by its training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spikeloop.control.decision_transformer.problems import Floats

if TYPE_CHECKING:
    from spikeloop.control.decision_transformer.trajectories import Trajectories

LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Scaling:
    """Means and spreads of the training data.

    Attributes:
        state_mean, state_spread: (states,) float32.
        return_mean, return_spread: of the returns to go.
        return_high: largest return to go; where more is asked for, this is.
        target: return that is asked for in use, the expert's mean in the training data.

    """

    state_mean: Floats
    state_spread: Floats
    return_mean: float
    return_spread: float
    return_high: float
    target: float

    def states(self, values: Floats) -> Floats:
        """Scaled states, (..., states) float32."""
        return ((values - self.state_mean) / self.state_spread).astype(np.float32)

    def returns(self, values: Floats) -> Floats:
        """Scaled returns to go, of any shape."""
        # An episode that goes worse than asked for would ask for ever more, unlike any data.
        return (
            (np.minimum(values, self.return_high) - self.return_mean) / self.return_spread
        ).astype(np.float32)


def scaling_of(data: Trajectories) -> Scaling:
    """The scaling of training data."""
    there = np.arange(data.states.shape[1]) < data.lengths[:, None]
    states, returns = data.states[there], data.returns[there]
    return Scaling(
        states.mean(0),
        np.maximum(states.std(0), LEAST_SPREAD),
        float(returns.mean()),
        max(float(returns.std()), LEAST_SPREAD),
        float(returns.max()),
        data.mean_return("expert"),
    )
