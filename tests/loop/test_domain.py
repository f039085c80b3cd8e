"""Missions that fly at once get domains of their own; a user's choice holds."""

from __future__ import annotations

import os

import pytest

from spikeloop.loop.domain import own_domain


def test_two_at_once_get_two_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROS_DOMAIN_ID")
    with own_domain() as first:
        assert os.environ["ROS_DOMAIN_ID"] == str(first)
        monkeypatch.delenv("ROS_DOMAIN_ID")
        with own_domain() as second:
            assert second != first
        os.environ["ROS_DOMAIN_ID"] = str(first)
    assert "ROS_DOMAIN_ID" not in os.environ


def test_a_domain_that_the_user_chose_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "42")
    with own_domain() as domain:
        assert domain == 42
    assert os.environ["ROS_DOMAIN_ID"] == "42"
