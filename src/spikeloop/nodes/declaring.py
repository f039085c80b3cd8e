"""Parameters of a node, from its config dataclass: descriptors, overrides, and safe updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from spikeloop.parameters import (
    Parameter,
    ParameterError,
    build_config,
    parameters_of,
    suggestion,
)

ROS_OWN = ("use_sim_time", "start_type_description_service")


def declare(node: Node, *config_types: type[Any]) -> list[Any]:
    """Declare the parameters of all config types on a node and build the configs.

    Raises:
        ParameterError: a parameter was given that none of them has, or a bad value; the message
            names the node, the parameter and the nearest name.

    """
    owner = f"node '{node.get_name()}': "
    known = {name: entry for c in config_types for name, entry in parameters_of(c).items()}
    given = {
        name: entry.value
        for name, entry in node._parameter_overrides.items()
        if name not in ROS_OWN and not name.startswith("qos_overrides.")
    }
    for name in given:
        if name not in known:
            raise ParameterError(
                f"{owner}unknown parameter '{name}'{suggestion(name, known)}; "
                f"there are: {', '.join(known)}"
            )
    configs = []
    for config_type in config_types:
        own = parameters_of(config_type)
        config = build_config(config_type, {n: v for n, v in given.items() if n in own}, owner)
        configs.append(config)
        for name, entry in own.items():
            value = getattr(config, name)
            # A list without elements has no type of its own in ROS, so such a one is left out.
            if value != ():
                node.declare_parameter(name, _plain(value), descriptor(entry), ignore_override=True)
    return configs


def watch(
    node: Node,
    get_config: Callable[[], Any],
    get_state: Callable[[], str],
    apply: Callable[[Any], None],
) -> None:
    """Let parameters be set while the node runs: all are validated, then all applied or none.

    Args:
        node: that has them.
        get_config: gives its present config.
        get_state: gives its state in the lifecycle; the fixed ones can be set in unconfigured only.
        apply: takes the new config, or raises ParameterError and leaves the old one.

    """

    def on_set(parameters: Sequence[RosParameter]) -> SetParametersResult:
        config = get_config()
        known = parameters_of(type(config))
        changes = {p.name: p.value for p in parameters if p.name in known}
        try:
            for name in changes:
                if known[name].fixed and get_state() != "unconfigured":
                    raise ParameterError(
                        f"parameter '{name}' can't be set while the node is {get_state()}; "
                        "clean it up first"
                    )
            for name in (p.name for p in parameters if p.name not in known):
                if name not in ROS_OWN:
                    raise ParameterError(
                        f"parameter '{name}' can't be set at run time{suggestion(name, known)}"
                    )
            if changes:
                values = {name: getattr(config, name) for name in known} | changes
                apply(build_config(type(config), values))
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)


def descriptor(entry: Parameter) -> ParameterDescriptor:
    """The ROS descriptor; types are checked by us, so an integer does for a float."""
    text = entry.text + (f" Unit: {entry.unit}." if entry.unit else "")
    result = ParameterDescriptor(description=text, dynamic_typing=True)
    if entry.choices:
        result.additional_constraints = f"One of: {', '.join(entry.choices)}"
    if entry.low is not None and entry.high is not None and not entry.is_array:
        if entry.kind is float:
            result.floating_point_range = [
                FloatingPointRange(from_value=float(entry.low), to_value=float(entry.high))
            ]
        elif entry.kind is int:
            result.integer_range = [
                IntegerRange(from_value=int(entry.low), to_value=int(entry.high), step=1)
            ]
    return result


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
