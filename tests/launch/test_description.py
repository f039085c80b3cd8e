"""Descriptions: arguments, includes, conditions, groups, timers, substitutions."""

from __future__ import annotations

INNER = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.substitutions import LaunchConfiguration, ThisLaunchFileDir


def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument("colour", default_value="red", choices=["red", "blue"]),
        DeclareLaunchArgument("size", description="How big."),
        LogInfo(msg=["colour ", LaunchConfiguration("colour"), ", size ", LaunchConfiguration("size")]),
        LogInfo(msg=["in ", ThisLaunchFileDir()]),
    ])
"""


def messages(launcher):
    return [line.split("[launch.user]: ")[1] for line in launcher.lines if "launch.user" in line]


def test_include_passes_arguments_and_defaults(run, tmp_path):
    (tmp_path / "inner.launch.py").write_text(INNER, encoding="utf-8")
    launcher = run(f"""
        file = PythonLaunchDescriptionSource([{str(tmp_path)!r}, "/inner.launch.py"])
        sys.exit(launched(
            IncludeLaunchDescription(file, launch_arguments=[("size", "3")]),
        ))
    """)
    assert messages(launcher) == ["colour red, size 3", f"in {tmp_path}"]


def test_arguments_leak_unless_grouped(run, tmp_path):
    (tmp_path / "inner.launch.py").write_text(INNER, encoding="utf-8")
    launcher = run(f"""
        def include(**arguments):
            return IncludeLaunchDescription(
                AnyLaunchDescriptionSource({str(tmp_path / "inner.launch.py")!r}),
                launch_arguments=arguments.items())
        show = lambda: LogInfo(msg=["now ", LaunchConfiguration("size", default="unset")])
        launched(
            GroupAction([include(size="1"), SetEnvironmentVariable("IN_GROUP", "yes")]), show(),
            LogInfo(msg=["env ", EnvironmentVariable("IN_GROUP", default_value="unset")]),
            include(size="2", unknown="silent"), show(),
            LogInfo(msg=LaunchConfiguration("unknown")),
        )
    """)
    wanted = ["now unset", "env unset", "now 2", "silent"]
    assert [text for text in messages(launcher) if text in wanted] == wanted


def test_wrong_choice_is_an_error(run, tmp_path):
    (tmp_path / "inner.launch.py").write_text(INNER, encoding="utf-8")
    launcher = run(
        f"""
        sys.exit(launched(IncludeLaunchDescription(
            {str(tmp_path / "inner.launch.py")!r},
            launch_arguments={{"size": "1", "colour": "bleu"}}.items())))
    """,
        exit_code=1,
    )
    assert 'Argument "colour" provided value "bleu" is not valid' in launcher.output
    assert "['red', 'blue']" in launcher.output


def test_missing_argument_is_an_error(run):
    launcher = run("""sys.exit(launched(DeclareLaunchArgument("must")))""", exit_code=1)
    assert 'Required launch argument "must" was not provided.' in launcher.output


def test_conditions(run):
    launcher = run("""
        yes, no = LaunchConfiguration("yes"), LaunchConfiguration("no")
        launched(
            SetLaunchConfiguration("yes", "True"), SetLaunchConfiguration("no", "0"),
            LogInfo(msg="1", condition=IfCondition(yes)),
            LogInfo(msg="2", condition=IfCondition(no)),
            LogInfo(msg="3", condition=UnlessCondition(no)),
            GroupAction([LogInfo(msg="4")], condition=UnlessCondition(yes)),
            shell("echo started", condition=IfCondition(no)),
        )
    """)
    assert messages(launcher) == ["1", "3"]
    assert "started" not in launcher.output


def test_condition_that_is_neither_true_nor_false_is_an_error(run):
    run("""sys.exit(launched(LogInfo(msg="x", condition=IfCondition("maybe"))))""", exit_code=1)


def test_substitutions(run):
    launcher = run(
        """
        path = PathJoinSubstitution(["/a", TextSubstitution(text="b"), LaunchConfiguration("c", default=5)])
        def look(context, prefix, suffix=""):
            return [LogInfo(msg=[prefix, context.launch_configurations["set"], suffix])]
        launched(
            LogInfo(msg=path),
            LogInfo(msg=["home ", EnvironmentVariable("LAUNCH_TEST_HOME")]),
            SetLaunchConfiguration("set", ["x", path]),
            OpaqueFunction(function=look, args=["<"], kwargs={"suffix": ">"}),
        )
    """,
        LAUNCH_TEST_HOME="here",
    )
    assert messages(launcher) == ["/a/b/5", "home here", "<x/a/b/5>"]


def test_unknown_configuration_and_variable_are_errors(run):
    for text in ("LaunchConfiguration('nowhere')", "EnvironmentVariable('NOWHERE_SET')"):
        launcher = run(f"""sys.exit(launched(LogInfo(msg={text})))""", exit_code=1)
        assert "does not exist" in launcher.output


def test_group_of_its_own_configurations(run):
    launcher = run("""
        launched(
            SetLaunchConfiguration("a", "outer"),
            GroupAction(
                [LogInfo(msg=LaunchConfiguration("a"))], launch_configurations={"a": "inner"}),
            LogInfo(msg=LaunchConfiguration("a")),
            GroupAction([SetLaunchConfiguration("a", "kept")], scoped=False),
            LogInfo(msg=LaunchConfiguration("a")),
        )
    """)
    assert messages(launcher) == ["inner", "outer", "kept"]


def test_timer_and_its_cancellation(run):
    launcher = run("""
        cancelled = TimerAction(period=60.0, actions=[LogInfo(msg="never")])
        launched(
            cancelled,
            TimerAction(period=0.05, actions=[
                LogInfo(msg="later"), OpaqueFunction(function=lambda context: cancelled.cancel())]),
            LogInfo(msg="first"),
        )
    """)
    assert messages(launcher) == ["first", "later"]


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
    assert "Caught exception in launch (see debug for traceback)" in launcher.output
    assert "planted" in launcher.output
    assert "sending signal 'SIGINT' to process[sh-1]" in launcher.output
