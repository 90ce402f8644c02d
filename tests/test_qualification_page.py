"""docs/qualification.md: in step with the code, and its figures those of the files."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
pytestmark = pytest.mark.source


@pytest.fixture(scope="module")
def page():
    return runpy.run_path(str(DOCS / "qualification.py"))["page"]()


def test_the_page_is_in_step_with_the_code(page):
    assert page == (DOCS / "qualification.md").read_text(encoding="utf-8"), "write it anew: make docs"


@pytest.mark.parametrize(
    "text",
    [
        "`peak_current` | Peak current while energising | ≤ 1.03 × `limit` |",  # t10: parameter, times
        "`active_as_commanded` | Step of active power as commanded | `active` ± 0.05 pu |",  # plus, minus
        "`voltage_ramp` | Rise of the voltage | 2 s .. 10 s |",  # low, high
        "`log_resolution` | Resolution of the event log | ≤ 1 ms |",
        "also genset (`genset_1`), which the quick form does without",  # t02: shared = 0 pu
        "*Needs* no instrument, but a bench file with `[plant]`.",  # t11
        "*Needs* what every bench has; and `[plant]` in the bench file",  # t12: both
        "| `energisations` | 6 | 1 |",  # full: the default; quick: the campaign's
    ],
)
def test_what_the_files_say_stands_there(page, text):
    assert text in page


def test_each_test_has_its_section(page):
    assert [line.split()[2] for line in page.splitlines() if line.startswith("## ")] == [
        f'id="t{n}"></a>T{n}' for n in range(1, 13)
    ]
