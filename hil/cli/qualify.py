"""`hil qualify`: a campaign of tests on a bench, judged and recorded as one."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from rich.markup import escape

from hil.campaign import load_campaign, plan
from hil.cli.common import console, print_json
from hil.cli.progress import Display
from hil.cli.run import check_flaws, options_of, told
from hil.compliance.verdict import Outcome
from hil.config import load
from hil.errors import ConfigError
from hil.qualify import qualify as run_campaign
from hil.qualify import summary
from hil.record import open_record
from hil.watch import Stop

if TYPE_CHECKING:
    import argparse

    from hil.qualify import Qualified


def qualify(arguments: argparse.Namespace) -> int:
    """Check everything at the desk, run, and print the verdicts and where the report is."""
    only = [word for text in arguments.only for word in text.replace(",", " ").split()]
    if arguments.only and not only:
        raise ConfigError("--only names no test; give ids, such as --only T4,T7")
    campaign = load_campaign(arguments.campaign, full=arguments.full, only=only)
    config = load(arguments.bench or campaign.bench)
    config.need_packages()
    check_flaws(arguments, config)
    options = options_of(arguments)
    planned = plan(campaign, config)
    expected = sum(each.rehearsal.seconds for each in planned if each.rehearsal is not None)
    with Stop() as stop, Display(expected, plain=arguments.plain) as display:
        done = run_campaign(campaign, planned, config, options, stop, display)
    show = partial(print_json, summary(done)) if arguments.json else partial(_tables, done)
    return told(show, done.outcome, done.error)


def _tables(done: Qualified) -> None:
    from rich.table import Table  # noqa: PLC0415 - not needed for JSON
    from rich.text import Text  # noqa: PLC0415 - as above

    from hil.report.terminal import COLOURS  # noqa: PLC0415 - as above
    from hil.report.wording import found, span  # noqa: PLC0415 - as above

    out = console()
    rows = open_record(done.folder).matrix()
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("", "Test", "Criterion", "Measured", "Limit", "Capture"):
        table.add_column(head)
    for test in done.tests:
        outcome = Text(test.outcome, style=COLOURS[test.outcome])
        table.add_row(outcome, Text(test.id), Text(test.title, style="bold"))
        if test.reason:
            table.add_row("", "", Text(test.reason, style="dim"))
        for row in rows:  # what passed stands in the report
            if row["test"] != test.id or row.get("outcome") in {None, Outcome.PASS}:
                continue
            name = Text(row["title"])
            if row["reason"]:
                name.append(f"\n{row['reason']}", style="dim")
            mark = Text(row["outcome"], style=COLOURS[Outcome(row["outcome"])])
            value = found(row["value"], row["unit"], row["uncertainty"])
            table.add_row(mark, "", name, *map(Text, (value, row["limit"], row["capture"])))
    out.print(table)
    counts = Counter(row["answer"] for row in rows)
    bench, spent = (sum(getattr(test, name) for test in done.tests) for name in ("bench_seconds", "seconds"))
    out.print(f"\nVerdict  [{COLOURS[done.outcome]}]{done.outcome}[/]")
    out.print(f"Matrix   {', '.join(f'{count} {answer}' for answer, count in counts.items())}")
    out.print(f"Time     {span(bench)} of bench time, or the model's, in {span(spent)}")
    out.print(f"Record   {escape(str(done.folder))}", soft_wrap=True)
    if done.report is not None:
        out.print(f"Report   {escape(str(done.report))}", soft_wrap=True)
