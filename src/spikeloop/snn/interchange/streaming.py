"""A NIR file as something that is fed numbers or pictures, with an account of what it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloop.parameters import suggestion
from spikeloop.snn.engine.compiled import compile as compile_model
from spikeloop.snn.interchange.nir_file import NIRError, read_nir
from spikeloop.snn.neurons.current_based import CurrentIntegrator
from spikeloop.snn.neurons.integrate import Integrator, LeakyIntegrator
from spikeloop.snn.neurons.neuron import Neuron
from spikeloop.snn.stateful import reset

SILENT = (Integrator, LeakyIntegrator, CurrentIntegrator)
ENCODINGS = ("direct", "signs", "rate")
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """What a network made of one input.

    Attributes:
        output: shaped as the network's output, mean over the steps.
        last: the same, of the last step; membranes where the output doesn't fire.
        fired: indices of the neurons that fired in any step, counted through all layers.
        spikes: how many spikes there were.

    """

    output: Floats
    last: Floats
    fired: NDArray[np.int64]
    spikes: int


class NirStream:
    """Runs the network of a NIR file, a number of its time steps for each input.

    Args:
        path: the file.
        dt: time step, s; None for the file's own.
        resets: "hard", "soft" or "none"; None for the file's own, else hard.
        steps: time steps an input.
        encoding: "direct" (the numbers themselves in each step), "signs" (positive parts, then
            negative ones, so that there are twice as many), or "rate" (a spike in a step with the
            number as its probability, from a fixed seed).
        engine: run it by `snn.compile`, without an account of single layers: `fired` and `spikes`
            are then those of the output.

    Attributes:
        network: the torch form.
        input_shape: what `feed` takes, without a batch.
        output_shape: what it gives, whatever the file says.
        layers: names of the layers that can fire.
        sizes: neurons in each.
        reason: why the engine runs torch, or empty.

    Raises:
        NIRError: the file can't be read or its network can't run, or an encoding is unknown.

    """

    def __init__(
        self,
        path: str | Path,
        dt: float | None = None,
        resets: str | None = None,
        *,
        steps: int = 1,
        encoding: str = "direct",
        engine: bool = False,
    ) -> None:
        if encoding not in ENCODINGS:
            raise NIRError(f"unknown encoding '{encoding}'{suggestion(encoding, ENCODINGS)}")
        self.network = read_nir(path, dt, resets).eval()
        self.path, self.steps, self.encoding = Path(path), steps, encoding
        taken = self.network.input_shape
        if taken is None:
            raise NIRError(f"{path}: doesn't tell its input's shape")
        self.input_shape = taken
        if encoding == "signs":
            if taken[0] % 2:
                raise NIRError(f"{path}: encoding 'signs' needs an even first size, not {taken}")
            self.input_shape = (taken[0] // 2, *taken[1:])
        # A file may hold layers that nothing reaches.
        nodes = [self.network.layer(n) for n in self.network.order if n in self.network.nodes()]
        run = {module for node in nodes for module in node.modules()}
        self.layers = [
            name
            for name, module in self.network.named_modules()
            if module in run and isinstance(module, Neuron) and not isinstance(module, SILENT)
        ]
        self.sizes: list[int] = []
        self.reason = ""
        self._run: Any = self.network
        if engine:
            with self._named():
                self._run = compile_model(self.network.float(), taken)
            self.reason = self._run.reason
        self._seen: dict[str, Tensor] = {}
        for name in [] if engine else self.layers:
            self.network.get_submodule(name).register_forward_hook(self._note(name))
        self.reset()
        # Whether the layers fit one another shows when the network runs.
        self.output_shape = self.feed(np.zeros(self.input_shape)).output.shape
        self.reset()

    def reset(self) -> None:
        """Forget all states, and start the random numbers anew."""
        reset(self.network)
        if self._run is not self.network:
            self._run.reset()
        self._generator = torch.Generator().manual_seed(1)

    def _note(self, name: str) -> Any:
        def hook(module: nn.Module, given: Any, output: Tensor) -> None:
            before = self._seen.get(name)
            now = output.detach()[0].flatten()
            self._seen[name] = now if before is None else before + now

        return hook

    def feed(self, values: NDArray[Any]) -> Answer:
        """Run the steps of one input.

        Raises:
            NIRError: its shape isn't the network's, or the network can't run.

        """
        x = np.asarray(values, np.float32)
        if x.shape != self.input_shape:
            raise NIRError(
                f"{self.path}: its network takes an input of shape {self.input_shape}, "
                f"not {x.shape}"
            )
        self._seen.clear()
        outputs = []
        with torch.no_grad(), self._named():
            for _ in range(self.steps):
                outputs.append(self._run(self._encoded(x).unsqueeze(0))[0].float())
        whole = torch.stack(outputs)
        if self._run is self.network:
            counts = [self._seen[name] for name in self.layers]
        else:
            counts = [whole.sum(0).flatten()] if self._fires_out() else []
        self.sizes = [len(count) for count in counts]
        joined = torch.cat(counts) if counts else torch.zeros(0)
        fired: NDArray[np.int64] = torch.nonzero(joined).flatten().numpy()
        return Answer(whole.mean(0).numpy(), whole[-1].numpy(), fired, int(joined.sum()))

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Names the file where its layers don't fit one another."""
        try:
            yield
        except (ValueError, IndexError, RuntimeError) as error:
            raise NIRError(f"{self.path}: its network can't run: {error}") from error

    def _fires_out(self) -> bool:
        into = [a for a, b in self.network.edges if b == self.network.sink]
        return bool(into) and all(name in self.layers for name in into)

    def _encoded(self, x: Floats) -> Tensor:
        tensor = torch.from_numpy(x)
        if self.encoding == "signs":
            return torch.cat([tensor.clamp_min(0), (-tensor).clamp_min(0)])
        if self.encoding == "rate":
            return (torch.rand(tensor.shape, generator=self._generator) < tensor).float()
        return tensor
