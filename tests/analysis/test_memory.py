"""A long capture is analysed in bounded memory: what stays is intervals and half cycles, not samples."""

import subprocess
import sys
from pathlib import Path

import pytest

LONG = """
import sys
import numpy as np
from hil.analysis.analyze import Given, measure
from hil.waveform import Channel, Waveform

class Tiled:
    # 8 channels at 100 kS/s that repeat one second, with a dip in the middle
    def __init__(self, seconds):
        self.rate, self.start, self.triggered, self.history = 100e3, 0.0, False, ()
        self.source, self.stated_frequency, self.seconds = "tiled", 50.0, seconds
        t = np.arange(100_000) / self.rate
        angles = [2 * np.pi * (50 * t - k / 3) for k in range(3)]
        rows = [*(325 * np.cos(a) + 5 * np.cos(5 * a) for a in angles), *(100 * np.cos(a) for a in angles)]
        rows += [np.full(t.size, 850.0), np.zeros(t.size)]
        self.tile = np.tile(np.array(rows, np.float32), 7)
        names = [(f"v_{p}", "V", "voltage", p) for p in "abc"]
        names += [(f"i_{p}", "A", "current", p) for p in "abc"]
        names += [("v_dc", "V", "voltage", "dc"), ("trigger", "V", "trigger", "")]
        self.channels = tuple(Channel(*name) for name in names)
    def __len__(self):
        return int(self.seconds * self.rate)
    def part(self, first, last):
        first, last = max(first, 0), min(last, len(self))
        begin, count = first % 100_000, max(0, last - first)
        samples = self.tile[:, begin : begin + count]
        if samples.shape[1] < count:
            samples = self.tile[:, np.arange(first, last) % 100_000]
        dip = len(self) // 2
        if first < dip + 20_000 and last > dip:
            samples = samples.copy()
            samples[:3, max(0, dip - first) : max(0, dip + 20_000 - first)] *= 0.5
        return Waveform(samples, self.channels, self.rate, first / self.rate)

found = measure(Tiled(float(sys.argv[1])), Given()).analysis
print(found["event_count"].value, found["residual_voltage_pu"].value, found["event_duration"].value,
      found["inception"].value, found["pst"].value if "pst" in found else None,
      next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024)
"""


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process's own memory")
def test_minutes_of_eight_channels_take_no_more_memory_than_seconds(tmp_path):
    """Four minutes are 768 MB of samples, the programs alone some 200 MB. The dip is in the middle."""
    script = tmp_path / "long.py"
    script.write_text(LONG)
    run = subprocess.run([sys.executable, script, "240"], capture_output=True, text=True, cwd=Path.cwd())
    assert run.returncode == 0, run.stderr
    count, residual, duration, inception, _, megabytes = run.stdout.split()
    assert float(count) == 1
    assert float(residual) == pytest.approx(0.5, rel=1e-3)
    assert float(duration) == pytest.approx(0.2, abs=0.021)
    assert float(inception) == pytest.approx(120.0, abs=2e-3)
    assert float(megabytes) < 500
