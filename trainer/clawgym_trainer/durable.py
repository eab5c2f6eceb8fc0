"""Files and folders that are there whole or not at all, also after a crash of the machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def fsync_path(path: Path) -> None:
    """Flushes one file or one folder's list of names to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_tree(folder: Path) -> None:
    """Flushes every file and folder below `folder`, and itself."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            fsync_path(path)
    fsync_path(folder)


def write_file(path: Path, data: bytes) -> None:
    """Writes beside and renames: a reader sees the old bytes or the new ones."""
    staging = path.with_name(f"{path.name}.tmp")
    staging.write_bytes(data)
    fsync_path(staging)
    staging.replace(path)
    fsync_path(path.parent)


def publish_folder(staging: Path, target: Path) -> None:
    """Flushes `staging` and renames it to `target`, in place of one that stands there."""
    fsync_tree(staging)
    if target.exists():
        shutil.rmtree(target)
    staging.rename(target)
    fsync_path(target.parent)


def fresh_folder(path: Path) -> Path:
    """An empty folder at `path`: what a killed writer left there is removed."""
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    return path
