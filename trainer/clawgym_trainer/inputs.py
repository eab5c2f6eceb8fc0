"""Verifies the read-only inputs of a run against their manifests before anything is computed."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from .digests import sha256_file
from .failures import BadInput
from .fields import Fields

MANIFEST = "manifest.json"


def verify_input(folder: Path) -> None:
    """Checks size and SHA-256 of every file that `folder`/manifest.json lists, a list of
    {path, size, sha256}. Files beside it that it does not list are refused as well.
    """
    entries = _entries(folder)
    listed = {MANIFEST}
    for position, entry in enumerate(entries):
        fields = Fields(entry, f"{folder.name}/{MANIFEST}[{position}]", ("path", "size", "sha256"))
        path = _safe(folder, fields.text("path"))
        listed.add(path.relative_to(folder).as_posix())
        _check(path, fields.whole("size", 0), fields.text("sha256"))
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in listed:
            raise BadInput(f"{folder.name}/{name}: not listed in {MANIFEST}")


def _entries(folder: Path) -> list[Any]:
    try:
        value = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder.name}/{MANIFEST}: not readable as JSON: {error}") from error
    if not isinstance(value, list) or not value:
        raise BadInput(f"{folder.name}/{MANIFEST}: expected a list of {{path, size, sha256}}")
    return value


def _safe(folder: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        raise BadInput(f"{folder.name}/{MANIFEST}: path {name!r} leaves the folder")
    return folder / pure


def _check(path: Path, size: int, sha256: str) -> None:
    place = f"{path.parent.name}/{path.name}"
    try:
        found = path.stat().st_size
    except OSError as error:
        raise BadInput(f"{place}: listed in {MANIFEST}, but {error.strerror}") from error
    if found != size:
        raise BadInput(f"{place}: has {found} bytes, {MANIFEST} says {size}")
    if (digest := sha256_file(path)) != sha256:
        raise BadInput(f"{place}: has SHA-256 {digest}, {MANIFEST} says {sha256}")
