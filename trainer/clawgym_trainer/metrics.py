"""RUN_OUT/metrics.jsonl: one JSON object a step, appended as the run goes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from .durable import write_file


class MetricsFile:
    """Rows are in the order of their `step`; a resumed run writes its steps again, once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def forget_after(self, step: int) -> None:
        """Drops rows after `step`: the run goes on from there. Half a row at the end goes too."""
        kept = [row for row in self.rows() if row["step"] <= step]
        write_file(self._path, b"".join(_line(row) for row in kept))

    def append(self, step: int, values: dict[str, Any]) -> None:
        """Adds the row of a step."""
        with self._path.open("ab") as file:
            file.write(_line({"step": step, **values}))

    def rows(self) -> list[dict[str, Any]]:
        """The rows so far."""
        if not self._path.exists():
            return []
        rows = []
        for line in self._path.read_bytes().split(b"\n"):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("step"), int):
                rows.append(row)
        return rows


def json_safe(value: Any) -> Any:
    """JSON has no NaN: a number that is none becomes a string."""
    if isinstance(value, dict):
        return {name: json_safe(one) for name, one in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(json_safe(row)).encode() + b"\n"
