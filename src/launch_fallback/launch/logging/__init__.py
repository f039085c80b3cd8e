"""Loggers that write to the screen."""

from __future__ import annotations

import contextlib
import logging
import sys

from launch.deferred import module_getattr

__getattr__ = module_getattr(__name__)


class ScreenHandler(logging.Handler):
    """Write to what is standard output at the moment; ends nothing if nobody reads it."""

    def emit(self, record: logging.LogRecord) -> None:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = self.format(record).encode(encoding, "replace").decode(encoding)
        with contextlib.suppress(OSError, ValueError):
            print(text, flush=True)


def get_logger(name: str, style: str = "[%(levelname)s] [%(name)s]: %(message)s") -> logging.Logger:
    """Return a logger that writes to the screen, from INFO on."""
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(ScreenHandler())
        logger.handlers[0].setFormatter(logging.Formatter(style))
        logger.propagate = False
        logger.setLevel(logging.INFO)
    return logger
