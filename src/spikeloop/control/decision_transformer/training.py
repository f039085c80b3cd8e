"""Offline training of both decision transformers on recorded trajectories.

The trunk learns by back-propagation through surrogate gradients. The action head learns by the
three-factor rule (Pandey and Biswas, arXiv 2508.21505): what came in, what should have come out
less what did, and how good the episode was. Raw returns, negative in most tasks, would train it
away from the data, so the third factor is the exponential of the standardised return of the
episode, as in advantage-weighted regression (Peng et al., arXiv 1910.00177).

Half of the actions before are blanked in training. Neighbouring actions are so alike that a
network otherwise learns to repeat itself, which fits the data and fails in use (de Haan et al.,
"Causal Confusion in Imitation Learning", arXiv 1905.11979).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spikeloop.control.decision_transformer.config import ModelConfig, TrainingConfig
from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer
from spikeloop.control.decision_transformer.neurons import TokenNeurons
from spikeloop.control.decision_transformer.plain import PlainDecisionTransformer
from spikeloop.control.decision_transformer.problems import Problem
from spikeloop.control.decision_transformer.scaling import Scaling
from spikeloop.control.decision_transformer.trajectories import Trajectories
from spikeloop.snn.training.three_factor import ThreeFactor

Model = SpikingDecisionTransformer | PlainDecisionTransformer
KINDS: dict[str, type[Model]] = {
    "spiking": SpikingDecisionTransformer,
    "plain": PlainDecisionTransformer,
}
LARGEST_FACTOR = 3.0
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Batch:
    """Windows of episodes; see `DecisionTransformer.features` for the first four."""

    returns: Tensor
    states: Tensor
    before: Tensor
    decision: Tensor
    actions: Tensor
    there: Tensor
    merit: Tensor


class Windows:
    """Draws windows from trajectories, each as often as the root of its length asks for."""

    def __init__(
        self, data: Trajectories, scaling: Scaling, span: int, seed: int, dropout: float = 0.0
    ) -> None:
        """Scale the data once.

        Args:
            data: to draw from.
            scaling: of the data.
            span: number of decisions in a window.
            seed: of what is drawn.
            dropout: share of the actions before that are blanked.

        """
        self._random = np.random.default_rng((seed, 1))
        self._data, self._span, self._dropout = data, span, dropout
        self._states, self._returns = scaling.states(data.states), scaling.returns(data.returns)
        total = data.returns[:, 0]
        standard = (total - total.mean()) / max(float(total.std()), 1e-6)
        self._merit = np.minimum(np.exp(standard), LARGEST_FACTOR).astype(np.float32)
        root = np.sqrt(data.lengths)
        self._share = root / root.sum()

    def draw(self, count: int) -> Batch:
        """A batch."""
        data, span = self._data, self._span
        episode = self._random.choice(len(data.lengths), count, p=self._share)
        last = np.maximum(data.lengths[episode] - span, 0)
        first = self._random.integers(0, last + 1)
        at = first[:, None] + np.arange(span)
        there = at < data.lengths[episode][:, None]
        at = np.minimum(at, data.states.shape[1] - 1)
        rows = episode[:, None]
        shown = (at > 0) & (self._random.random(at.shape) >= self._dropout)
        before = data.done[rows, np.maximum(at - 1, 0)] * shown[..., None]
        columns = (
            self._returns[rows, at][..., None],
            self._states[rows, at],
            before,
            at,
            data.actions[rows, at],
            there,
            self._merit[episode],
        )
        return Batch(*[torch.from_numpy(np.ascontiguousarray(column)) for column in columns])


def build(kind: str, problem: Problem, config: ModelConfig) -> Model:
    """A model with random weights; `kind` is "spiking" or "plain"."""
    return KINDS[kind](problem.states, problem.actions, config)


def train(
    kind: str,
    problem: Problem,
    data: Trajectories,
    scaling: Scaling,
    config: ModelConfig,
    training: TrainingConfig,
    seed: int,
    tell: Callable[[int, float], None] = lambda update, loss: None,
) -> Model:
    """Train one model.

    Args:
        kind: "spiking" or "plain".
        problem: the task.
        data: what it learns from.
        scaling: see `scaling_of`.
        config: its sizes.
        training: how.
        seed: of its weights and batches.
        tell: called every 100 updates with their number and the mean loss since.

    """
    torch.manual_seed(seed)
    model = build(kind, problem, config)
    span = config.context * config.blocks
    windows = Windows(data, scaling, span, seed, training.action_dropout)
    plastic = training.plasticity and kind == "spiking"
    own = {id(p) for p in model.head.parameters()} if plastic else set()
    parameters = [p for p in model.parameters() if id(p) not in own]
    optimiser = torch.optim.AdamW(parameters, training.rate, weight_decay=training.decay)
    head = _PlasticHead(model.head, training) if plastic else None
    activity = _Activity(model) if training.spike_penalty else None
    losses = []
    for update in range(training.updates):
        share = 0.5 * (1 + math.cos(math.pi * update / training.updates))
        for group in optimiser.param_groups:
            group["lr"] = training.rate * min(share, (update + 1) / 100)
        batch = windows.draw(training.batch)
        features = model.features(batch.returns, batch.states, batch.before, batch.decision)
        output = model.head(features)
        loss = _loss(problem, output, batch)
        penalty = training.spike_penalty * activity.rate() if activity else 0.0
        optimiser.zero_grad()
        (loss + penalty).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimiser.step()
        if head:
            head.learn(problem, features.detach(), output.detach(), batch, share)
        losses.append(float(loss.detach()))
        if (update + 1) % 100 == 0:
            tell(update + 1, float(np.mean(losses[-100:])))
    if activity:
        activity.close()
    return model.eval()


def _loss(problem: Problem, output: Tensor, batch: Batch) -> Tensor:
    given, wanted = output[batch.there], batch.actions[batch.there]
    if problem.discrete:
        return nn.functional.cross_entropy(given, wanted)
    return nn.functional.mse_loss(given, wanted)


class _PlasticHead:
    """The action head's own learning; its bias is a weight of an input that is always on."""

    def __init__(self, head: nn.Linear, training: TrainingConfig) -> None:
        self._head, self._rate = head, training.plastic_rate
        both = nn.Linear(head.in_features + 1, head.out_features, bias=False)
        self._rule = ThreeFactor(both, 1.0, training.trace, 1.0)
        self._rule.layer.weight.data = torch.cat([head.weight.data, head.bias.data[:, None]], 1)

    def learn(
        self, problem: Problem, features: Tensor, output: Tensor, batch: Batch, share: float
    ) -> None:
        given = output.softmax(-1) if problem.discrete else output
        post = (batch.actions - given) * batch.merit[:, None, None]
        pre = features[batch.there]
        self._rule.observe(torch.cat([pre, torch.ones(len(pre), 1)], 1), post[batch.there])
        # The trace sums what it keeps; its mean is what the rate is meant for.
        self._rule.apply(self._rate * share * (1.0 - self._rule.keep))
        weight = self._rule.layer.weight.data
        self._head.weight.data.copy_(weight[:, :-1])
        self._head.bias.data.copy_(weight[:, -1])


class _Activity:
    """Mean rate of all spiking layers in the last pass, with gradient."""

    def __init__(self, model: nn.Module) -> None:
        self._layers = [m for m in model.modules() if isinstance(m, TokenNeurons)]
        self._sums: list[Tensor] = []
        self._counts: list[int] = []
        for layer in self._layers:
            layer.observer = self._take

    def close(self) -> None:
        for layer in self._layers:
            layer.observer = None

    def _take(self, spikes: Tensor) -> None:
        self._sums.append(spikes.sum())
        self._counts.append(spikes.numel())

    def rate(self) -> Tensor:
        total = torch.stack(self._sums).sum() / sum(self._counts)
        self._sums, self._counts = [], []
        return total
