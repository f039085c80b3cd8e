"""Where the fallback does better than the original, and what it says where it ends."""

from __future__ import annotations

import signal

import psutil
import pytest

CHILDREN = """
    shell("trap 'echo INT; exit 0' INT; echo up; while :; do sleep 0.05; done", name="good"),
    shell("trap '' INT TERM; echo up; exec sleep 60", name="stubborn",
          sigterm_timeout="0.3", sigkill_timeout="0.3"),
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP])
def test_other_signals_end_the_children_like_sigint(start, number):
    launcher = start(f"sys.exit(launched({CHILDREN}))")
    launcher.wait_for("up")
    launcher.wait_for("up")
    children = launcher.children()
    launcher.send(number)
    assert launcher.wait(timeout=5.0) == 0
    assert f"user interrupted with {number.name}" in launcher.output
    assert "[good-1] INT" in launcher.lines
    assert not any(child.is_running() for child in children)


def test_killing_the_launcher_kills_its_children(start):
    launcher = start(f"sys.exit(launched({CHILDREN}))")
    launcher.wait_for("up")
    launcher.wait_for("up")
    children = [child for child in launcher.children() if child.name() in ("sh", "sleep")]
    stubborn = [child for child in children if child.cmdline()[0] == "sleep"][-1]
    launcher.send(signal.SIGKILL)
    _, alive = psutil.wait_procs([children[0], stubborn], timeout=5)
    assert not alive


def test_run_in_another_thread(run):
    launcher = run("""
        import threading
        codes = []
        thread = threading.Thread(target=lambda: codes.append(launched(shell("echo here"))))
        thread.start()
        thread.join()
        assert codes == [0]
    """)
    assert "[sh-1] here" in launcher.lines


def test_handlers_of_signals_and_wakeup_are_restored(run):
    run("""
        mine = lambda number, frame: None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, mine)
        launched(shell("true"))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            assert signal.getsignal(number) is mine
        assert signal.set_wakeup_fd(-1) == -1
    """)


def test_cancelled_run_ends_its_children(run):
    launcher = run("""
        import asyncio
        async def main():
            service = LaunchService()
            service.include_launch_description(LaunchDescription([shell("echo up; exec sleep 60")]))
            task = asyncio.ensure_future(service.run_async())
            await asyncio.sleep(0.3)
            task.cancel()
            print("code", await task)
        asyncio.run(main())
    """)
    assert "code 1" in launcher.lines
    assert "exit code -2" in launcher.output


def test_failing_handler_keeps_no_process_from_its_end(run):
    launcher = run(
        """
        def fail(event, context):
            raise RuntimeError("planted")
        sys.exit(launched(
            shell("echo up; exec sleep 60"), shell("exit 0"),
            RegisterEventHandler(OnProcessExit(on_exit=fail))))
    """,
        exit_code=1,
    )
    assert "planted" in launcher.output
    assert "sending signal 'SIGINT' to process[sh-1]" in launcher.output


def test_last_output_comes_before_the_line_about_the_end(run):
    launcher = run("""launched(shell("seq 3000; printf last"))""")
    assert launcher.lines[-2] == "[sh-1] last"
    assert "finished cleanly" in launcher.lines[-1]


def test_reader_that_went_away_ends_nothing(start, tmp_path):
    launcher = start("""
        sys.stdout = open("/dev/full", "w")
        code = launched(shell("echo lost"))
        os.write(2, f"code {code}\\n".encode())
        sys.stdout = sys.__stdout__
        os._exit(code)
    """)
    assert launcher.wait() == 0
    assert "code 0" in launcher.lines


def test_parameter_files_are_removed(run, tmp_path):
    launcher = run(f"""
        import tempfile
        from launch_ros.actions import Node
        tempfile.tempdir = {str(tmp_path)!r}
        launched(Node(executable="/bin/echo", parameters=[{{"a": 1}}], output="screen"))
    """)
    assert "--params-file" in launcher.output
    assert not list(tmp_path.glob("launch_params_*"))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("x = 1\ny = nowhere\n", ":2: NameError"),
        ("def f(:\n", '", line 1\n    def f(:\n'),
        ("x = 1\n", "' has no attribute 'generate_launch_description'"),
    ],
)
def test_error_in_a_launch_file_is_told_with_its_line(run, tmp_path, code, told):
    file = tmp_path / "broken.launch.py"
    file.write_text(code, encoding="utf-8")
    launcher = run(
        f"""
        source = PythonLaunchDescriptionSource({str(file)!r})
        sys.exit(launched(IncludeLaunchDescription(source)))
    """,
        exit_code=1,
    )
    assert f"{file}{told}" in launcher.output
    assert "Traceback" not in launcher.output


ARGUMENTS = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument

def generate_launch_description():
    must = DeclareLaunchArgument("node", description="Name of the node.")
    return LaunchDescription([must, DeclareLaunchArgument("seed", default_value="0")])
"""


def test_unknown_and_missing_arguments_are_told_with_what_is_near_and_what_there_is(run, tmp_path):
    file = tmp_path / "some.launch.py"
    file.write_text(ARGUMENTS, encoding="utf-8")
    launcher = run(
        f"""
        source = PythonLaunchDescriptionSource({str(file)!r})
        sys.exit(launched(IncludeLaunchDescription(source, launch_arguments=[("nod", "x")])))
    """,
        exit_code=1,
    )
    told = "declares no argument 'nod' (did you mean 'node'?); it declares: node, seed"
    assert f"{file} {told}" in launcher.output
    assert 'argument "node" was not provided. It says: Name of the node.' in launcher.output


def test_thousands_of_timers_leave_nothing_behind(run):
    launcher = run("""
        count = 0
        def again(context):
            global count
            count += 1
            most.append(len(context.handlers))
            more = [TimerAction(period=0.0, actions=[OpaqueFunction(function=again)])]
            return more if count < 3000 else []
        most = []
        launched(OpaqueFunction(function=again))
        print("handlers", max(most))
    """)
    assert int(launcher.lines[-1].split()[1]) < 5


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from launch.actions import GroupAction", "launch.actions.GroupAction"),
        ("from launch.substitutions import LaunchConfiguration", "launch.substitutions"),
        ("import launch.conditions", "launch.conditions"),
        ("from launch import Action", "launch.Action"),
        ("from launch.event_handlers import OnShutdown", "launch.event_handlers.OnShutdown"),
        ("from launch_ros.actions import LifecycleNode", "launch_ros.actions.LifecycleNode"),
        ("import launch_ros.descriptions", "launch_ros.descriptions"),
        (
            "from launch_pytest.tools.process import assert_output",
            "launch_pytest.tools.process.assert_output",
        ),
        ("ExecuteProcess(cmd=['x'], prefix='gdb')", "ExecuteProcess(prefix=...)"),
        ("LogInfo(msg='x', condition=None)", "LogInfo(condition=...)"),
        ("OnProcessExit(on_exit=[], handle_once=True)", "OnProcessExit(handle_once=...)"),
        ("LaunchService(debug=True)", "LaunchService(debug=...)"),
        ("shell('true', output='own_log')", "output=own_log"),
        ("PythonLaunchDescriptionSource('a.launch.xml')", "launch file a.launch.xml"),
        (
            "sys.exit(launched(IncludeLaunchDescription('a.launch.py')))",
            "IncludeLaunchDescription('a.launch.py')",
        ),
        (
            "import launch_ros.actions as a\na.Node(executable='x', exec_name='y')",
            "Node(exec_name=...)",
        ),
        (
            "import launch_pytest\nlaunch_pytest.fixture(scope='module')",
            "launch_pytest.fixture(scope=...)",
        ),
    ],
)
def test_what_is_not_covered_names_itself_and_who_has_it(run, statement, name):
    launcher = run(statement, exit_code=1)
    assert f"'{name}' is misspelt, or not covered here: a full ROS 2" in launcher.output
