"""Numbers out of text: the compiled parser gives what Python's float gives, or leaves it to pandas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.capture import parsing, parsing_kernel
from hil.capture.comtrade import read_comtrade
from hil.errors import FormatError

pytest.importorskip("numba", reason="without numba pandas reads it all")

PLAIN = st.one_of(
    st.integers(-(10**15) + 1, 10**15 - 1).map(str),
    st.decimals(-(10**6), 10**6, places=6).map(str),
    st.sampled_from(
        ["", "-0", "+7", "007", ".5", "5.", "-.25", " 12 ", "0.00000000000001", "999999999999999"]
    ),
)


def fill(text, columns, delimiter=",", decimal="."):
    """Return the table of a text, or None where the kernel leaves it to others."""
    table = np.full((text.count("\n") + 1, columns), -77.0)
    data = np.frombuffer(text.encode("latin-1"), np.uint8)
    count = parsing_kernel.fill(data, ord(delimiter), ord(decimal), table)
    return None if count < 0 else table[:count]


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(PLAIN, min_size=3, max_size=3), min_size=1, max_size=6),
    end=st.sampled_from("\n\r"),
)
def test_to_the_last_bit(rows, end):
    """Python's float rounds rightly, and so must one division of two exact numbers."""
    end = "\n" if end == "\n" else "\r\n"
    found = fill(end.join(",".join(row) for row in rows), 3)
    assert np.array_equal(found, [[float(cell or "nan") for cell in row] for row in rows], equal_nan=True)


@pytest.mark.parametrize(
    "text",
    ["1,2\n3,x", "1,2\n3", "1,2\n3,4,5", "1,2,\n3,4,", "1e3,2\n3,4", "1,nan", "-,2", ".,2", "1.2.3,4",
     "1 2,3", "1234567890123456,1", "1,--2", "1;2\n3;4", "1,2\n\x003,4"],
)  # fmt: skip
def test_what_is_left_to_others(text):
    assert fill(text, 2) is None


def test_more_rows_than_there_is_room_for():
    """The room is that for lines that end in a line feed; nothing checks the bounds of an array here."""
    assert fill("1,2\r3,4", 2) is None


def test_other_delimiters_and_empty_lines():
    assert fill("1,5;-2\n\n3;4,25\n", 2, ";", ",").tolist() == [[1.5, -2], [3, 4.25]]
    assert np.isnan(fill(",\n", 2)).all()


@pytest.mark.parametrize("large", [True, False])
def test_both_ways_read_the_same(large, write_comtrade, monkeypatch):
    monkeypatch.setattr(parsing, "_LARGE", 0 if large else 1 << 60)
    used = []
    kernel = parsing_kernel.fill
    monkeypatch.setattr(parsing_kernel, "fill", lambda *args: used.append(kernel(*args)) or used[-1])
    codes = [(i, 99999 if i == 5 else "" if i == 7 else f"{i / 8}") for i in range(30)]
    lines = ["Va,A,,V,0.5,10,0,-32767,32767,1,1,P", "Ia,A,,A,1,0,0,-32767,32767,1,1,P"]
    path = write_comtrade("ASCII", lines, codes, ["d"], [[i & 1] for i in range(30)])
    w = read_comtrade(path)
    assert used == ([30] if large else [])
    assert w["Va"].tolist() == [0.5 * i + 10 for i in range(30)]
    assert np.flatnonzero(np.isnan(w["Ia"])).tolist() == np.flatnonzero(~w.valid).tolist() == [5, 7]
    path.with_suffix(".dat").write_bytes(path.with_suffix(".dat").read_bytes().replace(b"\n9,", b"\nx,"))
    with pytest.raises(FormatError, match="line 9: 'x' is not a number"):
        read_comtrade(path)
