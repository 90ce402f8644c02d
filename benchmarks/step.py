"""Step metrics beside python-control's `step_info`: what each makes of a record, and how fast.

Run: python benchmarks/step.py

The record is what a bench captures: power before the command, a step of 300 kW from 200 kW with
a damping ratio of 0.5, perhaps noise; then steps down and to zero. `step_info` has no initial
value, no instant of the command and no noise; "by hand" it is given the step per unit, from
the command on. Speed: a million samples, the best of several runs, in turn.
"""

import time

import numpy as np

from hil.analysis.step.response import step_response

try:
    from control import step_info
except ImportError:
    step_info = None

ZETA, OMEGA, BAND, RUNS = 0.5, 60.0, 0.02, 15


def record(samples, initial, final, sigma=0.0):
    t = np.linspace(-0.2, 1.0, samples)
    after, damped = np.maximum(t, 0), OMEGA * np.sqrt(1 - ZETA**2)
    slow = ZETA / np.sqrt(1 - ZETA**2)
    y = 1 - np.exp(-ZETA * OMEGA * after) * (np.cos(damped * after) + slow * np.sin(damped * after))
    noise = sigma * np.random.default_rng(1).normal(size=samples)
    return t, initial + (final - initial) * (y + noise)


def theirs(t, values, initial=0.0, final=1.0, *, by_hand=False):
    if by_hand:
        t, values = t[t >= 0], (values[t >= 0] - initial) / (final - initial)
    found = step_info(values, t, SettlingTimeThreshold=BAND)
    return found["RiseTime"], found["SettlingTime"], found["Overshoot"]


def ours(t, values):
    found = step_response(t, values, 0.0, band=BAND)
    over = None if found.overshoot is None else 100 * found.overshoot
    return found.rise_time, found.settling_time, over, found.state


def show(name, numbers, state=""):
    cells = " ".join(f"{'-' if n is None else format(n, '.4g'):>10s}" for n in numbers)
    print(f"  {name:24s}{cells}  {state}")


def correctness():
    cases = (("200 -> 500 kW", 200.0, 500.0, 0.0), ("500 -> 200 kW", 500.0, 200.0, 0.0))
    cases += (("300 -> 0 kW", 300.0, 0.0, 0.0),)
    cases += tuple((f"200 -> 500 kW, noise {100 * s:g} %", 200.0, 500.0, s) for s in (0.0033, 0.01, 0.02))
    print(f"{'':26s}{'rise [s]':>10s} {'settle [s]':>10s} {'over [%]':>10s}")
    for title, initial, final, sigma in cases:
        print(title)
        t, clean = record(20_001, initial, final)
        y = (clean - initial) / (final - initial)
        rise = t[(y >= 0.9).argmax()] - t[(y >= 0.1).argmax()]
        crest = 100 * np.exp(-np.pi * ZETA / np.sqrt(1 - ZETA**2))
        show("truth", (rise, t[np.abs(y - 1) > BAND][-1], crest))
        t, values = record(20_001, initial, final, sigma)
        *numbers, state = ours(t, values)
        show("hil", numbers, state)
        if step_info:
            show("step_info", theirs(t, values))
            show("step_info, by hand", theirs(t, values, initial, final, by_hand=True))


def speed():
    for title, sigma in (("clean", 0.0), ("noise 1 %", 0.01)):
        t, values = record(1_000_001, 200.0, 500.0, sigma)
        runs = {"hil": lambda t=t, v=values: ours(t, v)}
        if step_info:
            runs["step_info"] = lambda t=t, v=values: theirs(t, v)
        best = dict.fromkeys(runs, np.inf)
        for _ in range(RUNS):
            for name, run in runs.items():
                begin = time.perf_counter()
                run()
                best[name] = min(best[name], time.perf_counter() - begin)
        print(f"1 M samples, {title}: " + ", ".join(f"{n} {1e3 * s:.1f} ms" for n, s in best.items()))


def main():
    if step_info is None:
        print("python-control is not installed (pip install control): ours alone")
    correctness()
    speed()


if __name__ == "__main__":
    main()
