"""What a node can't be told, or can't be told any more once it is configured."""

from __future__ import annotations

from typing import Any

import pytest

from spikeloop.nodes.pid import PidNodeConfig
from spikeloop.nodes.registry import node_types
from spikeloop.nodes.spiking_pid import SpikingPidNodeConfig
from spikeloop.parameters import ParameterError, build_config, parameters_of


@pytest.mark.parametrize("config_type", [PidNodeConfig, SpikingPidNodeConfig])
def test_an_actuator_that_the_robot_lacks_is_refused(config_type: type[Any]) -> None:
    assert build_config(config_type, {"actuators": 2, "actuator": 1}).actuator == 1
    with pytest.raises(ParameterError, match=r"actuator \(2\) must be below actuators \(2\)"):
        build_config(config_type, {"actuators": 2, "actuator": 2})


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("tour_pid", "period"),
        ("tour_spiking_pid", "period"),
        ("circuit", "period"),
        ("monitor", "silent_after"),
    ],
)
def test_what_a_part_of_the_node_is_made_with_is_fixed(node: str, name: str) -> None:
    assert parameters_of(node_types()[node].config_type)[name].fixed
