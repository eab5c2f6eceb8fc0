"""Tells the operator how far a run is, by the status protocol of Kubeflow Trainer."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LEAST_SECONDS_BETWEEN = 5.0
ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class StatusServer:
    """Where statuses go; from the variables that the protocol names."""

    url: str
    ca_file: str | None
    token_file: str | None


def status_server(env: Mapping[str, str]) -> StatusServer | None:
    """None where no server is named: then nothing is told."""
    url = env.get("KUBEFLOW_TRAINER_SERVER_URL")
    if not url:
        return None
    return StatusServer(
        url,
        env.get("KUBEFLOW_TRAINER_SERVER_CA_CERT") or None,
        env.get("KUBEFLOW_TRAINER_SERVER_TOKEN") or None,
    )


class Progress:
    """Posts at most one status in five seconds. A status that does not arrive stops nothing."""

    def __init__(
        self,
        server: StatusServer | None,
        total_steps: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._total = total_steps
        self._clock = clock
        self._began = clock()
        self._first_step: int | None = None
        self._last_post: float | None = None

    def tell(self, step: int, metrics: Mapping[str, Any], last: bool = False) -> None:
        """Step and numbers so far; `last` is told whatever the time."""
        now = self._clock()
        if self._first_step is None:
            self._first_step = step
        too_soon = self._last_post is not None and now - self._last_post < LEAST_SECONDS_BETWEEN
        if self._server is None or (too_soon and not last):
            return
        self._last_post = now
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            _post(self._server, self._status(step, metrics, now, last))

    def _status(
        self, step: int, metrics: Mapping[str, Any], now: float, last: bool
    ) -> dict[str, Any]:
        status: dict[str, Any] = {
            "metrics": [{"name": name, "value": str(value)} for name, value in metrics.items()],
            "lastUpdatedTime": datetime.now(UTC)
            .isoformat(timespec="seconds")
            .replace("+00:00", "Z"),
        }
        if self._total:
            status["progressPercentage"] = 100 if last else min(100, 100 * step // self._total)
            done = step - (self._first_step or 0)
            if last:
                status["estimatedRemainingSeconds"] = 0
            elif done > 0:
                left = (self._total - step) * (now - self._began) / done
                status["estimatedRemainingSeconds"] = max(0, round(left))
        return {"trainerStatus": status}


def _post(server: StatusServer, body: dict[str, Any]) -> None:
    headers = {"content-type": "application/json"}
    if server.token_file is not None:
        headers["authorization"] = f"Bearer {Path(server.token_file).read_text('utf-8').strip()}"
    request = urllib.request.Request(server.url, json.dumps(body).encode(), headers, method="POST")
    context = ssl.create_default_context(cafile=server.ca_file) if server.ca_file else None
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS, context=context):
        pass
