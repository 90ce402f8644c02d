"""The qualification campaign on the simulated bench: its time beside the bench time it stands for.

Run: python benchmarks/campaign.py [--quick]

Each form is one run of `hil qualify`, as a user starts it, start-up, evaluation and report within.
Then the report's size, the time in which headless Chromium has drawn its first page where there is
one, and whether a second analysis of the captures gives the record's metrics byte by byte.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOALS = {"quick": 180.0, "full": 1800.0}
REPORT = 15e6
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def timed(*command):
    """Return the wall time [s] of a command, its exit code and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return time.perf_counter() - started, done


def campaign(form, records):
    """Run one form, print its figures, and return the record's folder and the report."""
    full = ("--full",) if form == "full" else ()
    took, done = timed(sys.executable, "-m", "hil", "qualify", *full, "--json", "--records", records)
    if not done.stdout:
        sys.exit(done.stderr)
    told = json.loads(done.stdout)
    if told["report"] is None:
        sys.exit(f"{form} campaign: {told['outcome']}, without a report\n{done.stderr}")
    bench = sum(test["bench_seconds"] for test in told["tests"] if not test["by_model"])
    modelled = sum(test["bench_seconds"] for test in told["tests"] if test["by_model"])
    size = Path(told["report"]).stat().st_size
    print(f"{form} campaign: {told['outcome']}")
    print(f"  whole command   {took:7.1f} s   goal {GOALS[form]:.0f} s")
    print(f"  bench time      {bench:7.1f} s   {bench / took:5.1f} x faster")
    print(f"  by model        {modelled / 3600:7.1f} h")
    print(f"  report          {size / 1e6:7.1f} MB   goal of the quick one {REPORT / 1e6:.0f} MB")
    for test in told["tests"]:
        where = "by model" if test["by_model"] else "on the bench"
        stands = f"{test['seconds']:7.1f} s for {test['bench_seconds']:9.1f} s {where}"
        print(f"    {test['id']:4} {test['outcome']:8} {stands}")
    return Path(told["record"]), Path(told["report"])


def draw(report):
    """Print how long a browser takes from its start to the first page drawn."""
    browser = next(filter(shutil.which, BROWSERS), None)
    if browser is None:
        print("  no browser here: the page was not drawn")
        return
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}")
        page = (f"--screenshot={folder}/page.png", "--window-size=1280,900", report.as_uri())
        blank, _ = timed(browser, *flags, f"--screenshot={folder}/blank.png", "about:blank")
        took, done = timed(browser, *flags, *page)
    drawn = "drawn" if done.returncode == 0 else "NOT drawn"
    print(f"  {drawn} in       {took:7.1f} s   an empty page {blank:.1f} s")


def main():
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the quick form only")
    forms = ("quick",) if parser.parse_args().quick else ("quick", "full")
    with tempfile.TemporaryDirectory() as records:
        for form in forms:
            record, report = campaign(form, records)
            draw(report)
            took, done = timed(sys.executable, "-m", "hil", "verify", "--reanalyse", str(record))
            same = "same bytes" if done.returncode == 0 else done.stdout
            print(f"  verified, analysed again in {took:.1f} s: {same}")


if __name__ == "__main__":
    main()
