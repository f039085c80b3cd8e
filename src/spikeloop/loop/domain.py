"""ROS domains of simulated missions: two at once on one machine must not hear each other."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

DOMAINS = 100
"""Domains above 100 collide with the operating system's ephemeral ports."""
HOLD = 32768
"""Who uses domain N holds TCP port HOLD + N of this machine."""


@contextmanager
def own_domain() -> Iterator[int]:
    """Choose the first ROS domain that no other mission here uses, unless the user chose one.

    Sets ROS_DOMAIN_ID in the environment meanwhile.

    Raises:
        OSError: all are in use.

    """
    chosen = os.environ.get("ROS_DOMAIN_ID")
    if chosen is not None:
        yield int(chosen)
        return
    for domain in range(DOMAINS):
        with socket.socket() as held:
            try:
                held.bind(("127.0.0.1", HOLD + domain))
            except OSError:
                continue
            os.environ["ROS_DOMAIN_ID"] = str(domain)
            try:
                yield domain
            finally:
                del os.environ["ROS_DOMAIN_ID"]
            return
    raise OSError(f"all {DOMAINS} ROS domains are in use by missions on this machine")
