"""Lifecycle services that refuse a forbidden transition instead of ending the node.

rclpy's own services let the exception of a forbidden transition out of the spin; these answer
`success=False` and say why.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lifecycle_msgs.msg import State, Transition, TransitionDescription
from lifecycle_msgs.srv import (
    ChangeState,
    GetAvailableStates,
    GetAvailableTransitions,
    GetState,
)
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

_TRIGGERS = {
    Transition.TRANSITION_CONFIGURE: "configure",
    Transition.TRANSITION_CLEANUP: "cleanup",
    Transition.TRANSITION_ACTIVATE: "activate",
    Transition.TRANSITION_DEACTIVATE: "deactivate",
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: "shutdown",
    Transition.TRANSITION_INACTIVE_SHUTDOWN: "shutdown",
    Transition.TRANSITION_ACTIVE_SHUTDOWN: "shutdown",
}
_LABELS = {label: label for label in ("configure", "cleanup", "activate", "deactivate", "shutdown")}


class LifecycleServices:
    """The five standard services of a lifecycle node, and transitions that can't raise."""

    def __init__(self, node: LifecycleNode) -> None:
        """Offer the services on `node`, which was made without its own."""
        self._node = node
        create = node.create_service
        create(ChangeState, "~/change_state", self._on_change_state)
        create(GetState, "~/get_state", self._on_get_state)
        create(GetAvailableStates, "~/get_available_states", self._on_states)
        create(GetAvailableTransitions, "~/get_available_transitions", self._on_transitions)
        create(GetAvailableTransitions, "~/get_transition_graph", self._on_graph)

    @property
    def state(self) -> str:
        """Label of the present state, such as "active"."""
        return str(self._node._state_machine.current_state[1])

    def change(self, label: str) -> bool:
        """Run a transition by its label; False, with the cause logged, if it isn't allowed."""
        allowed = {entry[1] for entry in self._node._state_machine.available_transitions}
        if label not in allowed:
            self._node.get_logger().warning(
                f"transition '{label}' is not allowed in state '{self.state}'; "
                f"allowed: {', '.join(sorted(allowed)) or 'none'}"
            )
            return False
        result = getattr(self._node, f"trigger_{label}")()
        return bool(result == TransitionCallbackReturn.SUCCESS)

    def _on_change_state(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        wanted = request.transition
        label = _LABELS.get(wanted.label) if wanted.label else _TRIGGERS.get(wanted.id)
        if label is None:
            self._node.get_logger().warning(f"unknown transition {wanted.id} '{wanted.label}'")
        response.success = label is not None and self.change(label)
        return response

    def _on_get_state(
        self, request: GetState.Request, response: GetState.Response
    ) -> GetState.Response:
        state_id, label = self._node._state_machine.current_state
        response.current_state = State(id=state_id, label=label)
        return response

    def _on_states(
        self, request: GetAvailableStates.Request, response: GetAvailableStates.Response
    ) -> GetAvailableStates.Response:
        response.available_states = [
            State(id=state_id, label=label)
            for state_id, label in self._node._state_machine.available_states
        ]
        return response

    def _on_transitions(
        self,
        request: GetAvailableTransitions.Request,
        response: GetAvailableTransitions.Response,
    ) -> GetAvailableTransitions.Response:
        response.available_transitions = _described(self._node._state_machine.available_transitions)
        return response

    def _on_graph(
        self,
        request: GetAvailableTransitions.Request,
        response: GetAvailableTransitions.Response,
    ) -> GetAvailableTransitions.Response:
        response.available_transitions = _described(self._node._state_machine.transition_graph)
        return response


def _described(entries: Iterable[tuple[Any, ...]]) -> list[TransitionDescription]:
    return [
        TransitionDescription(
            transition=Transition(id=entry[0], label=entry[1]),
            start_state=State(id=entry[2], label=entry[3]),
            goal_state=State(id=entry[4], label=entry[5]),
        )
        for entry in entries
    ]
