"""How near the truth: ours and peers on the same synthetic signals, in one run.

Run: python benchmarks/accuracy.py

Every signal is a closed form, so every figure is an error against what was put in. The
limits are ours to keep; a figure of ours beyond its limit ends the run with exit code 1.
Peers: pqopen-lib (streamed in blocks of 10 cycles, as it is meant to be driven) and
python-control's `step_info`.
"""

from __future__ import annotations

import sys
import warnings
from math import inf, pi, sqrt

import numpy as np

from hil.analysis.quality.engine import quality
from hil.analysis.quality.flicker import Flickermeter
from hil.analysis.step.response import step_response
from hil.waveform import Channel, Waveform

VOLTS, SECONDS = 230.0, 4.0
LINES = ((20e3, 42.5), (20e3, 49.87), (25.6e3, 59.7), (50e3, 57.5), (50e3, 50.0), (100e3, 69.0))
"""Sampling rate and line frequency [Hz]."""
PST = {  # Edition 2, rectangular changes, dU/U in % at changes per minute: Pst = 1
    (230, 50): {1: 2.715, 7: 1.450, 39: 0.894, 110: 0.722, 1620: 0.407},
    (120, 60): {1: 3.181, 7: 1.694, 110: 0.844, 1620: 0.548},
    (120, 50): {7: 1.694, 39: 1.045, 1620: 0.545},
    (230, 60): {7: 1.450, 39: 0.895, 1620: 0.409},
}
UNBALANCED = (230.0, 220.0, 240.0)


def three(rate, hertz, harmonics=(), volts=(VOLTS,) * 3, tone=None, seconds=SECONDS):
    """Return a voltage system; harmonics: (order, share); tone: (Hz, share of the fundamental)."""
    t = np.arange(round(rate * seconds)) / rate
    rows = []
    for k, u in enumerate(volts):
        angle = 2 * pi * hertz * t - k * 2 * pi / 3
        wave = np.cos(angle) + sum(share * np.cos(h * angle + h) for h, share in harmonics)
        if tone is not None:
            wave = wave + tone[1] * np.cos(2 * pi * tone[0] * t + 1)
        rows.append(sqrt(2) * u * wave)
    channels = tuple(Channel(f"v_{p}", "V", "voltage", p) for p in "abc")
    return Waveform(np.array(rows), channels, rate)


def ours(waveform):
    """Return what the engine finds, as the mean over its intervals."""
    found = quality(waveform)
    i = found.intervals
    turn = np.exp(2j * pi / 3)
    a, b, c = i.phasors[:3]
    u2 = np.abs(a + turn**2 * b + turn * c) / np.abs(a + turn * b + turn**2 * c)
    return {
        "harmonics": np.sqrt((i.subgroups[0].astype(float) ** 2).mean(axis=0)),
        "inter": np.sqrt((i.interharmonics[0].astype(float) ** 2).mean(axis=0)),
        "thd": max(
            float((np.sqrt((g[:, 2:41].astype(float) ** 2).sum(1)) / g[:, 1]).max()) for g in i.subgroups[:3]
        ),
        "urms": float(np.abs(i.rms[0] - VOLTS).max()),
        "rms": i.rms[0],
        "half": found.urms[0].values,
        "hertz": found.frequency,
        "u2": float(u2.mean()),
    }


def pqopen(waveform, hertz):
    """Return the same of pqopen-lib, or None where it fails."""
    from daqopen.channelbuffer import AcqBuffer  # noqa: PLC0415 - a peer
    from pqopen.powersystem import PowerSystem  # noqa: PLC0415 - a peer

    buffers = [AcqBuffer(dtype=np.float64) for _ in "abc"]
    cycles = 10 if hertz < 55 else 12
    system = PowerSystem(
        zcd_channel=buffers[0], input_samplerate=waveform.rate, zcd_threshold=1.0, nper=cycles
    )
    for buffer in buffers:
        system.add_phase(u_channel=buffer)
    system.enable_harmonic_calculation(50)
    system.enable_rms_trapz_rule()
    step = round(0.2 * waveform.rate)
    try:
        for first in range(0, len(waveform), step):
            for buffer, row in zip(buffers, waveform.samples, strict=True):
                buffer.put_data(row[first : first + step])
            system.process()
    except ValueError:  # 12 cycles of some rates do not fit its buffer
        return None
    out = {
        name: channel.read_data_by_acq_sidx(0, 10**12)[0] for name, channel in system.output_channels.items()
    }
    later = slice(2, None)  # its first windows settle
    return {
        "harmonics": np.sqrt((out["U1_H_rms"][later].astype(float) ** 2).mean(axis=0)),
        "inter": np.sqrt((out["U1_IH_rms"][later].astype(float) ** 2).mean(axis=0)),
        "thd": float(np.max(out["U1_THD"][later])) / 100,
        "rms": out["U1_rms"][later],
        "half": out["U1_1p_hp_rms"][4:],
        "hertz": float(np.mean(out["Freq"][4:])),
        "u2": float(np.mean(out["U_unbal_2"][later])) / 100,
    }


def error(found, truth):
    """Return the largest error against the truth [% of it]."""
    return 100 * float(np.abs(found / truth - 1).max())


class Rows:
    """The table as it grows, and whether all of ours keep their limits."""

    def __init__(self):
        self.good = True

    def add(self, what, ours, limit, peer, unit):
        kept = ours is not None and ours <= limit
        self.good &= kept
        shown = "–" if peer is None else "fails" if peer == inf else f"{peer:.3g}"
        mark = "" if kept else "  <-- beyond its limit"
        print(f"{what:52s} {ours:10.3g} {limit:9.3g} {shown:>10s} {unit}{mark}")


def lines(rows):
    """Harmonics, distortion, RMS, frequency at several rates and line frequencies."""
    orders = np.arange(2, 51)
    for rate, hertz in LINES:
        where = f"{rate / 1e3:g} kS/s, {hertz:g} Hz"
        rich = three(rate, hertz, [(h, 0.01) for h in orders])
        us, peer = ours(rich), pqopen(rich, hertz)
        truth = 0.01 * VOLTS
        rows.add(
            f"harmonics 2..50, worst ({where})",
            error(us["harmonics"][2:51], truth),
            0.1,
            inf if peer is None else error(peer["harmonics"][2:51], truth),
            "% of reading",
        )
        rms = VOLTS * sqrt(1 + 49e-4)
        rows.add(
            f"RMS over 10/12 cycles ({where})",
            1e4 * error(us["rms"], rms),
            10,
            inf if peer is None else 1e4 * error(peer["rms"], rms),
            "ppm",
        )
        pure = three(rate, hertz)
        us, peer = ours(pure), pqopen(pure, hertz)
        rows.add(
            f"THD of a pure sine ({where})",
            100 * us["thd"],
            0.001,
            inf if peer is None else 100 * peer["thd"],
            "%",
        )
        rows.add(
            f"Urms(1/2) ({where})",
            1e4 * error(us["half"], VOLTS),
            10,
            inf if peer is None else 1e4 * error(peer["half"], VOLTS),
            "ppm",
        )
        rows.add(
            f"frequency ({where})",
            1e3 * abs(us["hertz"] - hertz),
            1,
            inf if peer is None else 1e3 * abs(peer["hertz"] - hertz),
            "mHz",
        )


def unbalance(rows):
    """u2 of three unequal voltages, against Fortescue."""
    a = np.exp(2j * pi / 3)
    ua, ub, uc = (u * a**-k for k, u in enumerate(UNBALANCED))
    truth = abs((ua + a**2 * ub + a * uc) / (ua + a * ub + a**2 * uc))
    for rate, hertz in ((20e3, 51.3), (50e3, 59.7)):
        waveform = three(rate, hertz, volts=UNBALANCED)
        peer = pqopen(waveform, hertz)
        rows.add(
            f"unbalance u2 = {100 * truth:.3f} % ({rate / 1e3:g} kS/s, {hertz:g} Hz)",
            100 * abs(ours(waveform)["u2"] - truth),
            0.001,
            inf if peer is None else 100 * abs(peer["u2"] - truth),
            "% absolute",
        )


def between_harmonics(rows):
    """Read a tone of 2 % in each bin between orders 1 and 3 that belongs to a centred subgroup."""
    for hertz, cycles in ((50.0, 10), (60.0, 12)):
        errors: list[float] = []
        peers: list[float] = []
        for k in (*range(cycles + 2, 2 * cycles - 1), *range(2 * cycles + 2, 3 * cycles - 1)):
            waveform = three(20e3, hertz, tone=(k * hertz / cycles, 0.02))
            order, truth = k // cycles, 0.02 * VOLTS
            errors.append(error(ours(waveform)["inter"][order], truth))
            peer = pqopen(waveform, hertz)
            if peer is not None:
                peers.append(error(peer["inter"][order], truth))
        rows.add(
            f"interharmonic of 2 % in each bin, worst ({hertz:g} Hz)",
            max(errors),
            1.0,
            max(peers) if peers else inf,
            "% of reading",
        )


def flicker(rows):
    """Rectangular changes of Edition 2 that are to give Pst = 1."""
    rate, seconds = 2000.0, 660.0
    t = np.arange(round(rate * seconds)) / rate
    for (lamp, hertz), table in PST.items():
        worst = 0.0
        for changes, depth in table.items():
            high = np.floor(t * changes / 60 + 0.5) % 2 == 0  # none at the beginning, where it settles
            wave = (
                sqrt(2) * lamp * np.sin(2 * pi * hertz * t) * np.where(high, 1 + depth / 200, 1 - depth / 200)
            )
            meter = Flickermeter(rate, 1, hertz=hertz, lamp=lamp)
            meter.feed(wave[None])
            worst = max(worst, 100 * abs(float(meter.result().pst[0, 0]) - 1))
        rows.add(
            f"Pst, worst of {len(table)} rows of Edition 2 ({lamp} V, {hertz} Hz)", worst, 1.0, None, "%"
        )


def steps(rows):
    """Second-order steps in and out of noise, against the closed form; the peer is step_info."""
    try:
        from control import step_info  # noqa: PLC0415 - a peer
    except ImportError:
        step_info = None
    rate, zeta, natural, begin = 10e3, 0.5, 2 * pi * 10, 0.2
    t = np.arange(round(rate * 1.2)) / rate
    damped = natural * sqrt(1 - zeta**2)
    s = np.clip(t - begin, 0, None)
    unit = 1 - np.exp(-zeta * natural * s) * (
        np.cos(damped * s) + zeta / sqrt(1 - zeta**2) * np.sin(damped * s)
    )
    fine = np.linspace(0, 1, 2_000_001)
    curve = 1 - np.exp(-zeta * natural * fine) * (
        np.cos(damped * fine) + zeta / sqrt(1 - zeta**2) * np.sin(damped * fine)
    )
    rise = fine[np.argmax(curve >= 0.9)] - fine[np.argmax(curve >= 0.1)]
    settling = fine[np.flatnonzero(np.abs(curve - 1) > 0.05)[-1]]
    overshoot = np.exp(-pi * zeta / sqrt(1 - zeta**2))
    rng = np.random.default_rng(1)
    for low, high, noise in (
        (200e3, 500e3, 0.0),
        (500e3, 200e3, 0.0),
        (300e3, 0.0, 0.0),
        (200e3, 500e3, 0.01),
    ):
        y = low + (high - low) * unit + noise * abs(high - low) * rng.normal(size=t.size)
        us = step_response(t, y, begin, band=0.05)
        peer = {"RiseTime": inf, "SettlingTime": inf, "Overshoot": inf}
        if step_info is not None:
            peer = step_info(y, t, SettlingTimeThreshold=0.05)
        name = f"step {low / 1e3:g} to {high / 1e3:g} kW" + (f", noise {100 * noise:g} %" if noise else "")
        ms = 2.0 if noise else 0.2
        rows.add(
            f"{name}: rise time", 1e3 * abs(us.rise_time - rise), ms, 1e3 * abs(peer["RiseTime"] - rise), "ms"
        )
        rows.add(
            f"{name}: settling time",
            1e3 * abs(us.settling_time - settling),
            10.0 if noise else ms,
            1e3 * abs(peer["SettlingTime"] - begin - settling),
            "ms",
        )
        rows.add(
            f"{name}: overshoot",
            100 * abs(us.overshoot - overshoot),
            4.0 if noise else 0.01,
            abs(peer["Overshoot"] - 100 * overshoot),
            "% of the step",
        )


def main() -> int:
    warnings.simplefilter("ignore")  # the peers'
    print(f"{'largest error of':52s} {'hil-bench':>10s} {'limit':>9s} {'peer':>10s}")
    rows = Rows()
    for part in (lines, unbalance, between_harmonics, flicker, steps):
        part(rows)
    print(
        "Peers: pqopen-lib for power quality, python-control step_info for steps; – where a peer has nothing."
    )
    return 0 if rows.good else 1


if __name__ == "__main__":
    sys.exit(main())
