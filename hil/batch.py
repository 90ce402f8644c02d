"""A folder of captures, analysed side by side: in processes of this computer, or on a Dask cluster.

One file that is bad, or kills its process, costs its own row and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from glob import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from hil.capture.read import READERS
from hil.errors import ConfigError, HilError, MissingExtra
from hil.record import analysis_to_dict
from hil.study import Question, study

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

CONNECT: Final = 10.0
"""How long a scheduler may take to answer [s]."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to analyse, and where its report goes."""

    path: Path
    question: Question
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a file."""

    path: Path
    found: dict[str, Any] | None
    """Results, tables and warnings as for JSON, with `samples` and `rate`; None where it failed."""
    error: str | None = None
    """What went wrong, if only with the report."""
    report: Path | None = None


def captures_in(folder: Path) -> list[Path]:
    """Return the captures in a folder and its subfolders, in order.

    Of COMTRADE the .cfg stands for both; a .txt is more often a note than a capture, and left out.
    What has the name of a capture and is none, such as a link to nowhere, is told when it is analysed.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if suffix in READERS and suffix != ".txt" and not path.is_dir() and not path.name.startswith("."):
            beside = {other.name.lower() for other in path.parent.glob(f"{escape(path.stem)}.*")}
            if suffix != ".dat" or f"{path.stem}.cfg".lower() not in beside:
                found.append(path)
    return found


def analyse(job: Job) -> Done:
    """Analyse one file; whatever is wrong with it, or with its report, stands in the answer."""
    if job.path.is_symlink() and not job.path.exists():
        return Done(job.path, None, f"{job.path}: this link leads nowhere")
    try:
        result = study(job.path, job.question)
    except HilError as error:
        return Done(job.path, None, str(error))
    except OSError as error:
        return Done(job.path, None, f"{error.filename or job.path}: {error.strerror or error}")
    except MemoryError:
        return Done(
            job.path, None, f"{job.path}: not enough memory; analyse it by itself, or with fewer --jobs"
        )
    stored = analysis_to_dict(result.analysis)
    kept = {name: stored[name] for name in ("results", "tables", "warnings")}
    about = {"samples": result.samples, "rate": result.rate}
    done = Done(job.path, {**about, **kept}, report=job.report)
    if job.report is not None:
        from hil.report.html import from_analysis, render  # noqa: PLC0415 - loads plotly
        from hil.report.page import save  # noqa: PLC0415 - only here

        page = render(from_analysis(job.path.name, result.excerpt, result.analysis, result.envelope))
        try:
            job.report.parent.mkdir(parents=True, exist_ok=True)
            save(page, job.report)
        except OSError as error:
            return replace(done, error=str(error), report=None)
    return done


def in_processes(jobs: Sequence[Job], workers: int | None = None) -> Iterator[Done]:
    """Yield what became of each file as it is done, with so many processes (one per processor)."""
    workers = min(workers or os.cpu_count() or 1, max(len(jobs), 1))
    waiting, suspects = list(reversed(jobs)), list[Job]()
    while waiting:
        suspects = yield from _pool(waiting, workers)
        for job in suspects:  # one of these killed its process: each alone shows which
            alone = [job]
            if (yield from _pool(alone, 1)):
                yield Done(
                    job.path,
                    None,
                    f"{job.path}: its analysis was killed, perhaps for want of memory; analyse it by itself",
                )


def _pool(waiting: list[Job], workers: int) -> Generator[Done, None, list[Job]]:
    """Yield what is done, taking jobs off the list; return those under way when a process died."""
    context = multiprocessing.get_context("spawn")  # forking a program with threads may hang
    running: dict[Future[Done], Job] = {}
    with _one_thread_each(), ProcessPoolExecutor(workers, context, _leave_interrupts) as pool:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop()
                running[pool.submit(analyse, job)] = job
            done = wait(running, return_when=FIRST_COMPLETED).done
            whole = [future for future in done if not isinstance(future.exception(), BrokenProcessPool)]
            for future in whole:
                del running[future]
                yield future.result()
            if len(whole) < len(done):
                return list(running.values())
    return []


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the processes that start meanwhile do linear algebra in one thread each: they fill the processors.

    They read it as they import numpy. The user's own OMP_NUM_THREADS stays, and OPENBLAS_NUM_THREADS or
    MKL_NUM_THREADS goes before it.
    """
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


def _leave_interrupts() -> None:
    """Let Ctrl-C reach the command alone, which ends its processes in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def on_cluster(jobs: Sequence[Job], address: str) -> Iterator[Done]:
    """Yield what became of each file, analysed by the workers of a Dask scheduler.

    The workers open the files themselves, under the same path: the folder is a shared one.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise MissingExtra('--scheduler needs the extra "cluster": pip install hil-bench[cluster]') from None
    _probe(address)
    with distributed.Client(address, timeout=CONNECT, set_as_default=False) as client:
        if not client.scheduler_info()["workers"]:
            raise ConfigError(f"--scheduler {address}: it has no workers; start some with 'dask worker'")
        running = {}
        for job in jobs:
            there = replace(
                job, path=job.path.absolute(), report=None if job.report is None else job.report.absolute()
            )
            running[client.submit(analyse, there, pure=False, retries=1)] = job.path
        for future in distributed.as_completed(list(running), loop=client.loop):
            lost = future.exception()
            path = running[future]
            yield Done(path, None, f"{path}: {lost}") if lost is not None else future.result()


def _probe(address: str) -> None:
    """Refuse an address where nobody listens; Dask would try for long, and say it in many lines."""
    matched = re.fullmatch(r"(?:tcp|tls)://\[?([^\]/]+)\]?:(\d{1,5})", address)
    if matched is None:
        raise ConfigError(f"--scheduler {address}: write the address of a Dask scheduler as tcp://HOST:PORT")
    try:
        socket.create_connection((matched[1], int(matched[2])), CONNECT).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"--scheduler {address}: no Dask scheduler answers there ({error}); "
            "start one with 'dask scheduler', and workers where hil-bench is installed"
        ) from None
