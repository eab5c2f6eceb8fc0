"""Where token batches come from: a server that hands them out one by one and hears of each."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .digests import sha256_bytes
from .failures import BadInput, RunFailure
from .signals import StopRequest

#: A server that restarts is waited for so long; then the run ends and may be started again.
OUTAGE_SECONDS = 600.0
POLL_SECONDS = 90.0


class ServerGone(RunFailure):
    """The batch server did not answer for long; another start may find it again."""


@dataclass(frozen=True)
class FetchedBatch:
    """Index and tensors as they came, their digest checked."""

    index: dict[str, Any]
    tensors: bytes


class BatchSource:
    """A request to stop ends every wait as Preempted."""

    def __init__(
        self,
        url: str,
        run: str,
        token_file: Path | None,
        stop: StopRequest,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = f"{url.rstrip('/')}/v1/runs/{urllib.parse.quote(run, safe='')}/batches"
        self._token_file = token_file
        self._stop = stop
        self._clock = clock

    def next_after(self, number: int) -> FetchedBatch | None:
        """The next batch after `number`; None where no more will come."""
        while True:
            status, body = self._ask(f"{self._base}/next?after={number}")
            if status == 410:
                return None
            if status == 200:
                return self._with_tensors(_index(body), number)
            # A server that does not hold the question back must not be asked in a loop.
            self._pause(0.05)

    def trained(self, number: int, told: dict[str, Any]) -> None:
        """Says that a batch was trained; telling it again is harmless."""
        self._ask(f"{self._base}/{number}/trained", json.dumps(told).encode())

    def _with_tensors(self, index: dict[str, Any], after: int) -> FetchedBatch:
        number = index.get("number")
        if not isinstance(number, int) or number <= after:
            raise BadInput(f"batches: asked for one after {after}, got number {number!r}")
        tensors, told = self._ask(f"{self._base}/{number}/tokens")[1], index.get("tokens")
        wanted = told.get("sha256") if isinstance(told, dict) else None
        if sha256_bytes(tensors) != wanted:
            raise BadInput(f"batch {number}: tokens: expected SHA-256 {wanted}, got other bytes")
        return FetchedBatch(index, tensors)

    def _ask(self, url: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Asks until there is an answer that is one; waits out restarts of the server."""
        until = self._clock() + OUTAGE_SECONDS
        pause = 0.1
        while True:
            try:
                return self._once(url, body)
            except urllib.error.HTTPError as error:
                if error.code == 410:
                    return error.code, b""
                if error.code < 500 and error.code not in (408, 429):
                    said = error.read(500).decode("utf-8", "replace")
                    raise BadInput(f"batches: {url}: {error.code}: {said}") from error
                reason = f"HTTP {error.code}"
            # A server that ends in the middle of an answer is no OSError.
            except (OSError, http.client.HTTPException) as error:
                reason = str(error)
            if self._clock() >= until:
                raise ServerGone(f"batches: {url}: no answer for {OUTAGE_SECONDS:g} s: {reason}")
            self._pause(pause)
            pause = min(2 * pause, 5.0)

    def _pause(self, seconds: float) -> None:
        with self._stop.interruptible():
            time.sleep(seconds)

    def _once(self, url: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"}
        if self._token_file is not None:
            headers["authorization"] = f"Bearer {self._token_file.read_text('utf-8').strip()}"
        request = urllib.request.Request(url, body, headers)
        with (
            self._stop.interruptible(),
            urllib.request.urlopen(request, timeout=POLL_SECONDS) as response,
        ):
            return response.status, response.read()


def _index(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise BadInput(f"batches: the index is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput("batches: the index is no JSON object")
    return value
