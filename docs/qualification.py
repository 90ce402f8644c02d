"""Write docs/qualification.md from sequences, criteria and campaign: python docs/qualification.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hil.campaign import Entry, load_campaign
from hil.compliance.criteria import load_criteria
from hil.config import NEEDED, load
from hil.rehearse import rehearse
from hil.report.wording import span
from hil.sequence import Sequence
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hil.compliance.criteria import Bound, Criterion
    from hil.config import BenchConfig
    from hil.rehearse import Rehearsal

CAMPAIGN = "ai_factory"
PAGE = Path(__file__).with_name("qualification.md")
MOST = 12
"""Captures that are named one by one."""
DEFAULT = "engineering default"
HEAD = """\
# The qualification, test by test

Written by `make docs` from the sequences, `data/criteria/` and `data/campaigns/{campaign}.toml`.

{source}.
`hil qualify` runs them: the bench file says on which PCS and with which instruments, the campaign file
which tests and with which parameters. Campaign and criteria files of your own may take the place of these.

Every bench has {needed}. What a test needs beside them stands with it; where the bench lacks it the test is
NOT RUN, and the others go on. A test *by model* runs on the simulated plant that the bench file describes
under `[plant]`.

**What is asked.** The limits stand in the tables below, each with its clause, its source, and how sure the
number is:

| confidence | |
|---|---|
| verified | read in the text of the source |
| high, medium, low | known of the source, but not read in its text |
| second-hand | read by others in an earlier version of the source |
| {default} | no public text has a limit: **the number is ours, for you to change** |

Of the {asked} requirements {defaults} are engineering defaults. *Conditions* ask something of the test, not
of the PCS: where one is not met the test is INVALID, neither passed nor failed. A name in a limit is a
parameter of the test, or what was commanded in that capture. A value passes where it lies inside the limit
by its uncertainty or more, fails where it lies outside by more than that, and is INCONCLUSIVE between. Why
each limit is there stands in the criteria file, and in the report.

**What is left as evidence**, in the folder of each test: raw samples with the certificates that correct
them, what the PCS and the meters said meanwhile, every exchange with every instrument, the proof that the
bench was safe before and after, metrics, verdicts, and all of it sealed. Below stand the captures that each
test adds, named as in the record.

Bench time is what a rehearsal on the shipped bench `{bench}` expects.

"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


def page() -> str:
    """Return the page."""
    full, quick = (load_campaign(CAMPAIGN, full=form) for form in (True, False))
    bench = load(full.bench)
    tests = [_Test(one, short, bench) for one, short in zip(full.entries, quick.entries, strict=True)]
    asked = [c for test in tests for c in test.criteria if not c.condition]
    head = HEAD.format(
        campaign=CAMPAIGN,
        source=full.source,
        needed=", ".join(map(_words, NEEDED)),
        default=DEFAULT,
        asked=len(asked),
        defaults=sum(c.confidence == DEFAULT for c in asked),
        bench=full.bench,
    )
    columns = ("Test", "", "Runs", "Instruments", "Captures", "Bench time", "Asked", "Defaults")
    overview = table(columns, (test.row() for test in tests))
    note = "Captures and bench time: full form / quick form. Defaults: how many of the limits are ours.\n"
    return head + "\n".join([*overview, "", note, *(line for test in tests for line in test.section())])


class _Test:
    """One test in both forms."""

    def __init__(self, full: Entry, quick: Entry, bench: BenchConfig) -> None:
        self.id = full.id
        self.forms = (full.sequence, quick.sequence)
        self.criteria = load_criteria(full.criteria or full.sequence.CRITERIA)
        self.rehearsed = tuple(rehearse(each, bench) for each in self.forms)
        self.roles = {item.name: item.role for item in bench.instruments.values()}

    def row(self) -> Iterator[str]:
        """Yield the cells of the overview."""
        full = self.forms[0]
        asked = [c for c in self.criteria if not c.condition]
        yield f"[{self.id}](#{self.id.lower()})"
        yield _title(full)
        yield self.runs()
        yield ", ".join(sorted(set(map(_words, full.ROLES.values())))) or "–"
        yield " / ".join(str(len(form.captures())) for form in self.forms)
        yield " / ".join(span(one.seconds) for one in self.rehearsed) if full.BENCH else "–"
        yield str(len(asked))
        yield str(sum(c.confidence == DEFAULT for c in asked))

    def runs(self) -> str:
        """Say whether it runs on the bench or by model."""
        full = self.forms[0]
        if not full.BENCH:
            return "by model"
        modelled = any(given.get("by") == "model" for given in full.captures().values())
        return "on the bench and by model" if modelled else "on the bench"

    def section(self) -> Iterator[str]:
        """Yield the lines of its section."""
        full, quick = self.forms
        yield from (f'## <a id="{self.id.lower()}"></a>{self.id} {_title(full)}', "", full.OBJECTIVE, "")
        yield from (f"*Runs* {self.runs()}; sequence `{full.NAME}`.", "", f"*Needs* {self.needs()}.", "")
        yield from ("**What is applied.** " + _applied(full), "")
        rows = (
            (f"`{name}`", _value(full, name), _value(quick, name), meaning)
            for name, (_, meaning) in full.PARAMETERS.items()
        )
        yield from (*table(("Parameter", "Full", "Quick", "Meaning"), rows), "")
        yield from ("**Evidence.** " + self.evidence(), "")
        for title, condition in (("Asked of the PCS", False), ("Conditions of the test", True)):
            found = [c for c in self.criteria if c.condition is condition]
            columns = ("Key", title, "Limit", "In captures", "Clause", "Source", "Confidence")
            yield from (*table(columns, map(_criterion, found)), "")

    def needs(self) -> str:
        """Say which instruments it needs, and which of them the quick form does without."""
        full = self.forms[0]
        if not full.BENCH:
            return "no instrument, but a bench file with `[plant]`"
        named = [f"{_words(role)} (`{name}`)" for name, role in full.ROLES.items()]
        text = "what every bench has" + (f", and {', '.join(named)}" if named else "")
        more, less = (_used(one) - set(full.ROLES) for one in self.rehearsed)
        for name in sorted(more - less):
            what = f"{_words(self.roles[name])} (`{name}`)"
            text += f"; in the full form also {what}, which the quick form does without"
        if "by model" in self.runs():
            text += "; and `[plant]` in the bench file, for what runs by model"
        return text

    def evidence(self) -> str:
        """Say which captures it leaves."""
        full, quick = self.forms
        names = [f"`{name}`" for name in full.captures()]
        some = names if len(names) <= MOST else [*names[:MOST], f"and {len(names) - MOST} more"]
        text = f"Captures in the full form: {', '.join(some)}; {len(quick.captures())} in the quick form."
        if type(full).summarize is not Sequence.summarize:
            text += " What all of them together show stands first in the report (`summary`)."
        return text


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    titles = tuple(columns)
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _words(role: str) -> str:
    return {"dc_source": "DC source", "pcs": "PCS"}.get(role, role.replace("_", " "))


def _title(sequence: Sequence) -> str:
    text = (type(sequence).__doc__ or "").partition("\n")[0].rstrip(".").partition(": ")[2]
    return text[:1].upper() + text[1:]


def _applied(sequence: Sequence) -> str:
    """Return what the module says of itself below its title."""
    words = (sys.modules[type(sequence).__module__].__doc__ or "").partition("\n\n")[2]
    return " ".join(words.split())


def _value(sequence: Sequence, name: str) -> str:
    unit, value = sequence.PARAMETERS[name][0], getattr(sequence, name)
    return (value or "–") if unit == "text" else show(value, unit)


def _used(rehearsal: Rehearsal) -> set[str]:
    """Return the instruments that its steps name."""
    named = (getattr(step, "name", "") for stage in rehearsal.stages for step in stage.steps)
    return set(named) - {name for name, *_ in rehearsal.captures} - {""}


def _criterion(of: Criterion) -> tuple[str, ...]:
    """Return the cells of one criterion."""
    where = ", ".join(f"`{pattern}`" for pattern in of.captures if pattern != "*") or "all"
    if of.residual != (0.0, 2.0):
        where += f"; at {of.residual[0]:g} to {of.residual[1]:g} pu"
    if of.envelope:
        where += "; inside the envelope"
    if of.document:
        where += "; by document"
    sure = f"*{of.confidence}*" if of.confidence == DEFAULT else of.confidence
    return f"`{of.key}`", of.title, _limit(of), where, of.clause, of.source, sure


def _limit(of: Criterion) -> str:
    """Return its limit in words."""
    low, high, unit = of.low, of.high, of.unit
    if low is not None and high is not None:
        if low.parameter and -low.offset == high.offset:
            return f"`{low.parameter}` ± {show(high.offset, unit)}"
        return f"{_bound(low, unit)} .. {_bound(high, unit)}"
    if high is not None:
        return f"≤ {_bound(high, unit)}"
    return of.expected if low is None else f"≥ {_bound(low, unit)}"


def _bound(of: Bound, unit: str) -> str:
    if not of.parameter:
        return show(of.offset, unit)
    text = f"`{of.parameter}`" if of.times == 1.0 else f"{of.times:g} × `{of.parameter}`"
    return text + (f" {'+' if of.offset > 0 else '-'} {show(abs(of.offset), unit)}" if of.offset else "")


if __name__ == "__main__":
    main()
