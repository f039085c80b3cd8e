"""Events of processes."""

from launch.core import ProcessExited as ProcessExited
from launch.core import ProcessStarted as ProcessStarted
from launch.core import ProcessStderr as ProcessStderr
from launch.core import ProcessStdout as ProcessStdout
from launch.core import ShutdownProcess as ShutdownProcess
from launch.core import SignalProcess as SignalProcess
