"""What the tests share: made-up conversations, folders with manifests, run specifications."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from clawgym_trainer.chat_template import BUNDLED
from clawgym_trainer.digests import list_files
from clawgym_trainer.model_load import load_model

TRAINER = Path(__file__).parent.parent
WORDS = [
    "sort",
    "read",
    "the",
    "file",
    "write",
    "report",
    "count",
    "lines",
    "of",
    "each",
    "name",
    "into",
    "notes",
    "then",
    "check",
    "it",
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"runs {name}",
            "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
        },
    }
    for name in ("bash", "write")
]


def sentence(chance: random.Random, most: int = 9) -> str:
    """Some words; now and then with what tokenizers stumble over."""
    words = [chance.choice(WORDS) for _ in range(chance.randint(1, most))]
    odd = chance.choice(["", "", "", " é—ü", "\n\n  indented\n", " 12345", "<tool_call>", "\t{}"])
    return " ".join(words) + odd


def tool_call(chance: random.Random) -> dict[str, Any]:
    """A call with its arguments as a string, compact or with spaces."""
    spaces = chance.choice([(",", ":"), (", ", ": ")])
    arguments = json.dumps({"command": sentence(chance)}, separators=spaces, ensure_ascii=False)
    name = chance.choice(["bash", "write"])
    return {
        "id": f"call_{chance.randrange(10**9)}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def conversation(seed: int) -> dict[str, Any]:
    """A row of messages-tools/v1 with up to five answers of all shapes."""
    chance = random.Random(seed)
    messages: list[dict[str, Any]] = []
    if chance.random() < 0.7:
        messages.append(
            {"role": chance.choice(["system", "developer"]), "content": sentence(chance)}
        )
    messages.append({"role": "user", "content": sentence(chance)})
    for _ in range(chance.randint(1, 5)):
        calls = [tool_call(chance) for _ in range(chance.choice([0, 1, 1, 2]))]
        said = sentence(chance) if not calls or chance.random() < 0.5 else None
        answer: dict[str, Any] = {"role": "assistant", "content": said}
        if calls:
            answer["tool_calls"] = calls
        if chance.random() < 0.2:
            answer["reasoning_content"] = sentence(chance)
        if chance.random() < 0.15:
            answer["weight"] = 0
        messages.append(answer)
        for call in calls:
            content: Any = sentence(chance)
            if chance.random() < 0.3:
                content = [{"type": "text", "text": content}]
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": content})
        if not calls:
            messages.append({"role": "user", "content": sentence(chance)})
    tools = TOOLS if chance.random() < 0.8 else []
    return {"id": f"a{seed}/0", "messages": messages, "tools": tools, "reward": 1}


def lesson(seed: int) -> dict[str, Any]:
    """A short row with a rule that a tiny model learns: the file named is the file read."""
    chance = random.Random(seed)
    name = chance.choice(["notes", "report", "names", "lines"])
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "bash", "arguments": json.dumps({"command": f"read {name}"})},
    }
    return {
        "id": f"l{seed}/0",
        "messages": [
            {"role": "user", "content": f"read the file {name}"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": f"{name} has {seed % 7} lines"},
            {"role": "assistant", "content": f"{seed % 7} lines"},
        ],
        "tools": TOOLS[:1],
        "reward": 1,
    }


def write_manifest(folder: Path) -> None:
    """Lists what lies in a folder, as whoever prepares inputs does."""
    (folder / "manifest.json").unlink(missing_ok=True)
    (folder / "manifest.json").write_text(json.dumps(list_files(folder)), "utf-8")


def write_inputs(folder: Path, model: Path, rows: list[dict[str, Any]] | None) -> Path:
    """RUN_IN with model, template and, where there are rows, data."""
    (folder / "model").mkdir(parents=True)
    for path in model.iterdir():
        os.link(path, folder / "model" / path.name)
    (folder / "template").mkdir()
    (folder / "template" / BUNDLED.name).write_bytes(BUNDLED.read_bytes())
    names = ["model", "template"]
    if rows is not None:
        (folder / "data").mkdir()
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "data" / "train.jsonl").write_text(text, "utf-8")
        names.append("data")
    for name in names:
        write_manifest(folder / name)
    return folder


def sft_spec(**changes: Any) -> dict[str, Any]:
    """A specification that needs seconds; `changes` replace top-level members."""
    spec: dict[str, Any] = {
        "contract": "sft/v1",
        "run": "run-1",
        "name": "test",
        "seed": 7,
        "device": "cpu",
        "deterministic": True,
        "method": {"type": "full"},
        "context": {"maxTokens": 512},
        "hyper": {
            "learningRate": "3e-3",
            "maxSteps": 12,
            "globalBatch": 4,
            "microBatch": 2,
            "warmupSteps": 0,
            "schedule": "constant",
            "weightDecay": "0",
            "gradientClip": "1.0",
        },
        "checkpoint": {"everySteps": 3, "keep": 2, "graceSeconds": 60},
    }
    return {**spec, **changes}


def rl_spec(url: str, **changes: Any) -> dict[str, Any]:
    """The same for reinforcement from batches at `url`."""
    spec = sft_spec(contract="rl-tokens/v1")
    spec["hyper"] = {**spec["hyper"], "microBatch": 4, "learningRate": "1e-3"}
    for part, name in (("hyper", "maxSteps"), ("hyper", "globalBatch"), ("checkpoint", "everySteps")):
        spec[part] = {key: value for key, value in spec[part].items() if key != name}
    spec["rl"] = {
        "steps": 3,
        "algorithm": {
            "loss": "grpo",
            "clipLow": "0.2",
            "clipHigh": "0.28",
            "ratio": "sampler",
            "tokenMask": ["0.5", "5.0"],
            "temperature": "1.0",
            "topP": "1",
        },
        "batches": {"url": url},
    }
    return {**spec, **changes}


class TrainerProcess:
    """A trainer in a process of its own, as a pod runs it."""

    def __init__(self, module: str, spec: dict[str, Any], inputs: Path, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        path = out.parent / f"{out.name}-spec.json"
        path.write_text(json.dumps(spec), "utf-8")
        env = {
            **os.environ,
            "RUN_SPEC": str(path),
            "RUN_IN": str(inputs),
            "RUN_OUT": str(out),
            "PYTHONPATH": str(TRAINER),
        }
        self._log = (out.parent / f"{out.name}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"clawgym_trainer.{module}"],
            env=env,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.log = Path(self._log.name)

    def wait(self, seconds: float = 240) -> int:
        """The exit code; negative where a signal ended it."""
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9, where it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._log.close()


def run_here(
    program: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    spec: dict[str, Any],
    inputs: Path,
    out: Path,
) -> int:
    """Runs a trainer in this process, which has the libraries loaded."""
    path = out.with_suffix(".json")
    path.write_text(json.dumps(spec), "utf-8")
    handler = signal.getsignal(signal.SIGTERM)
    for name, value in (("RUN_SPEC", path), ("RUN_IN", inputs), ("RUN_OUT", out)):
        monkeypatch.setenv(name, str(value))
    try:
        return program()
    finally:
        signal.signal(signal.SIGTERM, handler)
        torch.use_deterministic_algorithms(False)


def until(condition: Callable[[], bool], seconds: float = 240) -> None:
    """Waits for a condition; fails at its deadline."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain")
        time.sleep(0.01)


def watch_canary(monkeypatch: pytest.MonkeyPatch, trainer: Any) -> None:
    """Lets the canary of a trainer's module fail where the trained model or an optimizer still lives then;
    its answer is no real one.
    """
    kept: list[Any] = []

    def load(*args: Any) -> Any:
        model = load_model(*args)
        kept.append(weakref.ref(model))
        return model

    def canary(*_args: Any) -> dict[str, Any]:
        assert [one() for one in kept] == [None]
        assert not any(isinstance(one, torch.optim.Optimizer) for one in gc.get_objects())
        return {"prompt": "asked", "ids": []}

    monkeypatch.setattr(trainer, "load_model", load)
    monkeypatch.setattr(trainer, "canary_of", canary)
