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
    assert launcher.wait() == 0
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
            shell("echo up; exec sleep 60"), shell("exit 0", on_exit=Shutdown()),
            RegisterEventHandler(OnShutdown(on_shutdown=fail))))
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
    launcher = run(f"sys.exit(launched(IncludeLaunchDescription({str(file)!r})))", exit_code=1)
    assert f"{file}{told}" in launcher.output
    assert "Traceback" not in launcher.output


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from launch.actions import OpaqueCoroutine", "launch.actions.OpaqueCoroutine"),
        (
            "from launch.substitutions import PythonExpression",
            "launch.substitutions.PythonExpression",
        ),
        ("from launch_ros.actions import LifecycleNode", "launch_ros.actions.LifecycleNode"),
        ("ExecuteProcess(cmd=['x'], prefix='gdb')", "ExecuteProcess(prefix=...)"),
        ("sys.exit(launched(shell('true', output='own_log')))", "output=own_log"),
    ],
)
def test_what_is_not_covered_names_itself_and_who_has_it(run, statement, name):
    launcher = run(statement, exit_code=1)
    assert f"'{name}' is misspelt, or not covered here: a full ROS 2" in launcher.output


def test_orphans_that_pid_1_adopts_are_reaped(run):
    launcher = run("""
        import ctypes, psutil
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: as PID 1 in a container
        def zombies(context):
            children = psutil.Process().children()
            print("zombies", [child for child in children if child.status() == "zombie"])
        launched(
            shell("(sleep 0.1; echo orphan ended) & exit 0"),
            shell("echo own; sleep 0.5", on_exit=OpaqueFunction(function=zombies)))
    """)
    assert "zombies []" in launcher.lines
    assert "finished cleanly" in launcher.output
