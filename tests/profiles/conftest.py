"""The command line in this process, in a folder of its own."""

import pytest

import hil.cli


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run `hil profile ...` in an empty folder and return (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = hil.cli.main(["profile", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return run
