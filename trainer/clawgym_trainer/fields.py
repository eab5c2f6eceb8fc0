"""Strict reading of JSON objects: every field is known, present where needed, and of its type."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .failures import BadInput

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Fields:
    """An object under reading. Each getter names the field's full path where it refuses."""

    def __init__(self, value: Any, place: str, known: Iterable[str]) -> None:
        if not isinstance(value, Mapping):
            raise BadInput(f"{place}: expected an object, found {_kind(value)}")
        known = set(known)
        unknown = sorted(set(value) - known)
        if unknown:
            raise BadInput(
                f"{place}.{unknown[0]}: unknown field; known are {', '.join(sorted(known))}"
            )
        self._value = value
        self._place = place

    def has(self, name: str) -> bool:
        """Whether the field is given and not null."""
        return self._value.get(name) is not None

    def raw(self, name: str) -> Any:
        """The value as it is; refuses its absence."""
        if not self.has(name):
            raise BadInput(f"{self._path(name)}: missing")
        return self._value[name]

    def text(self, name: str, allowed: Iterable[str] = ()) -> str:
        """A non-empty string, one of `allowed` where those are given."""
        value = self.raw(name)
        if not isinstance(value, str) or value == "":
            raise self._refuse(name, "a non-empty string")
        allowed = tuple(allowed)
        if allowed and value not in allowed:
            raise self._refuse(name, f"one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        """true or false."""
        value = self.raw(name)
        if not isinstance(value, bool):
            raise self._refuse(name, "true or false")
        return value

    def whole(self, name: str, least: int) -> int:
        """A whole number of at least `least`."""
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._refuse(name, f"a whole number of at least {least}")
        return value

    def decimal(self, name: str, least: float = -math.inf, most: float = math.inf) -> float:
        """A decimal string such as "1e-3", as floats are written in the API."""
        return self.decimal_of(self.raw(name), name, least, most)

    def decimal_of(self, value: Any, name: str, least: float, most: float) -> float:
        """The same for a value that stands deeper, for example in a list."""
        number = float(value) if isinstance(value, str) and DECIMAL.fullmatch(value) else math.nan
        if not math.isfinite(number) or not least <= number <= most:
            raise self._refuse(name, f"a decimal string from {least:g} to {most:g}")
        return number

    def inner(self, name: str, known: Iterable[str]) -> Fields:
        """An object in this one."""
        return Fields(self.raw(name), self._path(name), known)

    def _path(self, name: str) -> str:
        return f"{self._place}.{name}"

    def _refuse(self, name: str, expected: str) -> BadInput:
        return BadInput(f"{self._path(name)}: expected {expected}, found {self._value[name]!r}")


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
