"""The end: signals to the launching process alone, escalation, order, what stays behind."""

from __future__ import annotations

import re
import signal
import time

SILENT = 'shell("sleep 0.1; echo up; exec sleep 60", name="silent")'
STUBBORN = """shell(
    "trap '' INT TERM; sleep 0.1; echo up; exec sleep 60", name="stubborn",
    sigterm_timeout="0.5", sigkill_timeout="0.5")"""


def test_sigint_ends_silent_and_stubborn_children_within_their_timeouts(start):
    launcher = start(f"sys.exit(launched({SILENT}, {STUBBORN}))")
    launcher.wait_for("up")
    launcher.wait_for("up")
    children = launcher.children()
    assert len(children) == 2
    begin = time.monotonic()
    launcher.send(signal.SIGINT)
    assert launcher.wait() == 0
    assert 1.0 <= time.monotonic() - begin < 4.0
    assert not any(child.is_running() for child in children)
    assert "user interrupted with ctrl-c (SIGINT)" in launcher.output
    assert "sending signal 'SIGINT' to process[silent-1]" in launcher.output
    assert re.search(r"silent-1\]: process has died .* exit code -2", launcher.output)
    assert "sending signal 'SIGTERM' to process[stubborn-2]" in launcher.output
    assert re.search(r"stubborn-2\]: process has died .* exit code -9", launcher.output)


def test_in_a_terminal_the_launcher_does_not_repeat_the_sigint_that_children_got(start):
    launcher = start("""
        service = LaunchService(noninteractive=False)
        service.include_launch_description(LaunchDescription([
            shell("trap 'echo INT' INT; echo up; while :; do sleep 0.05; done",
                  sigterm_timeout="0.5"),
        ]))
        sys.exit(service.run())
    """)
    launcher.wait_for("up")
    launcher.send(signal.SIGINT)
    assert launcher.wait() == 0
    assert "[sh-1] INT" not in launcher.lines
    assert "exit code -15" in launcher.output


def test_second_sigint_changes_nothing(start):
    launcher = start(f"sys.exit(launched({STUBBORN}))")
    launcher.wait_for("up")
    launcher.send(signal.SIGINT)
    launcher.wait_for("sending signal 'SIGINT'")
    launcher.send(signal.SIGINT)
    launcher.wait_for("again, ignoring")
    assert launcher.wait() == 0


def test_signals_go_backwards(start):
    launcher = start("""
        sys.exit(launched(
            *(shell("sleep 0.1; echo up; exec sleep 60", name=name) for name in "abc")))
    """)
    for _ in "abc":
        launcher.wait_for("up")
    launcher.send(signal.SIGINT)
    assert launcher.wait() == 0
    signals = re.findall(r"sending signal 'SIGINT' to process\[(\w)-\d\]", launcher.output)
    assert signals == ["c", "b", "a"]


def test_output_during_the_shutdown_is_printed(start):
    launcher = start("""
        launched(shell("trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done"))
    """)
    launcher.wait_for("up")
    launcher.send(signal.SIGINT)
    assert launcher.wait() == 0
    assert "[sh-1] bye" in launcher.lines
    assert "finished cleanly" in launcher.output


def test_shutdown_from_another_thread(run):
    launcher = run(f"""
        import threading
        service = LaunchService()
        process = {SILENT}
        service.include_launch_description(LaunchDescription([process, RegisterEventHandler(
            OnProcessIO(target_action=process, on_stdout=lambda _: threading.Thread(
                target=service.shutdown).start() and None))]))
        sys.exit(service.run())
    """)
    assert "sending signal 'SIGINT'" in launcher.output
