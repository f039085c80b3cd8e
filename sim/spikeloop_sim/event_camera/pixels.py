"""The pixels: photoreceptor, change detector with mismatch, refractory time, leak and noise.

Each pixel low-passes log intensity with a cut-off that falls with light, and fires when the result
has left the level that it remembers by its threshold (Lichtsteiner, Posch and Delbruck, A 128x128
120 dB 15 us latency asynchronous temporal contrast vision sensor, 2008). After an event it is held
in reset, and remembers the level at the reset's end.

Noise: its standard deviation is constant where the cut-off falls with light, for the noise power
of the photocurrent and the bandwidth cancel, and falls with the root of light above (after Graca
and Delbruck, Unraveling the paradox of intensity-dependent DVS pixel noise, 2021). It moves the
crossing of each event by a draw of its own, and fires pixels at rest at the rate by which a noisy
level crosses a threshold at distance d, B exp(-d^2 / 2 sigma^2) (Rice, Mathematical analysis of
random noise, 1944), B being the cut-off.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from spikeloop_sim.event_camera.chance import exponential, normal, uniform
from spikeloop_sim.event_camera.interpolation import trace
from spikeloop_sim.event_camera.paths import TILE

MOST_EVENTS = 2048
"""Of one pixel in one interval; more are dropped."""
TABLE_LOW, TABLE_STEP, TABLE_SIZE = -10.0, 0.05, 512
"""Log illuminance of the first entry of the tables of bandwidth and noise, step, entries."""
NOISE_REACH = 4.5
"""Thresholds farther away than so many standard deviations are never crossed by noise."""
_EXACT = np.float32(0.002)
_CURVED = np.float32(0.3)
_RARE = np.float32(0.5 * NOISE_REACH**2)
_FORGOTTEN = np.float32(6.0)
_LEAST = np.float32(0.25)

_jit = njit(cache=True, fastmath=True, error_model="numpy", _nrt=False)
_inline = njit(cache=True, fastmath=True, error_model="numpy", forceinline=True, _nrt=False)
_ZERO, _ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)


@_inline
def _decay(x: Any) -> Any:
    """exp(-x) for x >= 0, to 0.5 %; cheap, and falling everywhere."""
    return _ONE / (
        _ONE + x * (_ONE + x * (_HALF + x * (np.float32(1 / 6) + x * np.float32(1 / 24))))
    )


@_inline
def _entry(log: Any) -> Any:
    at = np.int32((log - np.float32(TABLE_LOW)) * np.float32(1.0 / TABLE_STEP))
    return min(max(at, 0), TABLE_SIZE - 1)


@_inline
def _level(t: Any, seg: Any) -> Any:
    """The low-passed log intensity within a segment; its fields are made in `_expose`."""
    ta, tb, va, vb, la, slope, tau, drop, curved = seg
    if curved:
        return la + slope * (t - ta - tau) + drop * _decay((t - ta) / tau)
    return va + (vb - va) * (t - ta) / (tb - ta)


@_jit
def _crossing(goal: Any, ref: Any, leak: Any, since: Any, begin: Any, seg: Any) -> Any:
    """When the level leaves the falling reference by `goal`; it does so before the end."""
    low, high = begin, seg[1]
    at_low = _level(low, seg) - (ref - leak * (low - since)) - goal
    at_high = _level(high, seg) - (ref - leak * (high - since)) - goal
    if at_low * at_high >= 0.0:
        return low
    t = low
    for _ in range(6):
        t = low + (high - low) * at_low / (at_low - at_high)
        if not seg[8]:
            break
        at = _level(t, seg) - (ref - leak * (t - since)) - goal
        if abs(at) < _EXACT:
            break
        if at * at_high < 0.0:
            # Regula falsi after Dowell and Jarratt (1971): the end that stays is weighed down.
            low, at_low, high, at_high = high, at_high, t, at
        else:
            at_low *= at_high / (at_high + at)
            high, at_high = t, at
    return t


@_jit
def _fire(
    seg: Any, pixel: Any, on: Any, off: Any, sigma: Any, rate: Any, refractory: Any, leak: Any,
    ref: Any, hold: Any, luck: Any, when: Any, what: Any, count: Any, most: Any, random: Any,
) -> Any:  # fmt: skip
    """Events of one pixel in one segment.

    Returns:
        reference at the end, end of the reset, the next event's draw of noise, events so far.

    """
    t, end, since = seg[0], seg[1], seg[0]
    while count < most:
        if hold > t:
            if hold > end:
                break
            t = since = hold
            ref = _level(t, seg)
        change = seg[3] - (ref - leak * (end - since))
        up = max(on - sigma * luck, _LEAST * on)
        down = max(off + sigma * luck, _LEAST * off)
        if change >= up:
            goal, nominal, sign = up, on, 1
        elif change <= -down:
            goal, nominal, sign = -down, -off, 0
        else:
            break
        t = min(max(_crossing(goal, ref, leak, since, t, seg), t), end)
        when[count], what[count] = t, 2 * pixel + sign
        count += 1
        if sigma > 0.0:
            luck = normal(random)
        if refractory > 0.0:
            hold = t + refractory
        else:
            ref, since = ref - leak * (t - since) + nominal, t
    return ref - leak * (end - since), hold, luck, count


@_inline
def _hazard(change: Any, on: Any, off: Any, sigma: Any, rate: Any) -> Any:
    """Noise events a us, ON and OFF, of a pixel at rest `change` above its reference."""
    scale = _HALF / (sigma * sigma)
    up, down = (on - change) ** 2 * scale, (off + change) ** 2 * scale
    base = rate * np.float32(1.0 / (2.0 * math.pi))
    rises = base * np.float32(math.exp(-up)) if up < _RARE else _ZERO
    falls = base * np.float32(math.exp(-down)) if down < _RARE else _ZERO
    return rises, falls


@_inline
def _expose(
    pixel: Any, parts: Any, values: Any, points: Any, span: Any, state: Any, fixed: Any,
    tables: Any, refractory: Any, when: Any, what: Any, count: Any, random: Any,
) -> Any:  # fmt: skip
    """Run one pixel along its log intensity; returns the number of events so far."""
    level, ref, hold, luck = state[0, pixel], state[1, pixel], state[2, pixel], state[3, pixel]
    on, off, leak = fixed[0, pixel], fixed[1, pixel], fixed[2, pixel]
    most = count + MOST_EVENTS
    duration = span / np.float32(points - 1)
    often, rate, tau, kept, curved = _ONE / duration, -_ONE, _ZERO, _ZERO, False
    for k in range(1, points):
        ta, tb, la, lb = parts[k - 1] * span, parts[k] * span, values[k - 1], values[k]
        at = _entry(_HALF * (la + lb))
        sigma = tables[1, at]
        if tables[0, at] != rate:
            # In bright light the cut-off is the same for all.
            rate = tables[0, at]
            tau = _ONE / rate if rate > 0.0 else _ZERO
            kept = _decay(duration * rate)
            curved = duration * rate > _CURVED
        slope = (lb - la) * often
        start, stop, drop = la, lb, _ZERO
        if rate > 0.0:
            drop = level - la + slope * tau
            start, stop = level, lb - slope * tau + drop * kept
        change = stop - ref + leak * duration
        up = max(on - sigma * luck, _LEAST * on)
        down = max(off + sigma * luck, _LEAST * off)
        if hold > ta or change >= up or change <= -down:
            seg = (ta, tb, start, stop, la, slope, tau, drop, curved)
            ref, hold, luck, count = _fire(
                seg, pixel, on, off, sigma, rate, refractory, leak, ref, hold, luck, when, what,
                count, most, random,
            )  # fmt: skip
        else:
            ref -= leak * duration
        level = stop
    state[0, pixel], state[1, pixel] = level, ref
    state[2, pixel], state[3, pixel] = max(hold - span, _ZERO), luck
    return count


@_inline
def _settle(level: Any, parts: Any, values: Any, points: Any, span: Any, tables: Any) -> Any:
    """The low-passed level at the interval's end; what is long forgotten isn't looked at."""
    rate = tables[0, _entry(values[points - 1])]
    if rate <= 0.0:
        return values[points - 1]
    k = points - 1
    while k > 1 and (_ONE - parts[k - 1]) * span * rate < _FORGOTTEN:
        k -= 1
    if k > 1:
        level = values[k - 1]
    while k < points:
        la, lb = values[k - 1], values[k]
        duration = (parts[k] - parts[k - 1]) * span
        slope = (lb - la) / (duration * rate)
        level = lb - slope + (level - la + slope) * _decay(duration * rate)
        k += 1
    return level


@_jit
def run(
    begin: Any, span: Any, forward: Any, backward: Any, log0: Any, log1: Any, depth0: Any,
    depth1: Any, mask0: Any, mask1: Any, front0: Any, front1: Any, reach: Any, ends: Any,
    per_px: Any, state: Any, fixed: Any, tables: Any, refractory: Any, when: Any, what: Any,
    random: Any, parts: Any, values: Any,
) -> Any:  # fmt: skip
    """All pixels from `begin` on through one interval of `span` us.

    `state` (4, n): level, reference, end of the reset (us from now), draw of noise. `fixed` (3, n):
    thresholds ON, OFF, leak a us. `tables` (2, TABLE_SIZE): 1 / time constant (1/us), noise.

    Returns:
        the pixel to go on with once `when` and `what` have room again, and the events in them.

    """
    height, width = forward.shape[:2]
    count = 0
    for pixel in range(begin, height * width):
        if count + MOST_EVENTS > len(when):
            return pixel, count
        y, x = pixel // width, pixel % width
        ty, tx = y // TILE, x // TILE
        first, last = log0[2 * y, 2 * x], log1[2 * y, 2 * x]
        level, ref = state[0, pixel], state[1, pixel]
        on, off = fixed[0, pixel], fixed[1, pixel]
        at = _entry(_HALF * (first + last))
        margin = np.float32(NOISE_REACH) * tables[1, at]
        low, high = min(reach[ty, tx, 0], level), max(reach[ty, tx, 1], level)
        leaked = fixed[2, pixel] * span
        quiet = high - ref + leaked < on - margin and low - ref > margin - off
        if quiet and state[2, pixel] <= 0.0:
            # Nothing that this pixel can see in the interval makes it fire.
            rate = tables[0, at]
            if rate > 0.0:
                slope = (last - first) / span
                drop = level - first + slope / rate
                state[0, pixel] = last - slope / rate + drop * _decay(span * rate)
            else:
                state[0, pixel] = last
            state[1, pixel] = ref - leaked
            continue
        points = trace(
            x, y, forward, backward, log0, log1, depth0, depth1, mask0, mask1, front0, front1,
            ends[ty, tx, 0], ends[ty, tx, 1], ends[ty, tx, 2], ends[ty, tx, 3], per_px, parts,
            values,
        )  # fmt: skip
        low = high = level
        for k in range(points):
            low, high = min(low, values[k]), max(high, values[k])
        sigma, luck = tables[1, at], state[3, pixel]
        rises = high - ref + leaked >= max(on - sigma * luck, _LEAST * on)
        falls = ref - low >= max(off + sigma * luck, _LEAST * off)
        if not (rises or falls or state[2, pixel] > 0.0):
            level = _settle(level, parts, values, points, span, tables)
            state[0, pixel], state[1, pixel] = level, ref - leaked
            if high - ref + leaked < on - margin and low - ref > margin - off:
                continue
            # Only noise can make it fire, and for that the mean level will do.
            up, down = _hazard(_HALF * (first + last) - ref, on, off, sigma, tables[0, at])
            chance = uniform(random)
            if chance < (up + down) * span:
                t = chance / (up + down)
                when[count] = t
                what[count] = 2 * pixel + (1 if uniform(random) * (up + down) < up else 0)
                count += 1
                state[1, pixel], state[3, pixel] = level, normal(random)
                state[2, pixel] = max(t + refractory - span, _ZERO)
            continue
        count = _expose(
            pixel, parts, values, points, span, state, fixed, tables, refractory, when, what,
            count, random,
        )  # fmt: skip
    return height * width, count


@njit(cache=True, error_model="numpy")
def hot_events(pixels: Any, rates: Any, span: Any, when: Any, what: Any, random: Any) -> Any:
    """Events of hot pixels in `span` us: Poisson, mostly ON; returns how many."""
    count = 0
    for k in range(len(pixels)):
        t = exponential(random) / rates[k]
        while t < span and count < len(when):
            when[count], what[count] = t, 2 * pixels[k] + (1 if uniform(random) < 0.85 else 0)
            count += 1
            t += exponential(random) / rates[k]
    return count
