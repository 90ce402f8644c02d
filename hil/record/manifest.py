"""The manifest of a record: SHA-256 of every file, chained to the record sealed before it.

A changed, missing or added file is found by hashing again. A manifest that was
rewritten to match is found through the record sealed after it, which names its
SHA-256; so is a record that was removed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final

from hil.errors import FormatError, StorageError
from hil.record.storage import write

MANIFEST: Final = "manifest.json"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a record."""

    kind: str
    """"changed", "missing", "extra", "chain", "alone" (from the record before it) or "unsealed"."""
    file: str
    text: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.kind}: {self.file}: {self.text}"


def hashes(folder: Path) -> dict[str, dict[str, Any]]:
    """Return SHA-256 and size of every file but the manifest, by its path in the record."""
    found: dict[str, dict[str, Any]] = {}
    try:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if name != MANIFEST and (path.is_file() or path.is_symlink()):
                with path.open("rb") as file:
                    found[name] = {
                        "sha256": file_digest(file, "sha256").hexdigest(),
                        "bytes": path.stat().st_size,
                    }
    except OSError as error:
        raise FormatError(f"{folder}: cannot read {error.filename}: {error.strerror}") from error
    return found


def seal(folder: Path) -> str:
    """Write the manifest, which closes the record, and return its SHA-256."""
    if (folder / MANIFEST).exists():
        raise StorageError(f"{folder} is sealed already; a record is never changed, write a new one")
    earlier = max(
        ((m["sealed"], name, digest) for name, (m, digest) in _siblings(folder).items()), default=None
    )
    manifest = {
        "format": "hil-record",
        "version": VERSION,
        "record": folder.name,
        "sealed": datetime.now(UTC).isoformat(timespec="microseconds"),
        "previous_record": None if earlier is None else earlier[1],
        "previous": None if earlier is None else earlier[2],
        "files": hashes(folder),
    }
    data = _rendered(manifest)
    write(folder / MANIFEST, data)
    return sha256(data).hexdigest()


def verify(path: str | Path) -> list[Finding]:
    """Hash every file of a record again, follow its chain, and return what is wrong with it."""
    folder = Path(path)
    if not (folder / MANIFEST).is_file():
        if not (folder / "run.json").is_file():
            raise FormatError(f"{folder} is not a record: it holds neither {MANIFEST} nor run.json")
        text = "there is none: the run ended before its record was closed, nothing in it can be verified"
        return [Finding("unsealed", MANIFEST, text)]
    read = _read(folder)
    if read is None:
        return [Finding("changed", MANIFEST, "it is not as it was sealed")]
    manifest, digest = read
    return [*_compare(manifest["files"], hashes(folder)), *_chain(folder, manifest, digest)]


def _compare(sealed: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]]) -> list[Finding]:
    findings = []
    for name in sorted(sealed.keys() | found.keys()):
        if name not in found:
            findings.append(Finding("missing", name, "it was sealed and is gone"))
        elif name not in sealed:
            findings.append(Finding("extra", name, "it was added after sealing"))
        elif sealed[name] != found[name]:
            was, now = sealed[name]["sha256"][:12], found[name]["sha256"][:12]
            findings.append(Finding("changed", name, f"sealed with SHA-256 {was}…, now {now}…"))
    return findings


def _chain(folder: Path, manifest: dict[str, Any], digest: str) -> list[Finding]:
    findings = []
    if manifest["record"] != folder.name:
        findings.append(Finding("chain", MANIFEST, f"it was sealed as {manifest['record']!r}"))
    siblings = _siblings(folder)
    name = manifest["previous_record"]
    if name is not None and name not in siblings:
        text = f"the record sealed before it, {name!r}, is not beside it, or its manifest is damaged"
        findings.append(Finding("alone", MANIFEST, text))
    elif name is not None and siblings[name][1] != manifest["previous"]:
        text = f"the manifest of {name!r} is not the one that it was chained to"
        findings.append(Finding("chain", MANIFEST, text))
    for later, (other, _) in siblings.items():
        if other["previous_record"] == folder.name and other["previous"] != digest:
            text = f"{later!r} was chained to another version of this manifest"
            findings.append(Finding("chain", MANIFEST, text))
    return findings


def _siblings(folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Return the other sealed records beside this one: manifest and its SHA-256 by record name."""
    others = sorted(path.parent for path in folder.absolute().parent.glob(f"*/{MANIFEST}"))
    read = {other.name: _read(other) for other in others if other.name != folder.name}
    return {name: found for name, found in read.items() if found is not None}


def _read(folder: Path) -> tuple[dict[str, Any], str] | None:
    """Return a manifest and its SHA-256, None where its bytes are not as `seal` writes them."""
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = json.loads(data)
    except (OSError, ValueError):
        return None
    whole = {"format", "version", "record", "sealed", "previous_record", "previous", "files", "seal"}
    if not isinstance(manifest, dict) or manifest.keys() != whole:
        return None
    content = {key: value for key, value in manifest.items() if key != "seal"}
    return (manifest, sha256(data).hexdigest()) if _rendered(content) == data else None


def _rendered(content: dict[str, Any]) -> bytes:
    """Return the bytes of a manifest, closed by the SHA-256 of its own content."""
    own = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**content, "seal": own}, indent=1) + "\n").encode()
