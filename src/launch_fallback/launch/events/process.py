"""Events of processes."""

from launch.core import Event


class ProcessStarted(Event):
    """A process has started: `action`, `process_name`, `pid`, `cmd`, `cwd`, `env`."""

class ProcessExited(Event):
    """A process has ended with `returncode`, which is negative if a signal ended it."""

class ProcessStdout(Event):
    """A process wrote `text` (bytes, not whole lines) to its standard output."""

class ProcessStderr(Event):
    """A process wrote `text` (bytes, not whole lines) to its standard error."""

class ShutdownProcess(Event):
    """The processes that `process_matcher` accepts are to end: SIGINT first, then more."""

class SignalProcess(Event):
    """The processes that `process_matcher` accepts are to get the signal `signal_number`."""
