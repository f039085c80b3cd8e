"""`spikeloop train` and `spikeloop eval`: tasks are found, and mistakes are named."""

from __future__ import annotations

from typing import Any

import pytest

from spikeloop.cli.main import main
from spikeloop.tasks import UnknownTaskError, task, tasks


def test_tasks_are_found_by_scanning() -> None:
    assert "pid" in tasks("train") and "pid" in tasks("evaluate")
    assert all(module.TEXT for module in tasks("train").values())
    with pytest.raises(UnknownTaskError, match="did you mean 'pid'"):
        task("pdi", "train")


@pytest.mark.parametrize("verb", ("train", "eval"))
def test_a_wrong_name_gives_one_line(verb: str, capsys: Any) -> None:
    assert main([verb, "pidd"]) == 2
    text = capsys.readouterr().err
    assert text.startswith(f"spikeloop {verb}: unknown task 'pidd' (did you mean 'pid'?)")
    assert text.count("\n") == 1


@pytest.mark.parametrize("verb", ("train", "eval"))
def test_help_is_the_tasks_own(verb: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        main([verb, "pid", "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"spikeloop {verb} pid" in text and "--plant" in text and "--workers" in text


def test_eval_refuses_what_it_cannot_use(capsys: Any) -> None:
    assert main(["eval", "pid", "--data", "somewhere"]) == 2
    assert "--data: this task has no data set" in capsys.readouterr().err
    assert main(["eval", "pid", "--weights", "spiking_pid_blimp"]) == 2
    assert "--plant" in capsys.readouterr().err
