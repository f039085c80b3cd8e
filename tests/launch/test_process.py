"""Processes: what is printed, exit codes, environment, respawn, the order of events."""

from __future__ import annotations

import re


def test_output_and_lines_about_start_and_end(run):
    launcher = run("""sys.exit(launched(shell("echo one; echo two >&2")))""")
    started = re.search(
        r"^\[INFO\] \[sh-1\]: process started with pid \[(\d+)\]$", launcher.output, re.M
    )
    assert started
    assert "[sh-1] one" in launcher.lines
    assert "[sh-1] two" in launcher.lines
    assert f"[INFO] [sh-1]: process has finished cleanly [pid {started[1]}]" in launcher.lines


def test_death_is_told_with_code_and_command_and_is_no_failure_of_the_service(run):
    launcher = run("""sys.exit(launched(shell("exit 3")))""", exit_code=0)
    died = r"^\[ERROR\] \[sh-1\]: process has died \[pid \d+, exit code 3, cmd 'sh -c exit 3'\]\.$"
    assert re.search(died, launcher.output, re.M)


def test_signal_is_a_negative_exit_code(run):
    launcher = run("""launched(shell("kill -KILL $$"))""")
    assert "exit code -9" in launcher.output


def test_last_line_without_its_end_is_printed(run):
    assert "[sh-1] rest" in run("""launched(shell("printf 'line\\\\nrest'"))""").lines


def test_characters_survive_and_bad_bytes_are_marked(run):
    launcher = run("""launched(shell(r"printf 'gr\\303\\274n \\377\\n'"))""", PYTHONUTF8="1")
    assert "[sh-1] grün \N{REPLACEMENT CHARACTER}" in launcher.lines


def test_big_output_of_both_pipes_arrives_complete(run):
    launcher = run("""launched(shell("seq 50000; seq 50001 100000 >&2"))""")
    numbers = re.findall(r"^\[sh-1\] (\d+)$", launcher.output, re.M)
    assert sorted(map(int, numbers)) == list(range(1, 100001))


def test_output_log_shows_errors_only(run):
    launcher = run("""launched(shell("echo quiet; echo loud >&2", output="log"))""")
    assert "[sh-1] loud" in launcher.lines
    assert "quiet" not in launcher.output


def test_name_and_numbers_of_processes(run):
    launcher = run("""
        launched(shell("echo a", name="first"))
        launched(shell("echo b"))
    """)
    assert "[first-1] a" in launcher.lines
    assert "[sh-2] b" in launcher.lines


def test_environment(run):
    launcher = run("""
        launched(
            SetEnvironmentVariable("GIVEN", "a"),
            shell('echo "$GIVEN,$MORE"', additional_env={"MORE": "c"}),
        )
    """)
    assert "[sh-1] a,c" in launcher.lines


def test_missing_program_is_told_and_nothing_hangs(run):
    launcher = run("""launched(ExecuteProcess(cmd=["/no/such/program"]), shell("echo other"))""")
    assert "exception occurred while executing process" in launcher.output
    assert "/no/such/program" in launcher.output
    assert "[sh-2] other" in launcher.lines


def test_events_come_in_order(run):
    launcher = run("""
        process = shell("sleep 0.2; echo said; sleep 0.2")
        say = lambda text: print(text, flush=True)
        launched(
            process,
            RegisterEventHandler(OnProcessStart(
                target_action=process, on_start=lambda event, context: say("handler: start"))),
            RegisterEventHandler(OnProcessIO(
                target_action=process, on_stdout=lambda event: say(f"handler: {event.text}"))),
            RegisterEventHandler(OnProcessExit(
                target_action=process,
                on_exit=lambda event, context: say(f"handler: exit {event.returncode}"))),
            LogInfo(msg="visited"),
        )
    """)
    expected = [
        "[INFO] [launch.user]: visited",
        "process started",
        "handler: start",
        "handler: b'said\\n'",
        "process has finished cleanly",
        "handler: exit 0",
    ]
    places = [launcher.output.index(text) for text in expected]
    assert places == sorted(places)


def test_handlers_are_for_their_target_or_for_all(run):
    launcher = run("""
        first, second = shell("echo 1"), shell("echo 2")
        launched(
            RegisterEventHandler(OnProcessExit(
                target_action=second, on_exit=[LogInfo(msg="second"), LogInfo(msg="ended")])),
            RegisterEventHandler(OnProcessExit(on_exit=lambda event, context: LogInfo(msg="any"))),
            first, second,
        )
    """)
    said = [line.split("]: ")[1] for line in launcher.lines if "launch.user" in line]
    assert sorted(said) == ["any", "any", "ended", "second"]


def test_standard_error_is_heard_by_itself(run):
    launcher = run("""
        launched(
            RegisterEventHandler(OnProcessIO(
                on_stderr=lambda event: print("heard", event.process_name, event.text))),
            shell("echo out; echo err >&2", name="both"),
        )
    """)
    heard = [line for line in launcher.lines if line.startswith("heard")]
    assert heard == ["heard both-1 b'err\\n'"]


def test_on_exit_shutdown_ends_the_others(run):
    launcher = run("""
        launched(shell("exec sleep 60"), shell("exit 1", name="needed", on_exit=Shutdown()))
    """)
    assert "process[needed-2] was required: shutting down launched system" in launcher.output
    assert "sending signal 'SIGINT' to process[sh-1]" in launcher.output


def test_on_exit_may_be_a_function(run):
    launcher = run("""
        launched(shell("exit 4", on_exit=lambda event, context: [
            LogInfo(msg=f"{event.process_name} gave {event.returncode}")]))
    """)
    assert "[INFO] [launch.user]: sh-1 gave 4" in launcher.lines


def test_respawn_until_the_shutdown(run):
    launcher = run("""
        ends = []
        def count(event, context):
            ends.append(event.pid)
            return Shutdown() if len(ends) == 3 else None
        launched(
            shell("echo alive", respawn=True, respawn_delay=0.05),
            RegisterEventHandler(OnProcessExit(on_exit=count)))
        assert len(set(ends)) == 3
    """)
    assert launcher.lines.count("[sh-1] alive") == 3


def test_no_respawn_during_shutdown(run):
    launcher = run("""
        process = shell("echo alive; exec sleep 60", respawn=True, respawn_delay=0.0)
        launched(process, RegisterEventHandler(OnProcessIO(
            target_action=process, on_stdout=lambda event: Shutdown(reason="seen"))))
    """)
    assert launcher.lines.count("[sh-1] alive") == 1


def test_shutdown_ends_the_wait_before_a_respawn(run):
    launcher = run("""
        process = shell("exit 1", respawn=True, respawn_delay=60.0)
        launched(process, shell("sleep 0.3", on_exit=Shutdown()))
    """)
    assert launcher.output.count("has died") == 1


def test_grandchild_that_keeps_the_output_open_holds_nothing_up(run):
    launcher = run("""launched(shell("sleep 5 & echo $!; exit 0"))""")
    assert "process has finished cleanly" in launcher.output


def test_executing_an_action_twice_is_an_error(run):
    launcher = run(
        """
        process = shell("echo once")
        sys.exit(launched(process, process))
    """,
        exit_code=1,
    )
    assert "executed more than once" in launcher.output
