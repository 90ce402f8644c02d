"""Which test notices which flaw: each test of the campaign's quick form, each flaw of the simulated PCS.

Each cell is a run of `hil qualify --only TEST --flaw FLAW`; what came of it stands in docs/ablation.json,
and docs/ablation.md is written from that. `python benchmarks/ablation.py --only T4,T7 --flaws trips-early`
renews some of the cells. Two runs at a time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hil.campaign import load_campaign
from hil.cli.common import bar, console
from hil.plant.flaws import FLAWS
from hil.record import open_record

DOCS = Path(__file__).resolve().parents[1] / "docs"
RESULTS = DOCS / "ablation.json"
NONE = "none"
MARKS = {"PASS": "·", "FAIL": "FAIL", "INVALID": "invalid", "INCONCLUSIVE": "open", "NOT RUN": "–"}
BAR = "\\|"
"""A bar that ends no cell."""
HEAD = """\
# Which test notices which flaw

Written by `make ablation`: each cell is a run of the quick campaign's test on the simulated bench with that
flaw planted in the PCS at its default strength (`hil list flaws`).

- **FAIL**: the test noticed it; the tables below say in which lines.
- · : passed, for the flaw lies outside what the test asks.
- *invalid*: the test could not be carried out as asked, as with a PCS that trips on its way there. It does
  not count as passed.
- Empty: not run yet. *open*: a value could not be determined.
- – : the flaw cannot be planted there, or the test could not begin.

No test asks when the unit *must* trip, so none notices `trips-late`.
"""


def main():
    """Run what is asked for, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="ids of tests, such as T4,T7 (default: all)")
    parser.add_argument("--flaws", default="", help="names of flaws, such as trips-early,none (default: all)")
    given = parser.parse_args()
    tests = [entry.id for entry in load_campaign("ai_factory").entries]
    flaws = [NONE, *FLAWS]
    for name, asked, there in (("--only", given.only, tests), ("--flaws", given.flaws, flaws)):
        if unknown := set(filter(None, asked.split(","))) - set(there):
            parser.error(f"{name}: there is no {', '.join(sorted(unknown))}; there are {', '.join(there)}")
    chosen = [t for t in tests if not given.only or t in given.only.split(",")]
    planted = [f for f in flaws if not given.flaws or f in given.flaws.split(",")]
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    cells = [(test, flaw) for test in chosen for flaw in planted]
    with bar(console(stderr=True), f"{len(cells)} runs") as move, ThreadPoolExecutor(os.cpu_count()) as pool:
        for count, ((test, flaw), found) in enumerate(zip(cells, pool.map(run, cells), strict=True), start=1):
            known.setdefault(test, {})[flaw] = found
            print(f"{test:4} {flaw:24} {found['outcome']:13} {'; '.join(found['failed'])}", flush=True)
            write(known, tests, flaws)  # after each, for all of them take half an hour
            move(count / len(cells))


def write(known, tests, flaws):
    """Write what is known, in the order of tests and flaws."""
    of = {
        test: {flaw: known[test][flaw] for flaw in flaws if flaw in known[test]}
        for test in tests
        if test in known
    }
    RESULTS.write_text(json.dumps(of, indent=1, ensure_ascii=False) + "\n")
    (DOCS / "ablation.md").write_text(page(of, flaws))


def run(cell):
    """Return what one run gave: the outcome, and the criteria that did not pass."""
    test, flaw = cell
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hil", "qualify", "--only", test, "--json", "--records", folder]
        done = subprocess.run(
            [*command, *(() if flaw == NONE else ("--flaw", flaw))],
            capture_output=True, text=True, check=False, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        if not done.stdout:
            return {"outcome": "NOT RUN", "failed": [], "reason": done.stderr.strip()}
        told = json.loads(done.stdout)
        rows = open_record(told["record"]).matrix()
        (tested,) = told["tests"]
        return {
            "outcome": tested["outcome"],
            "failed": [row["title"] for row in rows if row.get("outcome") == "FAIL"],
            "reason": tested["reason"],
        }


def page(known, flaws):
    """Return the page: the table, then for each test the lines in which each flaw failed."""
    tests = list(known)
    lines = [HEAD, f"| flaw | {' | '.join(tests)} |", f"|---|{'---|' * len(tests)}"]
    for flaw in flaws:
        cells = [known[test].get(flaw) for test in tests]
        marks = ["" if cell is None else MARKS[cell["outcome"]] for cell in cells]
        lines.append(f"| {'**good PCS**' if flaw == NONE else flaw} | {' | '.join(marks)} |")
    for test in tests:
        bad = {flaw: cell for flaw, cell in known[test].items() if cell["outcome"] == "FAIL"}
        lines += ["", f"## {test}", "", "| flaw | fails in |", "|---|---|"]
        lines += [f"| {flaw} | {'; '.join(cell['failed']).replace('|', BAR)} |" for flaw, cell in bad.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
