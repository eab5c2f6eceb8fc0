"""What both trainers do around their work: reading, verifying, ending with the right code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .chat_template import ChatTemplate, read_template
from .durable import write_file
from .failures import (
    EXIT_BAD_INPUT,
    EXIT_DIVERGED,
    EXIT_DONE,
    EXIT_OUT_OF_MEMORY,
    BadInput,
    Preempted,
    RunFailure,
)
from .inputs import verify_input
from .run_folders import RunFolders, run_folders
from .run_spec import SFT, RunSpec, load_run_spec
from .signals import StopRequest

TERMINAL = (EXIT_BAD_INPUT, EXIT_DIVERGED, EXIT_OUT_OF_MEMORY)


@dataclass(frozen=True)
class Run:
    """A verified run."""

    spec: RunSpec
    folders: RunFolders
    template: ChatTemplate
    stop: StopRequest


def run_trainer(contract: str, train: Callable[[Run], dict[str, Any]]) -> int:
    """Runs `train` and writes what it returns to result.json. Returns the exit code of the contract;
    a run that has its result already is not run again.
    """
    folders = None
    try:
        folders = run_folders(os.environ)
        if _is_done(folders):
            return EXIT_DONE
        result = train(_verified(folders, contract))
        _write_result(folders, {**result, "status": "done", "exitCode": EXIT_DONE})
        return EXIT_DONE
    except RunFailure as failure:
        return _ended(folders, contract, failure.exit_code, str(failure))
    except MemoryError as error:
        return _ended(folders, contract, EXIT_OUT_OF_MEMORY, f"out of memory: {error}")
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
            return _ended(folders, contract, EXIT_OUT_OF_MEMORY, f"out of memory: {error}")
        raise


def _verified(folders: RunFolders, contract: str) -> Run:
    spec = load_run_spec(folders.spec, contract)
    stop = StopRequest().listen(spec.checkpoint.grace_seconds)
    inputs = [folders.model, folders.template]
    if contract == SFT:
        inputs.append(folders.data)
    for folder in inputs:
        if stop.asked:
            raise Preempted("asked to stop")
        verify_input(folder)
    return Run(spec, folders, read_template(folders.template), stop)


def _is_done(folders: RunFolders) -> bool:
    try:
        return json.loads(folders.result.read_text("utf-8"))["status"] == "done"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _ended(folders: RunFolders | None, contract: str, code: int, message: str) -> int:
    print(f"{contract}: {message}", file=sys.stderr, flush=True)
    if folders is not None and code in TERMINAL:
        ended = {"contract": contract, "status": "failed", "exitCode": code, "message": message}
        _write_result(folders, ended)
    return code


def _write_result(folders: RunFolders, result: dict[str, Any]) -> None:
    try:
        write_file(folders.result, json.dumps(result, indent=2, sort_keys=True).encode() + b"\n")
    except OSError as error:
        raise BadInput(f"RUN_OUT: result.json cannot be written: {error}") from error
