"""However a run ends, the bench ends de-energised: read off the terminals of the simulated bench."""

import json
import signal
import sys

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def guard_log(record):
    path = record / "guard.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_run_that_completes(start, bench_text, dead, quick, only_record):
    run = start(bench_text(), *quick).attach()
    run.until_energised()
    code, out, err = run.finish()
    assert (code, dead(run.terminals())) == (0, True), err
    assert "PASS" in out
    record = only_record()
    about = json.loads((record / "run.json").read_text())
    assert about["end"] == "completed"
    assert about["safe"] is True
    assert any("RMS of vdc" in proof for proof in about["proofs"])
    assert about["prepared"]["grid"]["output"] is False
    assert json.loads((record / "certificates.json").read_text())["va"]["unit"] == "V"
    assert guard_log(record) == []


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_by_a_signal(start, bench_text, dead, only_record, number):
    run = start(bench_text(), "--set", "after=60 s").attach()
    run.until_energised()
    run.until_recording()
    run.process.send_signal(number)
    code, _, err = run.finish()
    assert code == 3
    assert "stopped by" in err
    assert "Traceback" not in err
    assert dead(run.terminals())
    record = only_record()
    about = json.loads((record / "run.json").read_text())
    assert about["end"].startswith("aborted: stopped by")
    assert about["safe"] is True
    assert (record / "captures" / "sag_abc.h5").exists()
    assert (record / "manifest.json").exists()
    assert guard_log(record) == []


@posix
def test_a_run_that_is_killed(start, bench_text, dead, only_record):
    run = start(bench_text(), "--set", "after=60 s").attach()
    run.until_energised()
    run.until_recording()
    run.process.kill()
    assert run.process.wait() == -signal.SIGKILL
    run.until(dead)
    record = only_record()
    assert wait_for_guard(run, record)["event"] == "safe"
    assert (record / "captures" / "sag_abc.blk").stat().st_size > 100_000
    assert not (record / "manifest.json").exists()


def wait_for_guard(run, record):
    """Return the guard's last word; the terminals are watched meanwhile, which moves no time."""
    run.until(lambda _: any(entry.get("event") in {"safe", "not safe"} for entry in guard_log(record)))
    return guard_log(record)[-1]


@posix
def test_a_run_that_hangs(start, bench_text, dead, only_record):
    text = bench_text().replace("driver = ", 'timeout = "2 s"\ndriver = ')
    run = start(text, "--set", "after=60 s", "--patience", "4.5 s").attach()
    run.until_energised()
    run.process.send_signal(signal.SIGSTOP)
    run.until(dead)
    record = only_record()
    assert wait_for_guard(run, record)["event"] == "safe"
    assert "said nothing" in guard_log(record)[0]["reason"]
    assert run.process.wait() == -signal.SIGKILL


@posix
def test_a_full_disk(start, bench_text, dead, only_record):
    """No file may grow beyond 2 MB: the block log meets it in the middle of a capture."""
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    run = start(bench_text(), preexec_fn=limit).attach()
    code, _, err = run.finish()
    assert code == 3
    last = err.strip().splitlines()[-1]
    assert last.startswith("hil: ")
    assert "sag_abc.blk" in last
    assert "Traceback" not in err
    assert dead(run.terminals())
    kept = list((only_record() / "captures").glob("sag_abc.*"))
    assert kept
    from hil.capture.read import read

    assert len(read(kept[0])) > 20_000
