"""`token-grpo`: reinforcement from token batches, contract rl-tokens/v1.

    RUN_SPEC=… RUN_IN=… RUN_OUT=… python -m clawgym_trainer.token_grpo

Asks for a batch, takes one step on it, publishes the new policy, writes a checkpoint, tells the
server; in this order, so that a crash at any point leads to the same weights: a batch is in a
checkpoint or it is not, and what was published without a checkpoint is made again.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .batch_source import BatchSource
from .canary import canary_of
from .checkpoints import Checkpoints
from .determinism import make_deterministic
from .digests import list_files, sha256_file
from .durable import write_file
from .entrypoint import Run, run_trainer
from .failures import Preempted
from .lora import merged, with_adapter
from .metrics import MetricsFile, json_safe
from .model_load import (
    as_stored,
    choose_training_device,
    free_memory,
    limit_threads,
    load_model,
)
from .policy_files import READY, TOKENIZER, write_model_folder
from .progress import Progress, status_server
from .rope import with_rope
from .run_spec import RL_TOKENS
from .token_batch import Expectations, TokenBatch, read_batch
from .token_trainer import TokenTrainer, mean_reward
from .versions import library_versions

STATE = "state.json"
#: Versions on disk: the newest, and those that servers may still be loading.
KEPT_POLICIES = 3


@dataclass(frozen=True)
class RlState:
    """Where a run stands. The last batch's number is the policy's version as well; 0 is the base.
    `told` is what the server was, or is to be, told of that batch.
    """

    step: int = 0
    batch: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    told: dict[str, Any] | None = None


class RlRun:
    """The loop over batches."""

    def __init__(self, run: Run) -> None:
        spec, folders = run.spec, run.folders
        if spec.rl is None:
            raise AssertionError("the contract was checked")
        self._run, self._rl = run, spec.rl
        self._threads = limit_threads()
        make_deterministic(spec.seed, spec.deterministic)
        self._device = choose_training_device(spec.device)
        folder = with_rope(folders.model, folders.work / "base", spec.yarn, spec.max_tokens)
        model = load_model(folder, self._device)
        # Without dropout: what is learnt from are the probabilities of the policy itself.
        self._trainer = TokenTrainer(with_adapter(model, spec.lora).eval(), spec, self._device)
        self._expected = Expectations(
            template_sha256=run.template.sha256,
            tokenizer_sha256=sha256_file(folders.model / TOKENIZER),
            temperature=spec.rl.algorithm.temperature,
            max_tokens=spec.max_tokens,
            vocabulary=model.config.vocab_size,
        )
        self._checkpoints = Checkpoints(folders.out / "checkpoints", spec.checkpoint.keep)
        self._metrics = MetricsFile(folders.out / "metrics.jsonl")
        self._source = BatchSource(spec.rl.url, spec.run, spec.rl.token_file, run.stop)
        self._progress = Progress(status_server(os.environ), spec.rl.steps)
        self._resumed = 0
        self._state = self._resume()

    def finish(self) -> dict[str, Any]:
        """Trains to the end and returns the result. Raises Preempted where asked to stop."""
        if self._state.told is not None:
            self._tell_again(self._state.batch, self._state.told)
        while self._state.step < self._rl.steps:
            asked = time.monotonic()
            fetched = self._source.next_after(self._state.batch)
            if fetched is None:
                break
            waited = time.monotonic() - asked
            batch = read_batch(fetched.index, fetched.tensors, self._expected)
            self._take(batch, waited)
            if self._run.stop.asked:
                raise Preempted(f"asked to stop; goes on after batch {self._state.batch}")
        return self._result()

    def _take(self, batch: TokenBatch, waited: float) -> None:
        state = self._state
        # A batch without a token to learn still makes a version: of the weights as they are.
        metrics: dict[str, Any] = {"trainedTokens": 0}
        if batch.trained > 0 and batch.denominator > 0:
            metrics = self._trainer.train(batch, state.step, state.batch)
        began = time.monotonic()
        row = {"batch": batch.number, **metrics, "waitSeconds": round(waited, 3)}
        told = {**self._publish(batch.number), "metrics": json_safe(row)}
        self._state = RlState(
            step=state.step + 1,
            batch=batch.number,
            tokens=state.tokens + int(metrics.get("tokens", 0)),
            trained_tokens=state.trained_tokens + batch.trained,
            told=told,
        )
        self._checkpoints.save(self._state.step, self._save)
        row["syncSeconds"] = round(time.monotonic() - began, 3)
        self._metrics.append(self._state.step, row)
        self._source.trained(batch.number, told)
        self._drop_old_policies()
        shown = {name: row[name] for name in ("loss", "rewardMean", "gradNorm") if name in row}
        self._progress.tell(self._state.step, shown)

    def _tell_again(self, batch: int, told: dict[str, Any]) -> None:
        """The word may have been lost; and on another machine the version that it is about, too."""
        if not (self._policy(batch) / READY).is_file():
            # The same weights give the same files; where they do not, the server says so.
            told = {**told, **self._publish(batch)}
        self._source.trained(batch, told)

    def _publish(self, version: int) -> dict[str, Any]:
        target = self._policy(version)
        save = merged(self._trainer.model).save_pretrained
        digest = write_model_folder(target, self._run.folders.model, self._run.template, save)
        return {"policyVersion": version, "path": str(target), "manifestSha256": digest}

    def _policy(self, version: int) -> Path:
        parent = self._run.folders.out / "policy"
        parent.mkdir(exist_ok=True)
        return parent / f"v-{version}"

    def _drop_old_policies(self) -> None:
        for path in self._policy(0).parent.glob("v-*"):
            number = path.name.removeprefix("v-")
            if number.isdigit() and int(number) <= self._state.batch - KEPT_POLICIES:
                shutil.rmtree(path, ignore_errors=True)

    def _save(self, folder: Path) -> None:
        self._trainer.save(folder)
        write_file(folder / STATE, json.dumps(asdict(self._state)).encode())

    def _resume(self) -> RlState:
        newest = self._checkpoints.newest()
        if newest is None:
            self._metrics.forget_after(0)
            return RlState()
        step, folder = newest
        state = RlState(**json.loads((folder / STATE).read_text("utf-8")))
        self._trainer.load(folder)
        self._metrics.forget_after(step)
        rows = self._metrics.rows()
        if state.told is not None and (not rows or rows[-1]["step"] < step):
            # Killed between the checkpoint and its row.
            self._metrics.append(step, state.told["metrics"])
        self._resumed = step
        return state

    def _write_model(self) -> str:
        folders = self._run.folders
        save = as_stored(merged(self._trainer.model), folders.model).save_pretrained
        return write_model_folder(folders.final_model, folders.model, self._run.template, save)

    def _result(self) -> dict[str, Any]:
        run, state = self._run, self._state
        digest = self._write_model()
        # The canary loads the model once more: the one that was trained must not lie beside it.
        del self._trainer
        free_memory()
        rows = self._metrics.rows()
        self._progress.tell(state.step, rows[-1] if rows else {}, last=True)
        return {
            "contract": RL_TOKENS,
            "run": run.spec.run,
            "name": run.spec.name,
            "steps": state.step,
            "policyVersion": state.batch,
            "tokens": state.tokens,
            "trainedTokens": state.trained_tokens,
            "rewardMeanLast": mean_reward(rows[-5:]),
            "resumedFrom": self._resumed,
            "device": str(self._device),
            "threads": self._threads,
            "versions": library_versions(),
            "templateSha256": run.template.sha256,
            "tokenizerSha256": self._expected.tokenizer_sha256,
            "model": {
                "path": "model",
                "manifestSha256": digest,
                "files": list_files(run.folders.final_model),
            },
            "canary": canary_of(run.folders.final_model, self._device, run.template),
        }


def main() -> int:
    """Runs and returns the exit code of the contract."""
    return run_trainer(RL_TOKENS, lambda run: RlRun(run).finish())


if __name__ == "__main__":
    sys.exit(main())
