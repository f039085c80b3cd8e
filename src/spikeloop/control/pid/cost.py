"""What the PID is tuned for; fixed before the first tuning, as is the seed.

    cost = mae / 0.1 m + overshoot / 10 % + settling / 10 s + steady / 0.05 m + activity / 0.05

of the pooled means of `spikeloop.metrics.step_response` over the flights of `TRAINING_SEEDS`.

Each divisor is the amount of its figure that counts as much as the amounts of the others. The
first four follow from the altitude missions (within 0.2 m by 15 s, overshoot up to 20 %): half of
what a mission allows, two thirds for the time, and for the signed mean error a quarter, since it
is what the integral is for. Activity is the mean change of the normalised command a decision.
Without a price on it the optimum is a controller that answers altimeter noise with its thrusters,
no fair reference for effort and none that one would fly; at 0.05 a decision the thruster is asked
for its full travel, from -1 to 1, once in 4 s.

A controller compared with the tuned PID must see the same observation (altimeter and set-point)
at the same 10 Hz. No seed here may be used to judge either.
"""

from __future__ import annotations

from spikeloop.metrics.step_response import TrackingMetrics

MAE_SCALE_M = 0.1
OVERSHOOT_SCALE_PCT = 10.0
SETTLING_SCALE_S = 10.0
STEADY_SCALE_M = 0.05
ACTIVITY_SCALE = 0.05

TUNING_SEED = 2309
"""Seed of the optimiser."""

TRAINING_SEEDS = tuple(range(10_000, 10_016))
"""Seeds of the episodes that the cost is taken over, the same for every candidate."""

HELD_OUT_SEEDS = tuple(range(20_000, 20_020))
"""Seeds of the episodes by which the tuned gains are reported."""


def cost(metrics: TrackingMetrics) -> float:
    """Weighted sum of the figures, dimensionless, at least 0; lower is better."""
    return (
        metrics.mae_m / MAE_SCALE_M
        + metrics.overshoot_pct / OVERSHOOT_SCALE_PCT
        + metrics.settling_s / SETTLING_SCALE_S
        + metrics.steady_m / STEADY_SCALE_M
        + metrics.activity / ACTIVITY_SCALE
    )
