"""One trainer for all rules: progress, resume, a seed for everything, a validation split always."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, random_split
from tqdm import tqdm

from spikeloop.parameters import parameter
from spikeloop.snn.stateful import reset, run
from spikeloop.snn.training.anytime import Anytime
from spikeloop.snn.training.hoyer import Hoyer
from spikeloop.snn.training.rule import BPTT, Loss, Rule, compiled_run
from spikeloop.snn.training.rules import rule_of

RULES = ("bptt", "sltt", "hoyer", "anytime", "three_factor")
Samples = Dataset[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; see the sentence of each parameter."""

    epochs: int = parameter(20, "Passes over the training data.", low=1)
    batch_size: int = parameter(32, "Samples a step of the optimiser.", low=1)
    learning_rate: float = parameter(2e-3, "First learning rate of AdamW.", low=0.0)
    weight_decay: float = parameter(0.0, "Weight decay of AdamW.", low=0.0)
    validation_share: float = parameter(
        0.2, "Share of the data that picks the best epoch and trains nothing.", low=0.01, high=0.9
    )
    clip: float = parameter(0.0, "Greatest norm of the gradients; 0 for any.", low=0.0)
    rule: str = parameter("bptt", "Learning rule.", choices=RULES)
    rule_steps: int = parameter(
        0, "Steps drawn to go backward in, for sltt; 0 for all (K of SLTT-K).", low=0
    )
    rule_weight: float = parameter(
        0.01, "Weight of the Hoyer measure, or of anytime's term on the outputs.", low=0.0
    )
    rule_layers: float = parameter(
        0.0, "Weight of anytime's term on the layers (AOI-SNN's regulariser).", low=0.0
    )
    layer_by_layer: bool = parameter(
        False,
        "Take all time steps through one layer before the next, for bptt, hoyer and anytime; "
        "batch normalisation then sees them at once.",
    )
    compile: bool = parameter(
        False, "Compile with torch.compile: starts slowly, then saves about a third of the time."
    )
    seed: int = parameter(1, "Seed of split, order and dropout.", low=0)
    device: str = parameter("auto", "Where to train.", choices=("auto", "cpu", "cuda"))


@dataclass
class Training:
    """What came of it.

    Attributes:
        history: of each epoch: epoch, train_loss, validation_loss, validation_accuracy.
        best_epoch: the one with the lowest validation loss, whose weights the model has now.

    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0


class Trainer:
    """Trains a model that gives (batch, classes) each step, by the mean of its outputs.

    Args:
        config: see `TrainingConfig`.
        rule: how to get gradients; that of the configuration by default.
        loss: of (batch, classes) and targets; cross-entropy by default.
        out: folder for `checkpoint.pt`, from which an interrupted training goes on.
        quiet: no progress bar.

    """

    def __init__(
        self,
        config: TrainingConfig,
        rule: Rule | None = None,
        loss: Loss | None = None,
        out: Path | None = None,
        quiet: bool = False,
    ) -> None:
        self.config, self.out, self.quiet = config, out, quiet
        self.rule: Rule = rule or rule_of(config)
        if config.compile and isinstance(self.rule, (BPTT, Anytime, Hoyer)):
            self.rule.run = compiled_run()
        self.loss: Loss = loss or nn.functional.cross_entropy
        chosen = config.device
        if chosen == "auto":
            chosen = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(chosen)

    def split(self, data: Samples) -> tuple[Subset[Any], Subset[Any]]:
        """Training and validation samples, by the seed.

        Raises:
            ValueError: one of them would be empty.

        """
        total = len(data)  # type: ignore[arg-type]
        held = round(self.config.validation_share * total)
        if not 0 < held < total:
            raise ValueError(f"{total} samples can't be split at {self.config.validation_share}")
        generator = torch.Generator().manual_seed(self.config.seed)
        train, validation = random_split(data, [total - held, held], generator)
        return train, validation

    def fit(self, model: nn.Module, data: Samples) -> Training:
        """Train on samples (x (time, ...), target); the test data has no business here.

        The model ends with the weights of the best epoch. The same seed gives the same weights on
        the same kind of device, whether or not the training was interrupted.

        Raises:
            ValueError: there is too little data, or the checkpoint is of another training.

        """
        train, validation = self.split(data)
        model.to(self.device)
        optimiser = torch.optim.AdamW(
            model.parameters(), self.config.learning_rate, weight_decay=self.config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.config.epochs)
        state = _State(Training(), copy.deepcopy(model.state_dict()))
        parts = {"model": model, "optimiser": optimiser, "schedule": schedule}
        first = self._resume(parts, state)
        bar = tqdm(range(first, self.config.epochs), disable=self.quiet, unit="epoch")
        for epoch in bar:
            torch.manual_seed(1000 * self.config.seed + epoch)
            if hasattr(self.rule, "generator"):
                self.rule.generator.manual_seed(1000 * self.config.seed + epoch)
            figures = {"epoch": float(epoch), "train_loss": self._epoch(model, optimiser, train)}
            figures |= self._validate(model, validation)
            schedule.step()
            state.note(model, figures)
            bar.set_postfix({k: f"{v:.3f}" for k, v in figures.items() if k != "epoch"})
            self._save(parts, state)
        model.load_state_dict(state.weights)
        model.eval()
        return state.training

    def _epoch(self, model: nn.Module, optimiser: torch.optim.Optimizer, data: Any) -> float:
        model.train()
        order = DataLoader(data, self.config.batch_size, shuffle=True)
        total, count = 0.0, 0
        for x, target in order:
            optimiser.zero_grad()
            x, target = x.to(self.device).transpose(0, 1), target.to(self.device)
            total += self.rule.backward(model, x, target, self.loss) * len(target)
            count += len(target)
            if self.config.clip:
                nn.utils.clip_grad_norm_(model.parameters(), self.config.clip)
            optimiser.step()
        return total / count

    def _validate(self, model: nn.Module, data: Any) -> dict[str, float]:
        outputs, targets = self.outputs(model, data)
        mean = outputs.mean(0)
        figures = {"validation_loss": float(self.loss(mean, targets))}
        if targets.ndim == 1 and not targets.is_floating_point():
            right = (mean.argmax(1) == targets).float().mean()
            figures["validation_accuracy"] = float(right)
        return figures

    def outputs(self, model: nn.Module, data: Samples) -> tuple[Tensor, Tensor]:
        """Outputs (time, samples, classes) and targets of a data set, in evaluation mode."""
        model.eval()
        found, targets = [], []
        with torch.no_grad():
            for x, target in DataLoader(data, self.config.batch_size):
                reset(model)
                found.append(run(model, x.to(self.device).transpose(0, 1)).cpu())
                targets.append(target)
        reset(model)
        return torch.cat(found, 1), torch.cat(targets)

    def _save(self, parts: dict[str, Any], state: _State) -> None:
        if self.out is None:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        content = {name: part.state_dict() for name, part in parts.items()}
        content |= {
            "best": state.weights,
            "history": state.training.history,
            "best_epoch": state.training.best_epoch,
            "config": vars(self.config),
        }
        partial = self.out / "checkpoint.pt.partial"
        torch.save(content, partial)
        partial.replace(self.out / "checkpoint.pt")

    def _resume(self, parts: dict[str, Any], state: _State) -> int:
        path = None if self.out is None else self.out / "checkpoint.pt"
        if path is None or not path.exists():
            return 0
        content = torch.load(path, map_location=self.device, weights_only=True)
        if content["config"] != vars(self.config):
            raise ValueError(f"{path} is of a training with another configuration; remove it")
        for name, part in parts.items():
            part.load_state_dict(content[name])
        state.weights = content["best"]
        state.training.history = content["history"]
        state.training.best_epoch = content["best_epoch"]
        return len(state.training.history)


@dataclass
class _State:
    training: Training
    weights: dict[str, Any]

    def note(self, model: nn.Module, figures: dict[str, float]) -> None:
        before: Sequence[float] = [f["validation_loss"] for f in self.training.history]
        if not before or figures["validation_loss"] < min(before):
            self.training.best_epoch = len(before)
            self.weights = copy.deepcopy(model.state_dict())
        self.training.history.append(figures)
