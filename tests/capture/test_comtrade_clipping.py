"""Where a channel of a COMTRADE record ran out of its range, and where it only looks like it."""

import numpy as np
import pytest

from hil.capture.comtrade import open_comtrade, read_comtrade

RATE, HERTZ = 20_000, 50
STATED = "Va,A,,V,0.5,0,0,-2000,2000,1,1,P"
TYPE = "Va,A,,V,0.5,0,0,-32767,32767,1,1,P"


def sine(peak, n=4000, hertz=HERTZ, noise=0.0):
    t = np.arange(n) / RATE
    return peak * np.sin(2 * np.pi * hertz * t + 0.3) + noise * np.random.default_rng(1).normal(size=n)


def flat(codes, limit):
    """Where a code stands at the limit, by the definition."""
    return np.flatnonzero(np.abs(codes) == limit).tolist()


@pytest.fixture
def spoilt(write_comtrade):
    """Return the samples of x, by line of cfg and kind, that are read as not valid."""

    def of(x, line=TYPE, kind="BINARY"):
        codes = [(float(v),) for v in x] if kind == "FLOAT32" else [(int(v),) for v in x]
        stamps = [50 * i for i in range(len(x))]
        path = write_comtrade(kind, [line], codes, rate=str(RATE), stamps=stamps)
        w = read_comtrade(path)
        part = open_comtrade(path).part(0, len(x))
        bad = [] if w.valid is None else np.flatnonzero(~w.valid).tolist()
        assert bad == ([] if part.valid is None else np.flatnonzero(~part.valid).tolist())
        assert bool(bad) == any("marked as clipped" in note for note in w.history)
        return bad

    return of


@pytest.mark.parametrize(("line", "limit"), [(STATED, 2000), (TYPE, 32767)])
@pytest.mark.parametrize("over", [1.02, 1.2, 3.0])
@pytest.mark.parametrize("kind", ["BINARY", "BINARY32", "ASCII"])
def test_beyond_its_limit(spoilt, line, limit, over, kind):
    x = np.clip(np.rint(sine(over * limit, noise=1)), -limit, limit)
    assert spoilt(x, line, kind) == flat(x, limit)


def test_once_is_enough_at_the_stated_limit(spoilt):
    """One crest of a swell; the other side of the signal is far from its limit."""
    x = np.rint(sine(1200))
    x[1000:1200] *= 2
    clipped = np.minimum(x, 2000)
    assert spoilt(clipped, STATED) == np.flatnonzero(clipped == 2000).tolist()


def test_a_converter_that_ends_before_the_stated_range(spoilt):
    """A 12-bit converter in 16-bit codes: three flat crests tell, two do not."""
    x = np.clip(np.rint(sine(2400)), -2047, 2047)
    assert spoilt(x) == flat(x, 2047)
    few = [np.concatenate([x[:n], np.zeros(100)]) for n in (790, 1190)]  # two and three of either sign
    assert spoilt(few[0]) == []
    assert spoilt(few[1]) == flat(few[1], 2047)


def test_floating_point_values_that_were_cut_off(spoilt):
    x = np.clip(sine(600.0), -500, 500)
    assert spoilt(x, "Va,A,,V,1,0,0,-3.4e38,3.4e38,1,1,P", "FLOAT32") == flat(x, 500)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("hertz", [5, 50])
def test_a_quantised_crest_is_no_flat_top(spoilt, bits, hertz):
    """The range is the data's own, and at 400 to 4000 samples per cycle a crest repeats its code."""
    peak = 2 ** (bits - 1) - 1
    x = np.rint(sine(peak, hertz=hertz))
    assert np.count_nonzero(x == x.max()) > 2
    assert spoilt(x, TYPE.replace("-32767,32767", f"{int(x.min())},{int(x.max())}")) == []


def test_the_flattest_smooth_crest_at_the_stated_limit(spoilt):
    """Three equal codes, and 0.98 codes per sample squared: 15 codes lower three samples further on.

    The crest 0.49 above its code on a sample, A (2 pi / 400)^2 / 2 = 0.98.
    """
    x = np.rint(7943.49 * np.cos(2 * np.pi * np.arange(4000) / 400))
    assert x[399:402].tolist() == [7943] * 3
    assert x[396] == 7943 - 15
    assert spoilt(x, TYPE.replace("-32767,32767", "-7943,7943")) == []


@pytest.mark.parametrize(
    "x",
    [
        np.repeat([0.0, 2000.0], 1000),  # a step of DC, at rest at its own maximum
        np.repeat([2000.0, -2000.0], 1000),
        np.tile(np.repeat([2000.0, -2000.0], 50), 40),  # the terminals of an inverter
        np.zeros(1000),
        np.abs(np.clip(sine(2400), -2000, 2000)),  # one polarity: a level
        np.clip(sine(4000, hertz=5), -2000, 2000),  # flat for 67 ms: a level
        np.where(np.arange(4000) % 100 == 3, 2000, sine(500)),  # spikes of one sample
    ],
)
def test_what_rests_at_its_extreme_for_a_reason(spoilt, x):
    assert spoilt(np.rint(x), STATED) == []


def test_a_channel_that_is_no_voltage_or_current_is_not_judged(spoilt):
    x = np.clip(np.rint(sine(2400)), -2000, 2000)
    assert spoilt(x, STATED.replace("Va,A,,V", "speed,,,rpm")) == []


def test_a_stated_range_that_samples_exceed_is_not_believed(spoilt):
    x = np.minimum(np.rint(sine(2400)), 2000)
    x[500:520] = 2300  # beyond: so 2000 is no limit
    x[1000:] = np.maximum(x[1000:], -1500)
    x[200:400] = np.maximum(x[200:400], -2000)
    x[400:1000] = np.maximum(x[400:1000], -1500)  # so one crest rests at -2000, and none else
    x[:200] = 0
    assert spoilt(x, STATED) == []


def test_flat_tops_across_blocks(spoilt, monkeypatch):
    x = np.clip(np.rint(sine(2400)), -2000, 2000)
    wanted = flat(x, 2000)
    for block in (100, 150, 1000):
        monkeypatch.setattr("hil.capture.comtrade_survey.BLOCK", block)
        monkeypatch.setattr("hil.capture.comtrade_survey._LONGEST", 0.005)  # 100 samples
        assert spoilt(x, STATED) == wanted
