"""Versions of everything that influences the numbers, for the record of a run."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "trl",
    "peft",
    "accelerate",
    "datasets",
)


def library_versions() -> dict[str, str]:
    """Name to version of what is installed, and of Python."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
