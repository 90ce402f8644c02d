"""The simulated plant beside published results and closed forms, in one table.

Run: python benchmarks/plant_accuracy.py

The figures are those of the tests in tests/plant/validation, which hold them to their
limits: this runs those tests and prints what they found. Exit code 1 where one fails.
"""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1] / "tests" / "plant" / "validation"


class Printer:
    """Prints the rows of each test as it ends."""

    def pytest_runtest_logreport(self, report):
        for _, (what, ours, reference, unit) in report.user_properties if report.when == "call" else ():
            print(f"{what:72s} {ours:10.4g} {reference:>17s} {unit}")
        if report.failed:
            print(f"{report.nodeid}: failed\n{report.longreprtext}")


def main() -> int:
    print(f"{'quantity':72s} {'hil-bench':>10s} {'reference':>17s}")
    # without pytest's own output, and without the options that are for it
    options = ["-p", "no:terminal", "-o", "addopts=", "--import-mode=importlib", "-p", "no:cacheprovider"]
    return int(pytest.main([*options, str(TESTS)], plugins=[Printer()]) != pytest.ExitCode.OK)


if __name__ == "__main__":
    sys.exit(main())
