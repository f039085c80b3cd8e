"""Callbacks of a node that come while what they belong to is there, and never fail in silence.

The EventsExecutor calls what it has noted as due even if timer or subscription are destroyed by
then, and notes a timer each time that it looks until it has called it. And rclpy drops exceptions
of transitions without a word.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

Result = TypeVar("Result")


class GuardedNode(LifecycleNode):
    """A lifecycle node of which nothing is called late, and that an exception ends by `fail`."""

    _callbacks: dict[int, Callable[..., TransitionCallbackReturn]]

    def __init__(self, name: str, **options: Any) -> None:
        """Guard the transitions; what else is called is guarded as it is made."""
        super().__init__(name, **options)
        self._offered: list[Service] = []
        self._callbacks = {
            state: self._or(TransitionCallbackReturn.ERROR, callback)
            for state, callback in self._callbacks.items()
        }

    def fail(self, reason: str) -> None:
        """Tell a fault that can't be mended, and end the process."""
        raise NotImplementedError

    def create_timer(
        self, timer_period_sec: float, callback: Callable[[], None], **options: Any
    ) -> Timer:
        """A timer as usual, but for what this class is for."""
        guarded = self._or(None, callback)

        def call() -> None:
            if timer in self.timers:
                guarded()

        timer: Timer = super().create_timer(timer_period_sec, call, **options)
        return timer

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[[Any], None],
        qos_profile: Any,
        **options: Any,
    ) -> Subscription:
        """A subscription as usual, of messages alone, but for what this class is for."""
        guarded = self._or(None, callback)

        def call(message: Any) -> None:
            if subscription in self.subscriptions:
                guarded(message)

        subscription: Subscription = super().create_subscription(
            msg_type, topic, call, qos_profile, **options
        )
        return subscription

    def offer(
        self, kind: Any, name: str, callback: Callable[[Any, Any], Any], *, inactive: bool = False
    ) -> None:
        """Offer a service until `withdraw`.

        Args:
            kind: its type; the response has `success` and `message`.
            name: such as "~/pause".
            callback: takes request and response, and gives the response.
            inactive: whether it is meant for a node that isn't active too; else that is refused.

        """

        def answer(request: Any, response: Any) -> Any:
            state = self._state_machine.current_state[1]
            if inactive or state == "active":
                return self._or(response, callback)(request, response)
            response.success = False
            response.message = f"the node is {state}, not active"
            return response

        self._offered.append(self.create_service(kind, name, answer))

    def withdraw(self) -> None:
        """Take all services back that were offered."""
        while self._offered:
            self.destroy_service(self._offered.pop())

    def _or(self, otherwise: Result, callback: Callable[..., Result]) -> Callable[..., Result]:
        """The callback, with a result in case that it raises, which ends the node."""

        def guarded(*given: Any) -> Result:
            try:
                return callback(*given)
            except Exception:
                # A context that dies under the spin is no fault of the node.
                if not self.context.ok():
                    raise
                self.fail(f"exception in {self.get_name()}:\n{traceback.format_exc()}")
                return otherwise

        return guarded
