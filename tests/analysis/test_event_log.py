"""When power ended, and how fine a log is."""

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.event_log import power_ends, resolution
from hil.waveform import Channel, Waveform

RATE = 50e3


def powered(share):
    """Return a record of three phases whose power at each sample is a share of 100 kW."""
    time = np.arange(share.size) / RATE
    angles = [2 * np.pi * (60 * time - k / 3) for k in range(3)]
    amps = 100e3 / (3 * 277.0) * share
    rows = [2**0.5 * 277.0 * np.cos(a) for a in angles] + [2**0.5 * amps * np.cos(a) for a in angles]
    channels = [Channel(f"{q[0]}{p}", "", q, p) for q in ("voltage", "current") for p in "abc"]
    return Waveform(np.array(rows), tuple(channels), RATE)


def test_a_ramp_down_ends_at_5_percent_and_is_as_sharp_as_it_is_steep():
    """From 0.5 to 0 within 10 ms from 0.4 s on: 10 % at 408 ms, 5 % at 409 ms; means of 0.2 ms."""
    time = np.arange(30_000) / RATE
    (end,) = power_ends(powered(-np.clip(0.5 - 50 * (time - 0.4), 0.0, 0.5)), 100e3)
    assert end.time == pytest.approx(0.409, abs=2.1e-4)
    assert end.uncertainty == pytest.approx(1.0e-3, abs=2.1e-4)


def test_what_comes_back_at_once_or_is_cut_by_the_record_has_not_ended():
    share = np.full(30_000, 0.5)
    share[10_000:12_000] = 0.0  # 40 ms
    share[-1_000:] = 0.0  # 20 ms
    assert power_ends(powered(share), 100e3) == ()


def test_samples_that_are_missing_are_no_end_of_power():
    whole = powered(np.full(30_000, 0.5))
    samples, valid = whole.samples.copy(), np.ones(30_000, bool)
    samples[:, 10_000:20_000], valid[10_000:20_000] = 0.0, False
    assert power_ends(replace(whole, samples=samples), 100e3) != ()
    assert power_ends(replace(whole, samples=samples, valid=valid), 100e3) == ()


def test_two_ends():
    share = np.full(50_000, 1.0)
    share[10_000:20_000] = share[40_000:] = 0.0
    assert [end.time for end in power_ends(powered(share), 100e3)] == pytest.approx([0.2, 0.8], abs=3e-4)


@pytest.mark.parametrize(
    ("times", "step"),
    [
        ((0.1, 0.112, 1.607, 2.133), 1e-3),
        ((0.1234, 0.1334, 1.6334, 2.1434), 1e-2),  # its grid need not begin at zero
        ((0.5, 3.5, 7.5, 8.5), 1.0),
        ((0.1, 0.11234, 0.15, 0.2), 1e-5),
        ((0.1, 0.112, 1.607), None),
    ],
)
def test_resolution_is_the_coarsest_grid_on_which_all_times_lie(times, step):
    assert resolution(times) == step
