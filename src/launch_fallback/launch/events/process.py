"""Events of processes."""

from launch.core import (
    ProcessExited as ProcessExited, ProcessStarted as ProcessStarted,
    ProcessStderr as ProcessStderr, ProcessStdout as ProcessStdout,
    ShutdownProcess as ShutdownProcess, SignalProcess as SignalProcess,
)
