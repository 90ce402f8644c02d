"""Runs a campaign: one test after the other into one record, whatever becomes of each of them."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from hil.compliance.matrix import rows_of
from hil.compliance.verdict import Outcome, worst
from hil.errors import HilError, NotSafe, StorageError
from hil.record import RecordWriter
from hil.rehearse import nominal
from hil.session import about_this_machine, check, conduct, render_record

if TYPE_CHECKING:
    from pathlib import Path

    from hil.campaign import Campaign, Planned
    from hil.config import BenchConfig
    from hil.record import Event
    from hil.sequence import Sequence
    from hil.session import Conducted, Options
    from hil.watch import Stop, Watch


@dataclass(frozen=True)
class Tested:
    """What came of one test of a campaign."""

    id: str
    sequence: str
    title: str
    objective: str
    by_model: bool
    outcome: Outcome
    reason: str
    """Why it was not run, or what broke it off; empty where it ran to its end."""
    folder: str
    """Of its record, inside the campaign's; empty where there is none."""
    bench_seconds: float = 0.0
    """Bench time, or the model's, that it stands for [s]."""
    seconds: float = 0.0
    """Time that it took here, with evaluation [s]."""
    safe: bool = True


@dataclass(frozen=True)
class Qualified:
    """What came of a campaign."""

    folder: Path
    outcome: Outcome
    tests: tuple[Tested, ...]
    report: Path | None
    error: HilError | None
    """What kept the campaign from its end, or its record from being whole."""


def qualify(
    campaign: Campaign,
    planned: tuple[Planned, ...],
    config: BenchConfig,
    options: Options,
    stop: Stop,
    watch: Watch,
) -> Qualified:
    """Run the planned tests and write the campaign's record.

    A test that fails or breaks off does not stop the others; a bench that could not be
    proven safe does, and so does a wish to stop. Raises `ConfigError` where one of them could
    not go well here, before anything is connected or written.
    """
    for each in planned:
        if each.rehearsal is not None:
            check(each.entry.sequence, each.rehearsal, config, options)
    writer = RecordWriter(options.records, "qualification")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    writer.write_text("campaign.toml", campaign.text)
    writer.write_text("bench.toml", config.text)
    tests: list[Tested] = []
    events: dict[str, tuple[Event, ...]] = {}
    error: HilError | None = None
    passed = 0.0
    for number, each in enumerate(planned, start=1):
        sequence = each.entry.sequence
        row = Tested(
            id=each.entry.id,
            sequence=sequence.NAME,
            title=title_of(sequence),
            objective=sequence.OBJECTIVE,
            by_model=not sequence.BENCH,
            outcome=Outcome.NOT_RUN,
            reason=each.lacking or _kept_from(error, stop),
            folder="",
        )
        if row.reason:
            watch.stage(f"{row.id} not run", row.reason)
            tests.append(row)
            continue
        stop.error = None  # what broke one test off must not break off the next
        began = time.monotonic()
        inside = replace(
            options, records=writer.folder, folder=row.id, report=False, criteria=each.entry.criteria
        )
        expected = 0.0 if each.rehearsal is None else each.rehearsal.seconds
        follow = _Following(watch, f"{row.id} ({number}/{len(planned)})", passed, expected)
        try:
            conducted = conduct(sequence, config, inside, stop, follow)
        except HilError as failure:
            row = replace(row, outcome=Outcome.INVALID, reason=str(failure))
            error = failure if isinstance(failure, NotSafe) else error
        except Exception as failure:  # noqa: BLE001 - a defect in one test must not take the others with it
            text = f"internal error: {type(failure).__name__}: {failure}"
            row = replace(row, outcome=Outcome.INVALID, reason=text)
        else:
            row = _tested(row, conducted)
            events[row.id] = conducted.events
            if not row.safe:
                error = NotSafe(f"after {row.id}: {conducted.end.safety}")
        passed += expected
        tests.append(replace(row, seconds=round(time.monotonic() - began, 3)))
    outcome = worst(test.outcome for test in tests)
    report: Path | None = None
    try:
        writer.write_json("matrix.json", rows_of({test.id: events.get(test.id, ()) for test in tests}, tests))
        writer.write_json(
            "run.json",
            {
                "sequence": "qualification",
                "campaign": campaign.title,
                "source": campaign.source,
                "form": campaign.form,
                "bench": config.name,
                "simulated": config.simulated,
                "flaws": list(options.flaws),
                "seed": options.seed,
                "nominal": asdict(nominal(config)),
                "started": started,
                "ended": datetime.now(UTC).isoformat(timespec="seconds"),
                "end": "completed"
                if error is None and not stop.reason
                else f"aborted: {error or stop.reason}",
                "outcome": outcome.value,
                "bench_seconds": round(sum(test.bench_seconds for test in tests), 3),
                "tests": [{**asdict(test), "outcome": test.outcome.value} for test in tests],
                **about_this_machine(),
            },
        )
        watch.stage("report", "one page for all tests")
        writer.write_text("report.html", render_record(writer.folder, partial(watch.tick, passed)))
        report = writer.folder / "report.html"
        writer.seal()
    except HilError as failure:
        error = error or failure
    except OSError as failure:
        error = error or StorageError(f"{writer.folder}: {failure.strerror or failure}")
    except Exception as failure:  # noqa: BLE001 - a defect of ours; the tests' own records are there
        text = f"{writer.folder}: internal error: {type(failure).__name__}: {failure}; the records are kept"
        error = error or HilError(text)
    return Qualified(writer.folder, outcome, tuple(tests), report, error)


def title_of(sequence: Sequence) -> str:
    """Return the first line of its docstring, without the number that a campaign gives it."""
    line = (sequence.__doc__ or sequence.NAME).strip().partition("\n")[0].removesuffix(".")
    named = re.fullmatch(r"[A-Z]+[0-9]+: (.)(.*)", line)
    return named[1].upper() + named[2] if named else line


def _kept_from(error: HilError | None, stop: Stop) -> str:
    """Say why the rest of a campaign is not run; empty where it goes on."""
    if error is not None:
        return f"the bench could not be proven safe: {error}"
    return stop.reason


def _tested(row: Tested, conducted: Conducted) -> Tested:
    end, outcome = conducted.end, conducted.outcome
    if conducted.error is not None and outcome is Outcome.PASS:  # such as a record that could not be sealed
        outcome = Outcome.INVALID
    return replace(
        row,
        outcome=outcome,
        reason="" if conducted.error is None else str(conducted.error),
        folder=conducted.folder.name,
        bench_seconds=end.seconds,
        safe=end.safe,
    )


class _Following:
    """Shows whoever looks on which test it is, and how far the campaign is in expected bench time [s].

    A model's hours count nothing: they pass in seconds.
    """

    def __init__(self, watch: Watch, name: str, passed: float, expected: float) -> None:
        self._watch = watch
        self._name = name
        self._passed = passed
        self._expected = expected

    def stage(self, name: str, purpose: str) -> None:
        self._watch.stage(f"{self._name} {name}", purpose)

    def tick(self, seconds: float, reading: str) -> None:
        self._watch.tick(self._passed + min(seconds, self._expected), reading)


def summary(of: Qualified) -> dict[str, Any]:
    """Return what came of a campaign, for a program."""
    return {
        "outcome": of.outcome.value,
        "record": str(of.folder),
        "report": None if of.report is None else str(of.report),
        "tests": [{**asdict(test), "outcome": test.outcome.value} for test in of.tests],
    }
