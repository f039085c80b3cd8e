"""The bench: one classifier under all corruptions and the attack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from spikeloop.snn.robustness.corruptions import CORRUPTIONS, corrupt
from spikeloop.snn.robustness.potential_dependent import potential_dependent
from spikeloop.snn.robustness.sparse_attack import sparse_attack
from spikeloop.snn.stateful import reset, run

BATCH = 50
ATTACKED, QUICK_ATTACKED, ROUNDS = 20, 1, 12


@dataclass(frozen=True)
class Classifier:
    """What a task gives to be tried: `classifier(args)` of its `task.py` returns one.

    Attributes:
        model: a module of `snn` layers; (time, batch, 2, height, width) by `run`.
        x: (time, samples, 2, height, width) float32 counts of events, OFF first; test samples.
        labels: (samples,) int64.
        most: greatest count.
        predict: (time, batch, ...) to logits (batch, classes), with gradients; by default the
            mean of the model's outputs over the steps.

    """

    model: nn.Module
    x: Tensor
    labels: Tensor
    most: int = 1
    predict: Callable[[Tensor], Tensor] | None = None

    def logits(self, x: Tensor) -> Tensor:
        """See `predict`; states are forgotten before and after."""
        if self.predict is not None:
            return self.predict(x)
        reset(self.model)
        out = run(self.model, x).mean(0)
        reset(self.model)
        return out


def accuracy(classifier: Classifier, x: Tensor) -> float:
    """Share of samples that are right."""
    with torch.no_grad():
        parts = [classifier.logits(part).argmax(1) for part in torch.split(x, BATCH, dim=1)]
    return float((torch.cat(parts) == classifier.labels).float().mean())


def bench(classifier: Classifier, quick: bool = False, seed: int = 1) -> dict[str, float]:
    """Accuracy clean and under each corruption and severity, and how the attack fares.

    Args:
        classifier: on test samples.
        quick: one severity of each, one attack.
        seed: of the corruptions.

    Returns:
        `clean`, `KIND_SEVERITY`, `KIND_mean` over the severities; `attack_*` with the network's
        own surrogates and `attack_pdsg_*`: share of attacks that succeed among samples that are
        right, and the median share of inputs flipped by those.

    """
    classifier.model.eval()
    found = {"clean": accuracy(classifier, classifier.x)}
    jobs = [
        (name, severity)
        for name, (_, severities, _) in CORRUPTIONS.items()
        for severity in (severities[:1] if quick else severities)
    ]
    for name, severity in tqdm(jobs, desc="corruptions"):
        x = corrupt(classifier.x, name, severity, seed, classifier.most)
        found[f"{name}_{severity:g}"] = accuracy(classifier, x)
    for name in CORRUPTIONS:
        own = [value for key, value in found.items() if key.startswith(f"{name}_")]
        found[f"{name}_mean"] = sum(own) / len(own)
    return found | attacks(classifier, QUICK_ATTACKED if quick else ATTACKED)


def attacks(classifier: Classifier, count: int) -> dict[str, float]:
    """Attack the first `count` samples that are right, evenly over the samples."""
    stride = max(1, len(classifier.labels) // count)
    chosen = range(0, len(classifier.labels), stride)
    found: dict[str, float] = {}
    for prefix, dependent in (("attack", False), ("attack_pdsg", True)):
        results = []
        for k in tqdm(list(chosen)[:count], desc=prefix):
            x, label = classifier.x[:, k : k + 1], int(classifier.labels[k])
            with torch.no_grad():
                if int(classifier.logits(x).argmax()) != label:
                    continue
            if not dependent:
                results.append(sparse_attack(classifier.logits, x, label, rounds=ROUNDS))
                continue
            with potential_dependent(classifier.model) as forget:
                results.append(
                    sparse_attack(classifier.logits, x, label, rounds=ROUNDS, before=forget)
                )
        shares = torch.tensor([one.share for one in results if one.success])
        won = len(shares)
        found[f"{prefix}_success"] = won / len(results) if results else 0.0
        if won:
            found[f"{prefix}_flipped_share"] = float(shares.median())
    return found
