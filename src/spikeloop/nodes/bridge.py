"""The simulator's bridge (slot `simulator`): sensors and clock out, commands in.

In lockstep it goes on only when every output that is due has come, so the run depends on the seed
alone; with the wall clock it keeps pace and counts what came too late.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rosgraph_msgs.msg import Clock as ClockMessage
from spikeloop_sim.base import Base
from spikeloop_sim.faults import FaultInjector, parse_fault
from spikeloop_sim.robots import make_robot

from spikeloop.loop.criteria import judge_altitude, pooled_metrics
from spikeloop.loop.flight import Flight, write_report
from spikeloop.loop.lockstep import DueOutputs
from spikeloop.loop.mission import load_mission
from spikeloop.loop.slots import SLOTS, TOPICS
from spikeloop.nodes.accounting import GateWatch, LoopAccount
from spikeloop.nodes.bridge_config import START_NS, BridgeConfig
from spikeloop.nodes.listening import Listener
from spikeloop.nodes.messages import Message, stamp_of, to_time
from spikeloop.nodes.running import run_node
from spikeloop.nodes.sensor_messages import sensor_message, setpoint_message
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import ParameterError

SETPOINT_S = 0.1
WATCH_S = 0.05
COMMAND_TOPIC = "actuators"
RAW_TOPIC = "actuators_raw"
RESEND_LIMIT_S = 0.4
RESPAWN_PATIENCE = 4.0


class BridgeNode(SlotNode):
    """Steps the robot, sends its sensors and set-points, and applies the commands."""

    slot = "simulator"
    text = "Simulated robot of a mission, in lockstep or by the wall clock."
    config_type = BridgeConfig
    config: BridgeConfig

    @classmethod
    def wiring(
        cls, config: BridgeConfig
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The topics depend on the robot of the mission."""
        mission = load_mission(config.mission)
        robot = make_robot(mission.robot, mission.robot_parameters)
        sensors = tuple(spec.topic for spec in robot.sensors if spec.topic in TOPICS)
        return ("/clock", *sensors, "setpoint"), (COMMAND_TOPIC,), ()

    def __init__(self, **options: Any) -> None:
        """Load the mission and the robot, for the topics depend on them."""
        super().__init__(**options)
        try:
            self.mission = load_mission(self.config.mission)
            self.robot = make_robot(self.mission.robot, self.mission.robot_parameters)
            faults = [parse_fault(text) for text in self.config.faults]
        except ValueError as error:
            raise ParameterError(f"node '{self.get_name()}': {error}") from error
        self.faults = FaultInjector(faults)
        self.sensors = [spec for spec in self.robot.sensors if spec.topic in TOPICS]
        self.publishes, commands, _ = self.wiring(self.config)
        self.subscribes = tuple(self.lockstep.inputs) if self.lockstep else commands
        self.readers = self.lockstep.readers if self.lockstep else self._readers()
        self.tick_ns = round(self.robot.tick_s * 1e9)
        self.ticks = round((self.config.duration or self.mission.duration) * 1e9 / self.tick_ns)
        self.setpoint_ticks = max(1, round(SETPOINT_S * 1e9 / self.tick_ns))

    # --- start and end -------------------------------------------------------------------------

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen at once, but begin only when every sensor has its readers."""
        config = self.config
        self.robot.reset(config.seed)
        self.base = Base(self.robot.safe_command, config.base_timeout)
        nodes = dict(pair.split("=", 1) for pair in config.nodes)
        self.flight = Flight(self.mission.name, config.seed, nodes or dict(self.mission.slots))
        self.tick = 0
        self.sent_at: dict[int, int] = {}
        self.round_trips: list[float] = []
        self.newest: dict[str, Message] = {}
        self._listener = Listener(self, config.watch, config.silent_after)
        members = [f"/{node}" for node in (*self.flight.nodes.values(), self.get_name())]
        self.account = LoopAccount(self, self._listener, members)
        self.gate_watch = GateWatch(self._listener, f"/{self.flight.nodes.get('gate', '')}")
        self.outputs = (
            DueOutputs[Message](self.lockstep, self.lockstep.inputs) if self.lockstep else None
        )
        self.began_ns = 0
        self.resent = 0
        self.done = self._is_reported = False
        self.late_ticks = 0
        self._named = self._raw_is_unusable = False
        self._told = 0
        self._commanded = False
        self._activated_ns = time.monotonic_ns()
        self._subscribe()
        period = WATCH_S if self.lockstep else min(self.robot.tick_s, WATCH_S)
        self._timer = self.create_timer(period, self._on_timer, clock=self._steady)
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the base to its safe command; an unfinished mission has failed."""
        self._finish("the simulator's bridge was ended before the mission's time")
        self._report()
        self.destroy_timer(self._timer)
        self.account.close()
        self._listener.close()
        return super().on_deactivate(state)

    def _readers(self) -> dict[str, int]:
        try:
            pairs = [text.split("=", 1) for text in self.config.readers]
            return {name: int(count) for name, count in pairs} or {"setpoint": 1}
        except ValueError as error:
            raise ParameterError(
                f"node '{self.get_name()}': parameter 'readers' must be a list of TOPIC=COUNT, "
                f"not {list(self.config.readers)}"
            ) from error

    def _ready(self) -> bool:
        missing = [
            name
            for name, count in self.readers.items()
            if self._publishers_by_topic[name].get_subscription_count() < count
        ]
        if not missing and (self.lockstep or self.count_publishers(COMMAND_TOPIC)):
            return True
        if time.monotonic_ns() - self._activated_ns > self.config.start_within * 1e9:
            self._fail(
                f"after {self.config.start_within:g} s nobody reads {', '.join(missing)}"
                if missing
                else f"after {self.config.start_within:g} s nobody publishes {COMMAND_TOPIC}"
            )
        return False

    def _fail(self, reason: str) -> None:
        self._finish(reason)
        self.fail(f"mission failed: {reason}")

    def _finish(self, failure: str) -> None:
        """End the flight; the report of one that went well waits for the nodes' last counts."""
        if self.done:
            return
        self.done = True
        self.account.end()
        self._ended_ns = time.monotonic_ns()
        self.flight.failure = failure
        if failure:
            self.base.stop(failure, self._time())
            self._tell_stops()
            self._report()

    def _report(self) -> None:
        if self._is_reported:
            return
        self._is_reported = True
        flight, failure = self.flight, self.flight.failure
        flight.safety_stops = self.base.safety_stops
        complete = self.tick >= self.ticks
        flight.timing = {
            "wall_s": (self._ended_ns - self.began_ns) / 1e9 if self.began_ns else 0.0,
            "round_trip_ms": self.round_trips,
            "resent": self.resent,
            "late_ticks": self.late_ticks,
            "refused_commands": self.base.refused,
            **self.account.summary(),
        }
        flight.metrics = pooled_metrics([flight.series()])
        report = flight.report(judge_altitude(flight, self.mission.criteria), complete)
        if self.config.report:
            write_report(Path(self.config.report), report)
        if not failure:
            verdict = "succeeded" if report["success"] else "failed: a criterion doesn't hold"
            self.get_logger().info(f"mission {self.mission.name} {verdict}")

    # --- pace ----------------------------------------------------------------------------------

    def _on_timer(self) -> None:
        if self.done:
            if not self._is_reported and self.account.is_settled():
                self._report()
                self.exit_code = 0
            return
        if not self.began_ns:
            if self._ready():
                self.began_ns = self._waiting_since = time.monotonic_ns()
                self._resend_at = self.config.resend_after
                self.get_logger().info(f"mission {self.mission.name} begins")
                self._send(0)
                self._advance()
            return
        self._note_gate()
        silent = self._listener.silent()
        if silent:
            self._fail(silent)
        elif self.lockstep:
            self._look_after_missing()
        else:
            self._keep_pace()

    def on_message(self, name: str, message: Message) -> None:
        """Take a command or another output that is due."""
        if self.done or not self.began_ns:
            return
        if self.outputs is not None:
            if stamp_of(message) > self._stamp(self.tick):
                self._fail(
                    f"{name} came with a stamp ahead of the simulation's; does another mission "
                    "fly in this ROS domain? ROS_DOMAIN_ID gives this one its own"
                )
            elif self.outputs.add(name, stamp_of(message), message):
                self._advance()
            return
        age = self._stamp(self.tick) - stamp_of(message)
        if age <= self.config.base_timeout * 1e9:
            accepted = self.base.accept(message.normalized, time.monotonic_ns())
            moves = list(message.normalized) != self.robot.safe_command.tolist()
            if accepted and moves and not self._commanded:
                self._commanded = True
                self.get_logger().info("the first command came")
        else:
            self.base.refused["stale"] = self.base.refused.get("stale", 0) + 1

    def _advance(self) -> None:
        """Lockstep: go on while nothing is missing."""
        if self.outputs is None:
            return
        while not self.done and not self.outputs.missing(self.tick):
            now = time.monotonic_ns()
            if self.tick % self.setpoint_ticks == 0:
                self.round_trips.append(round((now - self.sent_at.pop(self.tick, now)) / 1e6, 3))
            self._waiting_since, self._named = now, False
            self._resend_at = self.config.resend_after
            command = self.outputs.at(COMMAND_TOPIC, self.tick)
            stamp = self._stamp(self.tick)
            if command is not None and not self.base.accept(command.normalized, stamp):
                self.base.stop("no valid command", self._time())
            self._note_unusable_raw()
            self._step(stamp)

    def _note_unusable_raw(self) -> None:
        """Lockstep: a raw command that can't pass makes the gate send the safe one, a stop."""
        raw = (
            self.outputs.at(RAW_TOPIC, self.tick)
            if self.outputs and self.lockstep and RAW_TOPIC in self.lockstep.inputs
            else None
        )
        if raw is None:
            return
        fault = self.base.fault_of(raw.normalized) if len(raw.normalized) else "no command"
        if fault and not self._raw_is_unusable:
            self.base.safety_stops.append((self._time(), f"from the controller: {fault}"))
        self._raw_is_unusable = bool(fault)

    def _note_gate(self) -> None:
        """The gate's safe commands are safety stops; in lockstep most show in the raw command."""
        news = self.gate_watch.news()
        if news and (self.lockstep is None or "stopped" in news):
            self.base.safety_stops.append((self._time(), f"gate: {news}"))
            self._tell_stops()

    def _keep_pace(self) -> None:
        """Wall clock: take the steps that are due, and count those that came late."""
        elapsed = time.monotonic_ns() - self.began_ns
        due = elapsed // self.tick_ns
        if due - self.tick > 2:
            self.late_ticks += int(due - self.tick - 1)
        while self.tick < due and not self.done:
            self._step(time.monotonic_ns())

    def _step(self, now_ns: int) -> None:
        command = self.base.command(now_ns, self._time())
        self._tell_stops()
        if self.tick % self.setpoint_ticks == 0:
            self.flight.add(
                self._time(),
                self.robot.truth()["altitude"],
                self.mission.setpoint_at(self._time()),
                command.tolist(),
            )
        self.robot.step(command)
        self.tick += 1
        if self.tick >= self.ticks:
            # The base is left safe: nobody commands it any more.
            self._finish("")
            return
        self._send(self.tick)

    def _tell_stops(self) -> None:
        for time_s, reason in self.base.safety_stops[self._told :]:
            self.get_logger().error(f"base: safe command at {time_s:.2f} s: {reason}")
        self._told = len(self.base.safety_stops)

    # --- sensors -------------------------------------------------------------------------------

    def _send(self, tick: int) -> None:
        stamp = self._stamp(tick)
        self.emit("/clock", ClockMessage(clock=to_time(stamp)))
        self.account.sent(stamp)
        if tick % self.setpoint_ticks == 0:
            self.sent_at[tick] = time.monotonic_ns()
            altitude = self.mission.setpoint_at(self._time())
            self._publish_sensor("setpoint", setpoint_message(altitude, stamp))
        for spec in self.sensors:
            if tick % spec.period_ticks:
                continue
            faulty = self.faults.apply(spec.topic, self.robot.read(spec.topic), stamp, self._time())
            if faulty is not None:
                reading, at = faulty
                self._publish_sensor(spec.topic, sensor_message(reading, spec.frame_id, at))

    def _publish_sensor(self, name: str, message: Message) -> None:
        self.newest[name] = message
        self.emit(name, message)

    def _look_after_missing(self) -> None:
        """Lockstep: send again, then name who doesn't answer, then give up."""
        assert self.outputs is not None
        missing = self.outputs.missing(self.tick)
        if not missing:
            return
        wait = (time.monotonic_ns() - self._waiting_since) / 1e9
        # Waits grow, so that a slow node isn't flooded, but not for ever: a replaced one is due.
        if wait > self._resend_at:
            self._resend_at += min(max(wait, self.config.resend_after), RESEND_LIMIT_S)
            self.resent += 1
            for name, message in self.newest.items():
                self.emit(name, message)
        if wait > self.config.name_after and not self._named:
            self._named = True
            if self.outputs.has_come(missing[0]):
                self.get_logger().error(self._who_is_missing(missing[0]))
            else:
                self.get_logger().info(f"waiting for slot '{self._slot_of(missing[0])}' to start")
        if wait > self._patience(missing[0]):
            self._fail(self._who_is_missing(missing[0]))

    def _patience(self, name: str) -> float:
        """How long an output is waited for, s.

        Before its first one, its node may still be on its way to find the sensors: that is start.
        """
        assert self.outputs is not None
        if not self.outputs.has_come(name):
            return self.config.start_within
        respawns = self._slot_of(name) in self.config.respawn
        return self.config.fail_after * (RESPAWN_PATIENCE if respawns else 1.0)

    def _slot_of(self, name: str) -> str:
        """The slot that owes an output."""
        return next((s for s in self.flight.nodes if name in SLOTS[s].due), "its slot")

    def _who_is_missing(self, name: str) -> str:
        assert self.outputs is not None
        writers = [
            end.node_name
            for end in self.get_publishers_info_by_topic(self.resolve_topic_name(name))
        ]
        slot_name = self._slot_of(name)
        who = self.flight.nodes.get(slot_name) or ", ".join(writers) or "nobody"
        words = self._listener.last_words(f"/{who}")
        return (
            f"no answer from slot '{slot_name}' (node {who}) on {name}: "
            f"{self.outputs.describe(name, self.tick)}; it said last: {words}"
        )

    def _stamp(self, tick: int) -> int:
        return START_NS + tick * self.tick_ns

    def _time(self) -> float:
        return self.tick * self.tick_ns / 1e9


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(BridgeNode, args)
