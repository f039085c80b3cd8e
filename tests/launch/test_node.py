"""Nodes: how they are found, their command line, their parameters, what a scope adds."""

from __future__ import annotations

import json

import pytest
import yaml

PROGRAM = """#!/bin/sh
n=0
for word in "$@"; do
    n=$((n + 1)); echo "$n=$word"
    [ "$previous" = --params-file ] && cat "$word" >> "$(dirname "$0")/parameters.yaml"
    previous=$word
done
"""
NODES = """
from launch_ros.actions import *
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackagePrefix, FindPackageShare

def toy(**options):
    return Node(package="toy", executable="show", **{"output": "screen", **options})

"""


@pytest.fixture
def words(run, tmp_path):
    """Run actions; return the command line of each node, in order, without the program."""
    (tmp_path / "share/ament_index/resource_index/packages").mkdir(parents=True)
    (tmp_path / "share/ament_index/resource_index/packages/toy").touch()
    (tmp_path / "share/toy").mkdir(parents=True)
    (tmp_path / "lib/toy").mkdir(parents=True)
    (tmp_path / "lib/toy/show").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "lib/toy/show").chmod(0o755)

    def run_nodes(actions, exit_code=0):
        launcher = run(NODES + f"sys.exit(launched({actions}))", exit_code)
        if exit_code:
            return launcher.output
        found: dict[str, list[str]] = {}
        for line in launcher.lines:
            if line.startswith("[show-"):
                process, word = line[1:].split("] ", 1)
                found.setdefault(process, []).append(word.split("=", 1)[1])
        return [found[process] for process in sorted(found)]

    return run_nodes


@pytest.fixture
def parameters(words, tmp_path):
    """Run one node with parameters (Python source); return what its files say."""

    def run_node(source, **options):
        given = "".join(f", {key}={value!r}" for key, value in options.items())
        words(f"toy(parameters={source}{given})")
        text = (tmp_path / "lib/toy/parameters.yaml").read_text(encoding="utf-8")
        return yaml.safe_load(text.replace("!!python/tuple", ""))  # a tag that ROS overlooks

    return run_node


def test_bare_node(words):
    assert words("toy()") == [["--ros-args"]]


def test_command_line_has_its_parts_in_order(words, tmp_path):
    (tmp_path / "file.yaml").write_text("/**: {ros__parameters: {x: 1}}\n", encoding="utf-8")
    path = str(tmp_path / "file.yaml")
    line = words(f"""toy(
        name="n", namespace=["/g", TextSubstitution(text="h")], arguments=["--own", "1"],
        ros_arguments=["--log-level", "info"], parameters=[{path!r}],
        remappings=[("a", "b"), ("/c", LaunchConfiguration("d", default="d"))],
    )""")
    assert line == [
        [
            "--own",
            "1",
            "--ros-args",
            "--log-level",
            "info",
            "--ros-args",
            "-r",
            "__node:=n",
            "-r",
            "__ns:=/gh",
            "--params-file",
            path,
            "-r",
            "a:=b",
            "-r",
            "/c:=d",
        ]
    ]


def test_relative_namespaces_become_absolute(words):
    assert words("""toy(namespace="g")""") == [["--ros-args", "-r", "__ns:=/g"]]


def test_pushed_namespaces_are_prefixes_within_their_group(words):
    lines = words("""
        GroupAction([PushRosNamespace("a"), toy(namespace="b"), PushRosNamespace("c"), toy(),
                     toy(namespace="/z")]),
        toy()
    """)
    assert [line[2:] for line in lines] == [["__ns:=/a/b"], ["__ns:=/a/c"], ["__ns:=/z"], []]


def test_parameters_of_the_scope_come_before_those_of_the_node(words, tmp_path):
    (tmp_path / "file.yaml").write_text("/**: {ros__parameters: {x: 1}}\n", encoding="utf-8")
    path = str(tmp_path / "file.yaml")
    lines = words(f"""
        GroupAction([
            SetParameter("use_sim_time", True), SetParameter("rate", 2.5),
            SetParametersFromFile({path!r}), SetRemap("old", "new"),
            toy(parameters=[{path!r}], remappings=[("x", "y")]),
        ]),
        toy(),
    """)
    first = lines[0]
    assert [yaml.safe_load(first[i].replace(":=", ": ")) for i in (2, 4)] == [
        {"use_sim_time": True},
        {"rate": 2.5},
    ]
    assert first[5:] == [
        "--params-file",
        path,
        "--params-file",
        path,
        "-r",
        "old:=new",
        "-r",
        "x:=y",
    ]
    assert lines[1] == ["--ros-args"]


def test_parameters_keep_their_types(parameters):
    given = {
        "flag": False,
        "count": 3,
        "rate": 0.1,
        "text": "1.0",
        "word": "on",
        "empty": "",
        "floats": [1.0, 2.5],
        "ints": [1, 2],
        "flags": [True, False],
        "texts": ["a", "2"],
        "tiny": 1e-9,
        "json": json.dumps({"a": [1, "b"]}),
    }
    got = parameters(f"[{given!r}]")["/**"]["ros__parameters"]
    assert got == given
    assert {key: type(value) for key, value in got.items()} == {
        key: type(value) for key, value in given.items()
    }


def test_mixed_numbers_become_floats(parameters):
    got = parameters("[{'mixed': [1, 2.5]}]")["/**"]["ros__parameters"]["mixed"]
    assert [type(item) for item in got] == [float, float]


def test_nested_parameters_get_dotted_names(parameters):
    got = parameters("[{'a': {'b': {'c': 1}, 'd': 'x'}}]")
    assert got == {"/**": {"ros__parameters": {"a.b.c": 1, "a.d": "x"}}}


def test_parameters_of_a_full_name_are_for_it_alone(parameters):
    assert set(parameters("[{'a': 1}]", name="n", namespace="g")) == {"/g/n"}


def test_parameters_of_a_node_without_namespace_are_for_all(parameters):
    assert set(parameters("[{'a': 1}]", name="n")) == {"/**"}


def test_substituted_parameters_are_read_as_yaml_unless_a_type_is_given(parameters):
    got = parameters("""[{
        "number": LaunchConfiguration("v", default="1.5"),
        "list": LaunchConfiguration("l", default="[1, 2]"),
        "joined": ["a", TextSubstitution(text="b")],
        "text": ParameterValue(LaunchConfiguration("v", default="1.5"), value_type=str),
        "float": ParameterValue(LaunchConfiguration("i", default="2"), value_type=float),
        LaunchConfiguration("key", default="named"): True,
    }]""")
    assert got["/**"]["ros__parameters"] == {
        "number": 1.5,
        "list": [1, 2],
        "joined": "ab",
        "text": "1.5",
        "float": 2.0,
        "named": True,
    }


@pytest.mark.parametrize("value", ["[1, 'a']", "[]", "None", "object()"])
def test_values_that_ros_has_no_type_for_are_errors(words, value):
    words(f"toy(parameters=[{{'bad': {value}}}])", exit_code=1)


def test_missing_parameter_file_is_told(run, words):
    words("LogInfo(msg='makes the package')")
    launcher = run(NODES + "launched(toy(parameters=['/no/such.yaml']))")
    assert "Parameter file path is not a file: /no/such.yaml" in launcher.output
    assert "[show-1] 1=--ros-args" in launcher.lines


def test_missing_package_and_executable_are_errors(words):
    assert "'nowhere' not found" in words("""Node(package="nowhere", executable="x")""", 1)
    assert "executable 'nothing'" in words("""Node(package="toy", executable="nothing")""", 1)


@pytest.mark.parametrize("options", ["name='a-b'", "namespace='1a'", "name=''"])
def test_invalid_names_are_errors(words, options):
    words(f"toy({options})", exit_code=1)


def test_executable_without_package_and_places_of_packages(run, words, tmp_path):
    words("LogInfo(msg='makes the package')")
    program = str(tmp_path / "lib/toy/show")
    launcher = run(
        NODES
        + f"""launched(
        Node(executable={program!r}, exec_name="label", output="screen"),
        LogInfo(msg=PathJoinSubstitution([FindPackageShare("toy"), "config"])),
        LogInfo(msg=FindPackagePrefix("toy")),
    )"""
    )
    assert "[label-1] 1=--ros-args" in launcher.lines
    assert f"[INFO] [launch.user]: {tmp_path}/share/toy/config" in launcher.lines
    assert f"[INFO] [launch.user]: {tmp_path}" in launcher.lines
