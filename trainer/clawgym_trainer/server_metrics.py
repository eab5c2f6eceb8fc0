"""Counters of the policy server under the names that vLLM gives them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ServerMetrics:
    """Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gauges = {"num_requests_running": 0, "num_requests_waiting": 0}
        self._tokens = {"prompt_tokens": 0, "generation_tokens": 0}
        self._finished = {"stop": 0, "length": 0}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A request that has not got its turn yet; ends when it gets it or gives up."""
        with self._counted("num_requests_waiting"):
            yield

    @contextmanager
    def running(self) -> Iterator[None]:
        """A request that is being answered: it waits no more."""
        with self._lock:
            self._gauges["num_requests_waiting"] -= 1
        try:
            with self._counted("num_requests_running"):
                yield
        finally:
            with self._lock:
                self._gauges["num_requests_waiting"] += 1

    def answered(self, prompt: int, said: int, finish: str) -> None:
        """Counts a finished answer."""
        with self._lock:
            self._tokens["prompt_tokens"] += prompt
            self._tokens["generation_tokens"] += said
            self._finished[finish] += 1

    def text(self, model: str, version: int) -> str:
        """The Prometheus text format."""
        label = f'model_name="{model}"'
        with self._lock:
            lines = []
            for name, value in self._gauges.items():
                lines += [f"# TYPE vllm:{name} gauge", f"vllm:{name}{{{label}}} {value}"]
            for name, value in self._tokens.items():
                lines += [
                    f"# TYPE vllm:{name}_total counter",
                    f"vllm:{name}_total{{{label}}} {value}",
                ]
            lines.append("# TYPE vllm:request_success_total counter")
            for reason, value in self._finished.items():
                lines.append(
                    f'vllm:request_success_total{{{label},finished_reason="{reason}"}} {value}'
                )
        lines += [
            "# TYPE clawgym:policy_version gauge",
            f"clawgym:policy_version{{{label}}} {version}",
        ]
        return "\n".join(lines) + "\n"

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        with self._lock:
            self._gauges[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._gauges[name] -= 1
