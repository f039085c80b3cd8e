"""The loop: slots and missions, lockstep, health of inputs, recording and reports."""
