"""The table with which a test sums up its captures."""

from hil.analysis.result import Analysis, Result
from hil.sequences.bess._tables import overview


def test_what_has_no_value_says_why_and_what_was_not_asked_is_empty():
    found = {
        "one": Analysis((Result("came", "", 1.5, "s"),)),
        "two": Analysis((Result("came", "", None, "s", state="not settled"), Result("mode", "", "off", ""))),
    }
    shown = {"came": ("Came after", "s"), "mode": ("Mode", "")}
    table = overview(found, "All", shown, "Event", "Ride-through")
    assert (table.title, table.section) == ("All", "Ride-through")
    assert (table.columns, table.units) == (("Event", "Came after", "Mode"), ("", "s", ""))
    assert table.rows == (("one", 1.5, None), ("two", "not settled", "off"))
