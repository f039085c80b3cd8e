"""Spiking networks: neurons, layers, encodings, training, interchange, the streaming engine.

Importing it imports torch, so descriptions of nodes and tasks leave that to `on_configure`.
"""

from spikeloop.snn.engine.compiled import CompiledModel, compile
from spikeloop.snn.engine.quantisation import quantised
from spikeloop.snn.neurons.adaptive import AdaptiveLIF, InputAdaptiveLIF
from spikeloop.snn.neurons.current_based import CurrentLIF
from spikeloop.snn.neurons.integer import IntegerLIF
from spikeloop.snn.neurons.integrate import IF, LeakyIntegrator
from spikeloop.snn.neurons.lif import LIF, PLIF
from spikeloop.snn.stateful import (
    ShapeError,
    State,
    StateError,
    Stateful,
    detach,
    load_state,
    reset,
    run,
    state_of,
)

__all__ = [
    "IF",
    "LIF",
    "PLIF",
    "AdaptiveLIF",
    "CompiledModel",
    "CurrentLIF",
    "InputAdaptiveLIF",
    "IntegerLIF",
    "LeakyIntegrator",
    "ShapeError",
    "State",
    "StateError",
    "Stateful",
    "compile",
    "detach",
    "load_state",
    "quantised",
    "reset",
    "run",
    "state_of",
]
