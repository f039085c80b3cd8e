"""Start one node: `ros2 launch spikeloop node.launch.py node:=gate`."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction

from launch import LaunchDescription
from spikeloop.launching.description import node_description


def _node(context):
    given = context.launch_configurations
    return node_description(given["node"], given["parameters"]).entities


def generate_launch_description():
    """Called by launch."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("node", description="Name of the node; see `spikeloop nodes`."),
            DeclareLaunchArgument(
                "parameters", default_value="", description="Its YAML instead of the usual one."
            ),
            OpaqueFunction(function=_node),
        ]
    )
