"""The guard: a process of its own that de-energises the bench however the engine ends.

The engine starts it before the first energising command and tells it over a pipe
that it lives. Where the pipe closes without *done*, where it says *act*, or where it
stays silent too long (the engine is then killed first, so that nobody else commands
the bench), the guard opens the instruments of the bench file with connections of its
own, de-energises them in the bench's order, and proves by measurement that they are.
What it did stands in its log, in the record.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from hil.bench import Bench
from hil.clock import HostClock, SimulatedClock
from hil.config import load
from hil.errors import Aborted, HilError, StorageError
from hil.simulated import own_group
from hil.transport.link import CommandLog, Exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.config import BenchConfig

PATIENCE: Final = 15.0
"""An engine that is silent for longer has hung [s]; no exchange lasts as long."""
LONGEST: Final = 300.0
"""A guard that has not answered by then has hung itself [s]: it goes round the bench twice at most."""
ATTEMPTS: Final = 2
"""How often the guard goes round the bench before it gives up and calls for help."""


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What the guard did."""

    acted: bool
    safe: bool
    text: str


class Guard:
    """The engine's end: starts the guard, and tells it that the engine lives."""

    def __init__(
        self, bench: Path, log: Path, patience: float = PATIENCE, held: IO[str] | None = None
    ) -> None:
        """Start the process; it inherits the lock of the bench, and so holds it until it has acted."""
        self._order: dict[str, Any] = {
            "bench": str(bench.resolve()),
            "log": str(log.resolve()),
            "patience": patience,
            "engine": os.getpid(),
        }
        # A group of its own: what stops the engine from the terminal must not stop the guard.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hil.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            pass_fds=() if held is None or sys.platform == "win32" else (held.fileno(),),
            **own_group(),
        )
        self._last = 0.0
        self._answers: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(
            target=_listen, args=(self._answers, self._process.stdout), daemon=True
        )
        self._listener.start()

    def arm(self, addresses: Mapping[str, str] | None = None, control: int | None = None) -> None:
        """Tell it what to guard and wait until it does; a simulated bench says where it is.

        Raises `HilError` where it does not come up; then nothing may be energised.
        """
        self._say(json.dumps({**self._order, "addresses": dict(addresses or {}), "control": control}))
        ready = self._read()
        if ready.get("ready") is not True:
            raise HilError(f"the guard did not start ({ready}); without it nothing is energised")

    def beat(self) -> None:
        """Say that the engine lives; cheap, called after every exchange."""
        now = time.monotonic()
        if now - self._last > 0.2:
            self._last = now
            self._say("beat")

    def done(self) -> None:
        """Say that the bench is proven de-energised; the guard leaves."""
        with suppress(Aborted):  # it is gone, and not needed any more
            self._say("done")
        self.close()

    def act(self) -> GuardReport:
        """Hand the bench over: the engine has closed its links, the guard de-energises."""
        with suppress(Aborted):  # then there is no answer either
            self._say("act")
        answer = self._read()
        self.close()
        gone = "the guard is gone, and the bench is not proven de-energised: use the emergency stop"
        return GuardReport(acted=bool(answer), safe=answer.get("safe") is True, text=answer.get("text", gone))

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: it was closed before
            raise Aborted("the guard is gone; the run stops, for nobody watches the bench") from error

    def _read(self) -> dict[str, Any]:
        """Return its answer, nothing where it is gone or hangs."""
        try:
            return dict(json.loads(self._answers.get(timeout=LONGEST) or "{}"))
        except queue.Empty:
            return {}

    def close(self) -> None:
        """Leave the guard; where it is armed and was not told *done*, it acts."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):  # what could not be said to it is still in the buffer
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):  # one that hangs is left alone: it may still act
            self._process.wait(LONGEST)
            self._listener.join()
            self._process.stdout.close()


def _listen(words: queue.Queue[str], source: IO[str]) -> None:
    for line in source:
        words.put(line.strip())
    words.put("")  # the pipe closed: the engine is gone


def _wait(words: queue.Queue[str], patience: float) -> str:
    """Return why the guard must act, or "" where it need not."""
    while True:
        try:
            word = words.get(timeout=patience)
        except queue.Empty:
            return f"the engine said nothing for {patience:g} s"
        if word == "done":
            return ""
        if word == "act":
            return "the engine could not prove the bench de-energised"
        if word != "beat":
            return "the engine ended without a word"


def _kill(engine: int) -> None:
    """Stop a hung engine, so that nobody else commands the bench."""
    try:
        os.kill(engine, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    except OSError:
        return  # already gone


def _tell(text: str) -> None:
    """Say it on the terminal, which may be gone."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the last who can tell


class _Log:
    """The guard's log; a disk that is full must not keep it from acting."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, **entry: Any) -> None:
        entry = {"utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **entry}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            _tell(f"guard: {StorageError(f'{self._path}: {error}')}: {entry}")

    def exchange(self, exchange: Exchange) -> None:
        self.write(**asdict(exchange))


def _act(
    order: dict[str, Any], config: BenchConfig, reason: str, clock: HostClock | SimulatedClock
) -> GuardReport:
    log = _Log(Path(order["log"]))
    log.write(event="acting", reason=reason)
    text = ""
    for attempt in range(ATTEMPTS):
        try:
            bench = Bench(config, clock, CommandLog(sink=log.exchange), addresses=order["addresses"])
            proofs = bench.make_safe()
            text = f"{reason}; the guard de-energised the bench: " + "; ".join(map(str, proofs))
            log.write(event="safe", proofs=[str(proof) for proof in proofs])
        except Exception as error:  # noqa: BLE001 - a defect of ours is no reason to leave it live
            text = str(error) if isinstance(error, HilError) else f"internal error: {error!r}"
            log.write(event="not safe", attempt=attempt + 1, error=text)
        else:
            bench.close()
            return GuardReport(acted=True, safe=True, text=text)
    return GuardReport(acted=True, safe=False, text=f"{reason}; {text}")


def main() -> int:
    """Wait for the engine's end, and act where it must be acted."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    line = sys.stdin.readline()
    if not line:
        return 0  # the engine ended before there was anything to guard
    order = json.loads(line)
    try:
        config = load(order["bench"])  # now: by the time it acts, somebody may have edited the file
        # Held from now on: a simulated bench lives as long as somebody holds its clock.
        clock = HostClock() if order["control"] is None else SimulatedClock(order["control"])
    except HilError as error:
        print(json.dumps({"ready": False, "text": str(error)}), flush=True)  # noqa: T201 - for the engine
        return 1
    words: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(words, sys.stdin), daemon=True).start()
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - the line that the engine waits for
    reason = _wait(words, order["patience"])
    if not reason:
        clock.close()
        return 0
    if "said nothing" in reason:
        _kill(order["engine"])
    report = _act(order, config, reason, clock)
    clock.close()
    if not report.safe:
        _tell(f"\nhil guard: {report.text}")
    with suppress(OSError):  # nobody may be left to read it
        print(json.dumps({"safe": report.safe, "text": report.text}), flush=True)  # noqa: T201 - for the engine
    return 0 if report.safe else 1


if __name__ == "__main__":
    sys.exit(main())
