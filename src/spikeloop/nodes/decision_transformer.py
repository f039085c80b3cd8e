"""A spiking decision transformer (slot `controller`): see `control.decision_transformer`."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.decision_transformer.problems import PROBLEMS
from spikeloop.installed import UnknownWeightsError
from spikeloop.loop.health import Level
from spikeloop.msg import LoopCost, SpikeRecord
from spikeloop.nodes.observing import ObservingNode
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

if TYPE_CHECKING:
    from spikeloop.control.decision_transformer.controller import Controller

ENERGY_MODEL = "45 nm: 4.6 pJ a multiply-accumulate, 0.9 pJ an accumulate"


@dataclass(frozen=True)
class DecisionTransformerConfig:
    """Which task is controlled, and by which of its trained networks."""

    task: str = parameter(
        "cartpole", "Task that the networks were trained for.", choices=tuple(PROBLEMS), fixed=True
    )
    weights: str = parameter(
        "",
        "Networks, by the name of a file in weights/ or the path of an .npz; empty for the task's.",
        fixed=True,
    )
    training_seed: int = parameter(1, "Which of the networks in that file.", low=0, fixed=True)
    more_return: float = parameter(
        0.0, "Added to the return that is asked for, the mean of the expert's.", fixed=True
    )
    forget_after: float = parameter(
        0.5,
        "A pause longer than this ends the episode: the context is forgotten.",
        unit="s",
        low=0.0,
        high=60.0,
    )
    period: float = parameter(
        0.01, "Least time between two decisions.", unit="s", low=1e-3, high=60.0
    )

    @property
    def size(self) -> int:
        """Values of an observation."""
        return PROBLEMS[self.task].states


class DecisionTransformerNode(ObservingNode):
    """Observation in, command of the actuators and its cost out."""

    text = "Spiking decision transformer: acts for a return that is asked for, from a context."
    config_type = DecisionTransformerConfig
    config: DecisionTransformerConfig
    controller: Controller

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the network; one thread, for its layers are small."""
        import torch

        from spikeloop.control.decision_transformer.controller import Controller
        from spikeloop.control.decision_transformer.storage import BadWeightsError, file_of, load

        torch.set_num_threads(1)
        problem = PROBLEMS[self.config.task]
        try:
            path = file_of(problem, self.config.weights)
            trained = load(path, problem, "spiking", self.config.training_seed)
        except (UnknownWeightsError, BadWeightsError) as error:
            self.diagnoser.report(Level.ERROR, f"parameter 'weights': {error}")
            return TransitionCallbackReturn.FAILURE
        target = trained.scaling.target + self.config.more_return
        self.controller = Controller(problem, trained, target)
        # The first decision takes a hundred times as long as the others.
        self.controller.decide([0.0] * problem.states)
        return super().on_configure(state)

    def cost(self) -> LoopCost:
        """See `ObservingNode`."""
        cost = self.controller.cost
        return LoopCost(
            node=self.get_fully_qualified_name(),
            spikes=round(cost.spikes),
            accumulates=round(cost.acs),
            multiply_accumulates=round(cost.macs),
            energy=cost.energy_j,
            energy_model=ENERGY_MODEL,
        )

    def spikes(self) -> SpikeRecord:
        """See `ObservingNode`."""
        fired, outputs = self.controller.fired(), self.controller.outputs
        return SpikeRecord(
            node=self.get_fully_qualified_name(),
            layers=fired.layers,
            sizes=fired.sizes,
            fired=fired.indices,
            outputs=[f"action {index}" for index in range(len(outputs))],
            potentials=array("f", outputs.tolist()),
        )


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(DecisionTransformerNode, args)
