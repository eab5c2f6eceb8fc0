"""`clawgym-sft`: supervised training of full models and adapters, contract sft/v1.

    RUN_SPEC=… RUN_IN=… RUN_OUT=… python -m clawgym_trainer.sft

The optimiser's loop is the one of TRL; rows, masks, checkpoints and ends are those of the contract.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from .canary import canary_of
from .chat_template import ChatTemplate
from .checkpoints import Checkpoints
from .determinism import make_deterministic
from .digests import list_files, sha256_file
from .durable import fresh_folder
from .entrypoint import Run, run_trainer
from .failures import Preempted
from .lora import lora_config, merged
from .metrics import MetricsFile
from .model_load import (
    as_stored,
    choose_training_device,
    free_memory,
    limit_threads,
    load_model,
    load_tokenizer,
)
from .policy_files import TOKENIZER, write_model_folder
from .progress import Progress, status_server
from .rope import with_rope
from .rows import read_conversations
from .run_spec import SFT, Hyper, RunSpec
from .sft_callback import SftCallback
from .sft_rows import SftRows, prepare_rows
from .versions import library_versions

SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}
#: Above it activations are computed twice instead of kept.
RECOMPUTE_TOKENS = 8192


def total_steps(hyper: Hyper, rows: int) -> int:
    """Steps of the optimiser: of the epochs or of `max_steps`, whichever ends first."""
    batches = -(-rows // hyper.micro_batch)
    of_epoch = -(-batches // hyper.parts)
    limits = [of_epoch * hyper.epochs if hyper.epochs else None, hyper.max_steps]
    return min(limit for limit in limits if limit is not None)


def train(run: Run) -> dict[str, Any]:
    """Trains to the end and returns the result. Raises Preempted where asked to stop."""
    spec, folders = run.spec, run.folders
    threads = limit_threads()
    make_deterministic(spec.seed, spec.deterministic)
    device = choose_training_device(spec.device)
    trained = _trained(run, device)
    # The canary loads the model once more: the one that was trained must not lie beside it.
    free_memory()
    shutil.rmtree(folders.work, ignore_errors=True)
    return {
        "contract": SFT,
        "run": spec.run,
        "name": spec.name,
        "device": str(device),
        "threads": threads,
        "versions": library_versions(),
        "templateSha256": run.template.sha256,
        "tokenizerSha256": sha256_file(folders.model / TOKENIZER),
        **trained,
        "canary": canary_of(folders.final_model, device, run.template),
    }


def _trained(run: Run, device: Any) -> dict[str, Any]:
    """Trains and writes the model; nothing of model and optimiser outlives the call."""
    spec, folders = run.spec, run.folders
    tokenizer = load_tokenizer(folders.model)
    tokenizer.chat_template = run.template.text
    data = prepare_rows(tokenizer, run.template, read_conversations(folders.data), spec.max_tokens)
    _warn_of_cut(data.account, spec.max_tokens)
    steps = total_steps(spec.hyper, len(data.rows))
    callback, newest = _callback(run, steps)
    base = with_rope(folders.model, folders.work / "base", spec.yarn, spec.max_tokens)
    trainer = _trainer(run, base, device, tokenizer, data, steps, callback)
    if newest is not None:
        callback.resume(newest[1])
    trainer.train(resume_from_checkpoint=str(newest[1]) if newest else None)
    done = trainer.state.global_step
    if run.stop.asked and done < steps:
        raise Preempted(f"asked to stop; goes on after step {done} of {steps}")
    model = trainer.accelerator.unwrap_model(trainer.model)
    return {
        "steps": done,
        "rows": data.account,
        "tokens": callback.tokens,
        "loss": _losses(folders.out / "metrics.jsonl"),
        "resumedFrom": newest[0] if newest else 0,
        **_written(model, run.template, folders.model, folders.out),
    }


def _warn_of_cut(account: dict[str, Any], max_tokens: int) -> None:
    cut, kept = account["cut"], account["kept"]
    if cut > 0:
        words = f"{cut} of {kept} rows are longer than context.maxTokens {max_tokens}"
        print(f"{SFT}: {words} and are cut at their end", file=sys.stderr, flush=True)


def _callback(run: Run, steps: int) -> tuple[SftCallback, tuple[int, Path] | None]:
    out = run.folders.out
    checkpoints = Checkpoints(out / "checkpoints", run.spec.checkpoint.keep)
    newest = checkpoints.newest()
    metrics = MetricsFile(out / "metrics.jsonl")
    metrics.forget_after(newest[0] if newest else 0)
    # The library would tell the same server by itself, in other words.
    server = status_server(os.environ)
    os.environ.pop("KUBEFLOW_TRAINER_SERVER_URL", None)
    progress = Progress(server, steps)
    return SftCallback(checkpoints, metrics, progress, run.stop), newest


def _trainer(
    run: Run, base: Path, device: Any, tokenizer: Any, data: SftRows, steps: int, callback: Any
) -> Any:
    from datasets import Dataset, disable_progress_bars
    from trl import SFTTrainer

    disable_progress_bars()

    spec = run.spec
    # Ready made: the library then learns exactly what the masks say.
    columns = {
        "input_ids": [row.ids for row in data.rows],
        "assistant_masks": [row.mask for row in data.rows],
    }
    return SFTTrainer(
        model=load_model(base, device),
        args=_arguments(spec, fresh_folder(run.folders.work / "library"), device, steps),
        train_dataset=Dataset.from_dict(columns),
        processing_class=tokenizer,
        callbacks=[callback],
        peft_config=lora_config(spec.lora) if spec.lora else None,
    )


def _arguments(spec: RunSpec, output: Path, device: Any, steps: int) -> Any:
    from trl import SFTConfig

    hyper, on_cpu = spec.hyper, device.type == "cpu"
    return SFTConfig(
        output_dir=str(output),
        per_device_train_batch_size=hyper.micro_batch,
        gradient_accumulation_steps=hyper.parts,
        max_steps=steps,
        learning_rate=hyper.learning_rate,
        lr_scheduler_type=SCHEDULES[hyper.schedule],
        warmup_steps=hyper.warmup_steps,
        weight_decay=hyper.weight_decay,
        max_grad_norm=hyper.gradient_clip,
        seed=spec.seed,
        data_seed=spec.seed,
        max_length=None,
        packing=False,
        use_cpu=on_cpu,
        bf16=not on_cpu,
        gradient_checkpointing=spec.max_tokens > RECOMPUTE_TOKENS,
        logging_steps=1,
        # A loss that is no number must be seen, not averaged away.
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=spec.checkpoint.every_steps,
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _losses(path: Path) -> dict[str, Any]:
    rows = MetricsFile(path).rows()
    return {"first": rows[0]["loss"], "last": rows[-1]["loss"]} if rows else {}


def _written(model: Any, template: ChatTemplate, base: Path, out: Path) -> dict[str, Any]:
    """Writes the full model, and beside it the adapter where one was trained."""
    whole = as_stored(merged(model), base)
    digest = write_model_folder(out / "model", base, template, whole.save_pretrained)
    written = {
        "model": {"path": "model", "manifestSha256": digest, "files": list_files(out / "model")}
    }
    if hasattr(model, "merge_and_unload"):
        digest = write_model_folder(out / "adapter", base, template, model.save_pretrained)
        written["adapter"] = {
            "path": "adapter",
            "manifestSha256": digest,
            "files": list_files(out / "adapter"),
        }
    return written


def main() -> int:
    """Runs and returns the exit code of the contract."""
    return run_trainer(SFT, train)


if __name__ == "__main__":
    sys.exit(main())
