"""Nodes: how they are found, their command line, their parameters."""

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
from launch_ros.actions import Node

def toy(**options):
    return Node(package="toy", executable="show", **{"output": "screen", **options})

"""


@pytest.fixture
def toy_package(tmp_path):
    """A package with a program that prints its command line and keeps its parameters."""
    (tmp_path / "share/ament_index/resource_index/packages").mkdir(parents=True)
    (tmp_path / "share/ament_index/resource_index/packages/toy").touch()
    (tmp_path / "share/toy").mkdir(parents=True)
    (tmp_path / "lib/toy").mkdir(parents=True)
    (tmp_path / "lib/toy/show").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "lib/toy/show").chmod(0o755)
    return tmp_path / "lib/toy"


@pytest.fixture
def words(run, toy_package):
    """Run actions; return the command line of each node, in order, without the program."""

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
def parameters(words, toy_package):
    """Run one node with parameters (Python source); return what its files say."""

    def run_node(source, **options):
        given = "".join(f", {key}={value!r}" for key, value in options.items())
        words(f"toy(parameters={source}{given})")
        text = (toy_package / "parameters.yaml").read_text(encoding="utf-8")
        return yaml.safe_load(text.replace("!!python/tuple", ""))  # a tag that ROS overlooks

    return run_node


def test_bare_node(words):
    assert words("toy()") == [["--ros-args"]]


def test_command_line_has_its_parts_in_order(words, tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("/**: {ros__parameters: {x: 1}}\n", encoding="utf-8")
    (line,) = words(f"""toy(
        name="n", namespace="/g/h", arguments=["--own", "1"], parameters=[{str(path)!r}],
        remappings=[("a", "b"), ("/c", "d")],
    )""")
    own = ["--own", "1", "--ros-args", "-r", "__node:=n", "-r", "__ns:=/g/h"]
    assert line == [*own, "--params-file", str(path), "-r", "a:=b", "-r", "/c:=d"]


def test_relative_namespaces_become_absolute(words):
    assert words("""toy(namespace="g")""") == [["--ros-args", "-r", "__ns:=/g"]]


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


def test_parameters_of_a_full_name_are_for_it_alone(parameters):
    assert set(parameters("[{'a': 1}]", name="n", namespace="g")) == {"/g/n"}


def test_parameters_of_a_node_without_namespace_are_for_all(parameters):
    assert set(parameters("[{'a': 1}]", name="n")) == {"/**"}


@pytest.mark.parametrize("value", ["[1, 'a']", "[]", "None", "object()"])
def test_values_that_ros_has_no_type_for_are_errors(words, value):
    words(f"toy(parameters=[{{'bad': {value}}}])", exit_code=1)


def test_missing_parameter_file_is_told(run, toy_package):
    launcher = run(NODES + "launched(toy(parameters=['/no/such.yaml']))")
    assert "Parameter file path is not a file: /no/such.yaml" in launcher.output
    assert "[show-1] 1=--ros-args" in launcher.lines


def test_missing_package_and_executable_are_errors(words):
    assert "'nowhere' not found" in words("""Node(package="nowhere", executable="x")""", 1)
    assert "executable 'nothing'" in words("""Node(package="toy", executable="nothing")""", 1)


def test_executable_without_package(run, toy_package):
    program = str(toy_package / "show")
    launcher = run(NODES + f"launched(Node(executable={program!r}, output='screen'))")
    assert "[show-1] 1=--ros-args" in launcher.lines
