"""Descriptions: arguments, includes, functions, timers, what goes wrong in them."""

from __future__ import annotations

INNER = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction


def show(context):
    given = context.launch_configurations
    return [LogInfo(msg=f"colour {given['colour']}, size {given['size']}")]


def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument("colour", default_value="red"),
        DeclareLaunchArgument("size", description="How big."),
        OpaqueFunction(function=show),
    ])
"""


def messages(launcher):
    return [line.split("[launch.user]: ")[1] for line in launcher.lines if "launch.user" in line]


def include(path, **arguments):
    return (
        f"IncludeLaunchDescription(PythonLaunchDescriptionSource({str(path)!r}), "
        f"launch_arguments={list(arguments.items())!r})"
    )


def test_include_passes_arguments_and_defaults(run, tmp_path):
    (tmp_path / "inner.launch.py").write_text(INNER, encoding="utf-8")
    launcher = run(f"sys.exit(launched({include(tmp_path / 'inner.launch.py', size='3')}))")
    assert messages(launcher) == ["colour red, size 3"]


def test_arguments_stay_after_an_include(run, tmp_path):
    (tmp_path / "inner.launch.py").write_text(INNER, encoding="utf-8")
    first = include(tmp_path / "inner.launch.py", size="1", colour="blue")
    second = include(tmp_path / "inner.launch.py", size="2")
    launcher = run(f"launched({first}, {second})")
    assert messages(launcher) == ["colour blue, size 1", "colour blue, size 2"]


def test_missing_argument_is_an_error(run):
    launcher = run("""sys.exit(launched(DeclareLaunchArgument("must")))""", exit_code=1)
    assert 'Required launch argument "must" was not provided.' in launcher.output


def test_function_returns_what_comes_next(run):
    launcher = run("""
        def nothing(context):
            context.launch_configurations["set"] = "here"
        def some(context):
            text = context.launch_configurations["set"]
            return [LogInfo(msg=text), OpaqueFunction(function=one)]
        def one(context):
            return [LaunchDescription([LogInfo(msg="inner")])]
        description = LaunchDescription([OpaqueFunction(function=nothing)])
        description.add_action(OpaqueFunction(function=some))
        launched(description, LogInfo(msg="last"))
    """)
    assert messages(launcher) == ["here", "inner", "last"]


def test_function_that_returns_no_list_is_an_error(run):
    run(
        "sys.exit(launched(OpaqueFunction(function=lambda context: LogInfo(msg='x'))))",
        exit_code=1,
    )


def test_timers_go_off_in_their_order(run):
    launcher = run("""
        launched(
            TimerAction(period=0.2, actions=[LogInfo(msg="third")]),
            TimerAction(period=0.05, actions=[LogInfo(msg="second")]),
            LogInfo(msg="first"),
        )
    """)
    assert messages(launcher) == ["first", "second", "third"]


def test_shutdown_cancels_timers(run):
    launcher = run("""
        launched(TimerAction(period=60.0, actions=[LogInfo(msg="never")]), Shutdown(reason="why"))
    """)
    assert messages(launcher) == []


def test_running_twice_in_one_interpreter(run):
    launcher = run("""
        assert launched(shell("echo first")) == 0
        assert launched(shell("echo second")) == 0
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        assert before == (signal.SIG_DFL, signal.default_int_handler), before
    """)
    assert "[sh-1] first" in launcher.lines
    assert "[sh-2] second" in launcher.lines


def test_exception_gives_exit_code_1_and_ends_what_runs(run):
    launcher = run(
        """
        def fail(context):
            raise RuntimeError("planted")
        sys.exit(launched(
            shell("echo up; exec sleep 60"), TimerAction(period=0.3, actions=[
                OpaqueFunction(function=fail)])))
    """,
        exit_code=1,
    )
    assert "Caught exception in launch" in launcher.output
    assert "planted" in launcher.output
    assert "sending signal 'SIGINT' to process[sh-1]" in launcher.output
