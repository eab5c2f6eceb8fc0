"""SHA-256 of files and of folders of files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

BLOCK = 1 << 20


def sha256_file(path: Path) -> str:
    """Hex digest of the bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sha256_bytes(data: bytes) -> str:
    """Hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def list_files(folder: Path, leave_out: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """Path, size and digest of each file in `folder`, in the order of their paths."""
    paths = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    return [
        {
            "path": path,
            "size": (folder / path).stat().st_size,
            "sha256": sha256_file(folder / path),
        }
        for path in paths
        if path not in leave_out
    ]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, so that equal values have equal digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
