"""The conventional PID controller: the reference that other controllers are measured against."""
