"""A node on trial: its process, and a node of our own that talks to it over the wire."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import SingleThreadedExecutor

from spikeloop.loop.slots import topic
from spikeloop.nodes.messages import qos_profile
from spikeloop.nodes.slot import SlotNode

PATIENCE_S = 15.0
ASK_AGAIN_S = 1.0


class TrialError(AssertionError):
    """The node on trial doesn't do what it must; the message says what."""


class NodeProcess:
    """The node as a process of its own, in a ROS domain of its own and a scratch folder."""

    def __init__(self, kind: type[SlotNode], domain: int, parameters: Mapping[str, Any]) -> None:
        """Start it.

        Args:
            kind: class of the node; its module has a `main`.
            domain: ROS_DOMAIN_ID.
            parameters: by name.

        """
        self.name = kind.__module__.rsplit(".", 1)[-1]
        self._folder = tempfile.TemporaryDirectory()
        self.log = Path(self._folder.name) / "log"
        file = Path(self._folder.name) / "parameters.yaml"
        file.write_text(yaml.safe_dump({self.name: {"ros__parameters": dict(parameters)}}))
        script = f"import sys; from {kind.__module__} import main; sys.exit(main())"
        with self.log.open("w") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", script, "--ros-args", "--params-file", str(file)],
                cwd=self._folder.name,
                env=os.environ | domain_environment(domain),
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> NodeProcess:
        """The process itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def check_alive(self) -> None:
        """Raise TrialError if it has ended."""
        if self._process.poll() is not None:
            raise TrialError(f"ended with exit code {self._process.returncode}:\n{self.output}")

    def wait(self, timeout_s: float) -> int:
        """Exit code of its end; TrialError if it doesn't come in time."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TrialError(f"didn't end within {timeout_s:g} s") from None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)


def domain_environment(domain: int) -> dict[str, str]:
    """Environment that keeps a trial apart from a robot that runs beside it."""
    return {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


class Examiner:
    """A node of our own in the trial's domain, spun while it waits for a condition."""

    def __init__(self, name: str, domain: int) -> None:
        """Join the domain, and listen to the diagnostics of the node called `name`."""
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        self.context = rclpy.Context()
        rclpy.init(args=[], context=self.context, domain_id=domain)
        self.node = rclpy.create_node("examiner", context=self.context)
        self.name = name
        self.heard: list[DiagnosticStatus] = []
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        qos = qos_profile(topic("/diagnostics").qos)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, qos)

    def _hear(self, message: DiagnosticArray) -> None:
        self.heard += [s for s in message.status if s.name.rsplit("/", 1)[-1] == self.name]

    def spin(self) -> None:
        """Let callbacks run for a moment."""
        self._executor.spin_once(timeout_sec=0.02)

    def wait(
        self,
        process: NodeProcess,
        condition: Callable[[], Any],
        what: str,
        timeout_s: float = PATIENCE_S,
    ) -> Any:
        """The value of the condition once it is true; `what` says what was waited for.

        Raises:
            TrialError: the process ended, or the time is over.

        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if value := condition():
                return value
            process.check_alive()
            self.spin()
        raise TrialError(f"{what}: not within {timeout_s:g} s; it said:\n{process.output}")

    def state(self, process: NodeProcess) -> str:
        """Lifecycle state of the node."""
        result = self._call(process, GetState, "get_state", GetState.Request())
        return str(result.current_state.label)

    def change(self, process: NodeProcess, label: str) -> bool:
        """Ask for a transition by its label; whether it was granted."""
        request = ChangeState.Request()
        request.transition.label = label
        return bool(self._call(process, ChangeState, "change_state", request).success)

    def _call(self, process: NodeProcess, kind: Any, service: str, request: Any) -> Any:
        client = self.node.create_client(kind, f"{self.name}/{service}")
        self.wait(process, client.service_is_ready, f"service ~/{service}")
        # The node may not have discovered this client yet; then it drops its answer.
        future, asked = client.call_async(request), time.monotonic()

        def answered() -> bool:
            nonlocal future, asked
            if time.monotonic() - asked > ASK_AGAIN_S and service.startswith("get_"):
                future, asked = client.call_async(request), time.monotonic()
            return bool(future.done())

        self.wait(process, answered, f"answer of ~/{service}")
        self.node.destroy_client(client)
        return future.result()

    def close(self) -> None:
        """Leave the domain."""
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@contextmanager
def examined(
    kind: type[SlotNode], domain: int, parameters: Mapping[str, Any]
) -> Iterator[tuple[NodeProcess, Examiner]]:
    """The node's process and an examiner beside it; both are gone afterwards."""
    with NodeProcess(kind, domain, parameters) as process:
        examiner = Examiner(process.name, domain)
        try:
            yield process, examiner
        finally:
            examiner.close()
