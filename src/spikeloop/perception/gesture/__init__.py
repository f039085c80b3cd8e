"""Ten gestures of a hand, seen by an event camera."""
