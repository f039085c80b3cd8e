"""The simulator's bridge (slot `simulator`): sensors and clock out, commands in.

In lockstep it goes on only when every output that is due has come, so the run depends on the seed
alone; with the wall clock it keeps pace and counts what came too late. `~/pause` holds it, in
lockstep between two ticks, and `~/reset` puts the robot back to its start while time goes on.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from spikeloop_sim.base import Base
from spikeloop_sim.faults import parse_fault
from spikeloop_sim.robot import EmbodiedRobot
from spikeloop_sim.robots import robot_of
from std_srvs.srv import SetBool, Trigger

from spikeloop.loop.criteria import judge_type, kind_of
from spikeloop.loop.flight import ENDED, write_report
from spikeloop.loop.lockstep import DueOutputs
from spikeloop.loop.logbook import Logbook
from spikeloop.loop.mission import load_mission
from spikeloop.nodes.accounting import GateWatch, LoopAccount
from spikeloop.nodes.bridge_config import START_NS, BridgeConfig
from spikeloop.nodes.bridge_waiting import Waiting
from spikeloop.nodes.commands import command_values
from spikeloop.nodes.heartbeat import heartbeat
from spikeloop.nodes.listening import Listener
from spikeloop.nodes.messages import Message, stamp_of
from spikeloop.nodes.perceived import perceived
from spikeloop.nodes.running import run_node
from spikeloop.nodes.sensor_outlet import SensorOutlet, topics_of
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import ParameterError

SETPOINT_S = 0.1
WATCH_S = 0.05
CATCH_UP, LATE = 3, 2
"""By the wall clock: ticks at most in a row, so that commands are heard in between, and how many
ticks behind one counts as late."""


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
        robot = robot_of(mission)
        reads = (robot.command_kind, *judge_type(kind_of(mission.criteria)).hears)
        return topics_of(robot, mission.has_setpoints), reads, ()

    def wire(self) -> None:
        """Load the mission and the robot, for the topics depend on them."""
        try:
            self.mission = load_mission(self.config.mission)
            self.robot = robot_of(self.mission)
            self.faults = [parse_fault(text) for text in self.config.faults]
            readers = self.config.readers_by_topic(self.mission.has_setpoints)
        except ValueError as error:
            raise ParameterError(f"node '{self.get_name()}': {error}") from error
        self.command_topic = self.robot.command_kind
        self.publishes = topics_of(self.robot, self.mission.has_setpoints)
        inputs = self.lockstep.inputs if self.lockstep else (self.command_topic,)
        heard = judge_type(kind_of(self.mission.criteria)).hears
        self.subscribes = tuple(dict.fromkeys((*inputs, *heard)))
        self.readers = self.lockstep.readers if self.lockstep else readers
        self.tick_ns = round(self.robot.tick_s * 1e9)
        self.ticks = round((self.config.duration or self.mission.duration) * 1e9 / self.tick_ns)
        self.setpoint_ticks = max(1, round(SETPOINT_S * 1e9 / self.tick_ns))

    # --- start and end -------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Offer `~/pause` (data: true holds, false goes on) and `~/reset`."""
        self.offer(SetBool, "~/pause", self._on_pause)
        self.offer(Trigger, "~/reset", self._on_reset)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen at once, but begin only when every sensor has its readers."""
        config = self.config
        try:
            with heartbeat(self):
                self._place_robot()
        except (ValueError, RuntimeError) as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self.base = Base(self.robot.safe_command, config.base_timeout)
        self.tick = self.first_tick = 0
        self._paused_since = self._paused_ns = 0
        self._reset_asked = False
        self.sent_at: dict[int, int] = {}
        self.round_trips: list[float] = []
        self._listener = Listener(self, config.watch, config.silent_after)
        members = [f"/{node}" for node in (*self.flight.nodes.values(), self.get_name())]
        self.account = LoopAccount(self, self._listener, members)
        self.gate_watch = GateWatch(self._listener, f"/{self.flight.nodes.get('gate', '')}")
        self.outputs = (
            DueOutputs[Message](self.lockstep, self.lockstep.inputs) if self.lockstep else None
        )
        self.waiting = (
            Waiting(self, config, self.outputs, self.outlet, self._listener, self.flight.nodes)
            if self.outputs
            else None
        )
        self.began_ns = 0
        self.done = self._is_reported = False
        self.late_ticks = 0
        self._raw_is_unusable = False
        self._perceived: dict[str, float] = {}
        self._told = 0
        self._commanded = False
        self._activated_ns = time.monotonic_ns()
        self.outlet.announce(self._stamp(0))
        self._subscribe()
        period = WATCH_S if self.lockstep else min(self.robot.tick_s / self.config.pace, WATCH_S)
        self._timer = self.create_timer(period, self._on_timer, clock=self._steady)
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the base to its safe command; an unfinished mission has failed."""
        self._finish(ENDED)
        self._report()
        self.destroy_timer(self._timer)
        self.account.close()
        self._listener.close()
        return super().on_deactivate(state)

    def _place_robot(self) -> None:
        """Put the robot at its start, and begin a record."""
        config, robot = self.config, self.robot
        place = None
        if isinstance(robot, EmbodiedRobot):
            robot.leave_out(config.leave_out)
            robot.reset(config.seed)
            place = robot.surroundings
        else:
            robot.reset(config.seed)
        nodes = dict(pair.split("=", 1) for pair in config.nodes) or dict(self.mission.slots)
        where = (None, ()) if place is None else (place.goal, place.route.tolist())
        self.log = Logbook(self.mission, config.seed, nodes, *where)
        self.flight = self.log.flight
        if place is not None:
            self.flight.place = place.as_plan()
        self._truth = robot.truth()
        self.log.begin(self._truth)
        self.outlet = SensorOutlet(self, robot, self.faults, config.leave_out)
        self.cycle = math.lcm(self.outlet.cycle, self.setpoint_ticks)
        if self.lockstep is not None:
            self.cycle = math.lcm(self.cycle, *[t.period for t in self.lockstep.inputs.values()])

    def _ready(self) -> bool:
        missing = [
            name
            for name, count in self.readers.items()
            if self._publishers_by_topic[name].get_subscription_count() < count
        ]
        if not missing and (self.lockstep or self.count_publishers(self.command_topic)):
            return True
        if time.monotonic_ns() - self._activated_ns > self.config.start_within * 1e9:
            self._fail(
                f"after {self.config.start_within:g} s nobody reads {', '.join(missing)}"
                if missing
                else f"after {self.config.start_within:g} s nobody publishes {self.command_topic}"
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
        complete = self.log.is_over or self.tick - self.first_tick >= self.ticks
        flight.timing = {
            "wall_s": (self._ended_ns - self.began_ns) / 1e9 if self.began_ns else 0.0,
            "round_trip_ms": self.round_trips,
            "resent": self.waiting.resent if self.waiting else 0,
            "late_ticks": self.late_ticks,
            **self._speed(),
            "refused_commands": self.base.refused,
            **self.account.command_after(self.command_topic),
            **self.account.summary(),
        }
        report = self.log.report(complete)
        try:
            if self.config.report:
                write_report(Path(self.config.report), report)
        except OSError as error:
            self.fail(f"parameter 'report': {self.config.report}: can't be written: {error}")
        if not failure:
            verdict = "succeeded" if report["success"] else "failed: a criterion doesn't hold"
            self.get_logger().info(f"mission {self.mission.name} {verdict}")

    def _speed(self) -> dict[str, float]:
        """By the wall clock: how fast the world was to be, and how fast it was."""
        spent = self._ended_ns - self.began_ns - self._paused_ns if self.began_ns else 0
        if self.lockstep is not None or spent <= 0:
            return {}
        return {"pace": self.config.pace, "pace_kept": self.tick * self.tick_ns / spent}

    # --- pace ----------------------------------------------------------------------------------

    def _on_timer(self) -> None:
        if self.done:
            if not self._is_reported and self.account.is_settled():
                self._report()
                self.exit_code = self.exit_code or 0
            return
        if not self.began_ns:
            if self._ready():
                self.began_ns = time.monotonic_ns()
                if self.waiting:
                    self.waiting.begin()
                self.get_logger().info(f"mission {self.mission.name} begins")
                self._send(0)
                self._advance()
            return
        self._note_gate()
        silent = self._listener.silent()
        if silent:
            self._fail(silent)
        elif self._paused_since:
            return
        elif self.waiting:
            if failure := self.waiting.look(self.tick):
                self._fail(failure)
        else:
            self._keep_pace()

    def on_message(self, name: str, message: Message) -> None:
        """Take a command or another output that is due."""
        if self.done or not self.began_ns:
            return
        self._perceived |= perceived(message)
        if self.outputs is not None:
            if stamp_of(message) > self._stamp(self.tick):
                self._fail(
                    f"{name} came with a stamp ahead of the simulation's; does another mission "
                    "fly in this ROS domain? ROS_DOMAIN_ID gives this one its own"
                )
            elif self.outputs.add(name, stamp_of(message), message):
                self._advance()
            return
        if name != self.command_topic:
            return
        age = self._stamp(self.tick) - stamp_of(message)
        if age <= self.config.base_timeout * 1e9:
            values = command_values(message)
            accepted = self.base.accept(values, self._run_ns())
            moves = list(values) != self.robot.safe_command.tolist()
            if accepted and moves and not self._commanded:
                self._commanded = True
                self.get_logger().info("the first command came")
        else:
            self.base.refused["stale"] = self.base.refused.get("stale", 0) + 1

    def _advance(self) -> None:
        """Lockstep: go on while nothing is missing."""
        if self.outputs is None or self._paused_since:
            return
        while not self.done and not self.outputs.missing(self.tick):
            now = time.monotonic_ns()
            if self.tick % self.setpoint_ticks == 0:
                self.round_trips.append(round((now - self.sent_at.pop(self.tick, now)) / 1e6, 3))
            if self.waiting:
                self.waiting.begin()
            command = self.outputs.at(self.command_topic, self.tick)
            stamp = self._stamp(self.tick)
            if command is not None and not self.base.accept(command_values(command), stamp):
                self.base.stop("no valid command", self._time())
            self._note_unusable_raw()
            self._step(stamp)

    def _note_unusable_raw(self) -> None:
        """Lockstep: a raw command that can't pass makes the gate send the safe one, a stop."""
        topic = f"{self.command_topic}_raw"
        raw = (
            self.outputs.at(topic, self.tick)
            if self.outputs and self.lockstep and topic in self.lockstep.inputs
            else None
        )
        if raw is None:
            return
        values = command_values(raw)
        fault = self.base.fault_of(values) if values else "no command"
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
        for _ in range(CATCH_UP):
            elapsed = (self._run_ns() - self.began_ns) * self.config.pace
            behind = int(elapsed // self.tick_ns) - self.tick
            if behind < 1 or self.done:
                return
            self.late_ticks += behind > LATE
            self._step(self._run_ns())

    def _step(self, now_ns: int) -> None:
        command = self.base.command(now_ns, self._time())
        self._tell_stops()
        if self.tick % self.setpoint_ticks == 0:
            self.log.note(self._time(), self._truth | self._perceived, command.tolist())
        if self.log.is_over:
            self._finish("")
            return
        self.robot.step(command)
        self.tick += 1
        if self.tick - self.first_tick >= self.ticks:
            # The base is left safe: nobody commands it any more.
            self._finish("")
            return
        if self._reset_asked and self.tick % self.cycle == 0:
            self._begin_again()
        self._send(self.tick)

    def _run_ns(self) -> int:
        """Steady clock, ns, which stands while the simulation is held."""
        return (self._paused_since or time.monotonic_ns()) - self._paused_ns

    def _tell_stops(self) -> None:
        for time_s, reason in self.base.safety_stops[self._told :]:
            self.get_logger().error(f"base: safe command at {time_s:.2f} s: {reason}")
        self._told = len(self.base.safety_stops)

    def _send(self, tick: int) -> None:
        stamp = self._stamp(tick)
        setpoint = None
        if tick % self.setpoint_ticks == 0:
            self._truth = self.robot.truth()
            setpoint = self.log.setpoint(self._time(), self._truth)
            self.sent_at[tick] = time.monotonic_ns()
        self.account.sent(stamp)
        self.outlet.send(tick - self.first_tick, stamp, self._time(), setpoint)

    # --- services ------------------------------------------------------------------------------

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        now = time.monotonic_ns()
        if request.data and not self._paused_since:
            self._paused_since = now
        elif not request.data and self._paused_since:
            self._paused_ns += now - self._paused_since
            self._paused_since = 0
            if self.waiting:
                self.waiting.begin()
            self._advance()
        response.success = True
        response.message = f"{'held' if request.data else 'goes on'} at tick {self.tick}"
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = not self.done
        if not response.success:
            response.message = "no mission is under way"
            return response
        self._reset_asked = True
        at = (self.tick // self.cycle + 1) * self.cycle
        response.message = f"the robot is back at its start at tick {at}"
        return response

    def _begin_again(self) -> None:
        """The robot at its start and an empty record; stamps go on, for nodes ignore older ones."""
        self._reset_asked = False
        self.robot.reset(self.config.seed)
        self.base.stop("reset", self._time())
        self.base.safety_stops.clear()
        self._told = 0
        self._perceived.clear()
        self.first_tick = self.tick
        self._truth = self.robot.truth()
        self.log.begin(self._truth)
        self.get_logger().info(f"mission {self.mission.name} begins again")

    def _stamp(self, tick: int) -> int:
        return START_NS + tick * self.tick_ns

    def _time(self) -> float:
        """Of the robot's episode, s."""
        return (self.tick - self.first_tick) * self.tick_ns / 1e9


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(BridgeNode, args)
