"""Token batches made by sampling, and a server that hands them out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from safetensors.numpy import save

from clawgym_trainer.digests import sha256_bytes
from clawgym_trainer.sampling import Sampling, sample

Segment = tuple[list[int], list[int], list[float]]
"""Prompt ids, sampled ids, their log-probabilities."""


def batch_of(
    number: int,
    rollouts: list[tuple[int, float, list[Segment]]],
    policy_version: int,
    template_sha256: str,
    tokenizer_sha256: str,
    temperature: float = 1.0,
) -> tuple[dict[str, Any], bytes]:
    """Index and tensors of rollouts given as group, reward and segments, by the reference page."""
    groups = sorted({group for group, _, _ in rollouts})
    rewards = {g: [reward for group, reward, _ in rollouts if group == g] for g in groups}
    columns: dict[str, list[Any]] = {
        name: []
        for name in [
            "ids",
            "mask",
            "logp",
            "version",
            "adv",
            "weight",
            "rollout",
            "group",
            "segment",
        ]
    }
    offsets, table = [0], []
    for at, (group, reward, segments) in enumerate(rollouts):
        others = rewards[group]
        advantage = reward - (sum(others) - reward) / (len(others) - 1) if len(others) > 1 else 0.0
        trained = sum(len(ids) for _, ids, _ in segments)
        table.append(
            {"rollout": f"r{at}", "group": group, "reward": reward, "advantage": advantage}
        )
        for position, (prompt, ids, logprobs) in enumerate(segments):
            quiet = len(prompt)
            columns["ids"] += [*prompt, *ids]
            columns["mask"] += [0] * quiet + [1] * len(ids)
            columns["logp"] += [0.0] * quiet + logprobs
            columns["version"] += [-1] * quiet + [policy_version] * len(ids)
            offsets.append(len(columns["ids"]))
            for name, value in (("adv", advantage), ("weight", 1 / trained), ("rollout", at)):
                columns[name].append(value)
            columns["group"].append(group)
            columns["segment"].append(position)
    dtypes = {"mask": np.uint8, "logp": np.float32, "adv": np.float32, "weight": np.float32}
    arrays = {name: np.array(value, dtypes.get(name, np.int32)) for name, value in columns.items()}
    tensors = save({**arrays, "row_off": np.array(offsets, np.int64)})
    index = {
        "format": "rl-tokens/v1",
        "number": number,
        "policyVersion": policy_version,
        "denominator": len(rollouts),
        "tokens": {"sha256": sha256_bytes(tensors), "bytes": len(tensors)},
        "templateSha256": template_sha256,
        "tokenizerSha256": tokenizer_sha256,
        "temperature": temperature,
        "topP": 1,
        "groups": [{"task": f"t{group}", "verdict": "taken"} for group in groups],
        "rollouts": table,
    }
    return index, tensors


def sampled_rollouts(
    model: Any, ends: frozenset[int], prompts: list[list[int]], samples: int, seed: int,
    reward: Callable[[list[int]], float], temperature: float = 1.0, most: int = 12,
) -> list[tuple[int, float, list[Segment]]]:  # fmt: skip
    """`samples` answers to each prompt, each with the reward that `reward` gives its ids."""
    rollouts: list[tuple[int, float, list[Segment]]] = []
    for group, prompt in enumerate(prompts):
        for at in range(samples):
            sampling = Sampling(temperature, 1.0, seed * 1000 + group * 100 + at, most)
            drawn = sample(model, prompt, ends, sampling)
            rollouts.append((group, reward(drawn.ids), [(prompt, drawn.ids, drawn.logprobs)]))
    return rollouts


class BatchServer:
    """Serves what `make` gives for each number until there are `last` of them, then says it is done.
    Remembers what it was asked and told.
    """

    def __init__(self, last: int, make: Callable[[int], tuple[dict[str, Any], bytes]]) -> None:
        self.told: list[tuple[int, dict[str, Any]]] = []
        self.served: list[int] = []
        self.fail_next = 0
        self._batches: dict[int, tuple[dict[str, Any], bytes]] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if owner.fail_next > 0:
                    owner.fail_next -= 1
                    return self._send(503, b"")
                path, _, query = self.path.partition("?")
                parts = path.split("/")
                if parts[-1] == "next":
                    number = int(query.removeprefix("after=")) + 1
                    if number > last:
                        return self._send(410, b"")
                    owner.served.append(number)
                    return self._send(200, json.dumps(owner.batch(number, make)[0]).encode())
                return self._send(200, owner.batch(int(parts[-2]), make)[1])

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                owner.told.append((int(self.path.split("/")[-2]), json.loads(body)))
                self._send(200, b"{}")

            def _send(self, status: int, data: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def batch(
        self, number: int, make: Callable[[int], tuple[dict[str, Any], bytes]]
    ) -> tuple[dict[str, Any], bytes]:
        """The same bytes however often it is asked for."""
        if number not in self._batches:
            self._batches[number] = make(number)
        return self._batches[number]

    def __enter__(self) -> BatchServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
