"""The sparse dynamic attack on binary pictures of events (SDA).

Lun et al. (CVPR 2025, see `potential_dependent`). Generation: in round n, the (n + 1) k inputs
with the greatest gradients that flipping can follow are tried one by one; those that lower the
margin of the right class stay flipped, until the answer is wrong. Reduction: flips are taken back,
the least useful first, as long as the answer stays wrong; how many is found by bisection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Predict = Callable[[Tensor], Tensor]
BATCH = 32


@dataclass(frozen=True)
class Attack:
    """What an attack came to.

    Attributes:
        x: the pictures, flipped where it helped; as they were if it failed.
        success: whether the answer is wrong now, though it was right.
        flips: inputs that differ.
        share: the same, as a share of all inputs.

    """

    x: Tensor
    success: bool
    flips: int
    share: float


def flipped(x: Tensor, where: Tensor) -> Tensor:
    """Events where there were none, and none where there were some."""
    return torch.where(where, (x == 0).to(x.dtype), x)


def margin(logits: Tensor, label: int) -> Tensor:
    """(batch,) logit of the right class less the greatest other one; wrong below 0."""
    others = logits.clone()
    others[:, label] = -torch.inf
    return logits[:, label] - others.amax(1)


def sparse_attack(
    predict: Predict,
    x: Tensor,
    label: int,
    start: int = 10,
    rounds: int = 20,
    before: Callable[[], None] | None = None,
) -> Attack:
    """Attack one sample.

    Args:
        predict: (time, batch, ...) to logits (batch, classes), with gradients.
        x: (time, 1, ...), counts of events.
        label: the right class.
        start: k, inputs that are tried in the first round.
        rounds: most of them.
        before: called before each run of `predict`, such as the reset of surrogates.

    Raises:
        ValueError: x isn't a single sample.

    """
    if x.ndim < 3 or x.shape[1] != 1:
        raise ValueError(f"x must be one sample (time, 1, ...), not {tuple(x.shape)}")

    def run(given: Tensor) -> Tensor:
        if before is not None:
            before()
        return margin(predict(given), label)

    with torch.no_grad():
        if float(run(x)) < 0:
            return Attack(x, False, 0, 0.0)
    gains = torch.zeros(x.numel())
    mask = torch.zeros(x.numel(), dtype=torch.bool)
    for n in range(rounds):
        now = flipped(x, mask.view(x.shape))
        value, order = _promising(run, now, mask, (n + 1) * start)
        change = _tried(run, now, order) - value
        helps = change < 0
        mask[order[helps]], gains[order[helps]] = True, change[helps]
        with torch.no_grad():
            if bool(helps.any()) and float(run(flipped(x, mask.view(x.shape)))) < 0:
                return _reduced(run, x, mask, gains)
    return Attack(x, False, 0, 0.0)


def _promising(
    run: Callable[[Tensor], Tensor], now: Tensor, mask: Tensor, count: int
) -> tuple[float, Tensor]:
    """Margin now, and the inputs whose gradient promises most of a flip."""
    asked = now.clone().requires_grad_(True)
    value = run(asked)
    (slope,) = torch.autograd.grad(value.sum(), asked)
    # A flip adds where there is nothing, and takes away where there is something.
    way = torch.where(now > 0, -now, torch.ones_like(now))
    promise = (-slope * way).flatten()
    promise[mask] = -torch.inf
    order = promise.topk(min(count, promise.numel())).indices
    return float(value.detach()), order[torch.isfinite(promise[order])]


def _tried(run: Callable[[Tensor], Tensor], now: Tensor, order: Tensor) -> Tensor:
    """Margin with each of some inputs flipped alone."""
    found = []
    with torch.no_grad():
        for part in torch.split(order, BATCH):
            each = now.transpose(0, 1).reshape(1, -1).repeat(len(part), 1)
            # Places count through (time, 1, ...), which is (1, time, ...) too.
            rows = torch.arange(len(part))
            each[rows, part] = (each[rows, part] == 0).to(each.dtype)
            batch = each.view(len(part), now.shape[0], *now.shape[2:]).transpose(0, 1)
            found.append(run(batch))
    return torch.cat(found) if found else torch.zeros(0)


def _reduced(run: Callable[[Tensor], Tensor], x: Tensor, mask: Tensor, gains: Tensor) -> Attack:
    where = torch.nonzero(mask).flatten()
    least_first = where[gains[where].abs().argsort()]
    low, high = 0, len(least_first) - 1  # how many can go
    while low < high:
        middle = (low + high + 1) // 2
        fewer = mask.clone()
        fewer[least_first[:middle]] = False
        with torch.no_grad():
            wrong = float(run(flipped(x, fewer.view(x.shape)))) < 0
        low, high = (middle, high) if wrong else (low, middle - 1)
    mask = mask.clone()
    mask[least_first[:low]] = False
    flips = int(mask.sum())
    return Attack(flipped(x, mask.view(x.shape)), True, flips, flips / x.numel())
