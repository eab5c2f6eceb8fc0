"""Supervised training from end to end: it learns, resumes exactly, stops when told, says why not."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support import (
    TrainerProcess,
    lesson,
    rl_spec,
    run_here,
    sft_spec,
    until,
    watch_canary,
    write_inputs,
    write_manifest,
)

from clawgym_trainer import sft, token_grpo
from clawgym_trainer.digests import sha256_file
from clawgym_trainer.failures import BadInput
from clawgym_trainer.metrics import MetricsFile
from clawgym_trainer.model_load import choose_training_device, load_model
from clawgym_trainer.policy_files import verify_model_folder
from clawgym_trainer.rope import with_rope
from clawgym_trainer.run_spec import Yarn

LESSONS = [lesson(seed) for seed in range(16)]
LORA = {"type": "lora", "rank": 4, "alpha": 8, "targets": ["q_proj", "v_proj"]}
here = partial(run_here, sft.main)


def result(out: Path) -> dict[str, Any]:
    return json.loads((out / "result.json").read_text("utf-8"))


def weights(out: Path) -> str:
    return sha256_file(out / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def inputs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("sft") / "in", tiny, LESSONS)


@pytest.fixture(scope="module")
def whole(inputs: Path) -> Path:
    """A run that nothing disturbed."""
    out = inputs.parent / "whole"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert here(monkeypatch, sft_spec(), inputs, out) == 0
    return out


def test_the_loss_falls_and_the_account_is_whole(
    whole: Path, tiny: Path, figure: Callable[[str], None]
) -> None:
    rows = MetricsFile(whole / "metrics.jsonl").rows()
    told = result(whole)
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert (told["status"], told["steps"], told["resumedFrom"]) == ("done", 12, 0)
    assert told["rows"]["in"] == told["rows"]["kept"] == told["rows"]["masksChecked"] == 16
    assert told["loss"] == {"first": rows[0]["loss"], "last": rows[-1]["loss"]}
    assert 0 < len(told["canary"]["ids"]) <= 16
    verify_model_folder(whole / "model")
    for name in ("tokenizer.json", "chat_template.jinja"):
        assert sha256_file(whole / "model" / name) == sha256_file(tiny / name)
    listed = {one["path"]: one["sha256"] for one in told["model"]["files"]}
    assert listed["model.safetensors"] == weights(whole)
    figure(f"loss {rows[0]['loss']:.3f} to {rows[-1]['loss']:.3f} in 12 steps")


def test_killed_and_started_again_it_ends_with_the_same_weights(
    whole: Path, inputs: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    out = tmp_path / "killed"
    first = TrainerProcess("sft", sft_spec(), inputs, out)
    metrics = MetricsFile(out / "metrics.jsonl")
    until(lambda: len(metrics.rows()) >= 7 or first.process.poll() is not None)
    first.kill()
    assert first.process.returncode == -signal.SIGKILL, first.log.read_text()
    assert not (out / "result.json").exists()
    again = TrainerProcess("sft", sft_spec(), inputs, out)
    assert again.wait() == 0, again.log.read_text()
    told = result(out)
    assert told["resumedFrom"] in (6, 9)
    assert weights(out) == weights(whole)
    assert told["tokens"] == result(whole)["tokens"]
    rows, undisturbed = (MetricsFile(one / "metrics.jsonl").rows() for one in (out, whole))
    assert [row["loss"] for row in rows] == [row["loss"] for row in undisturbed]
    figure(f"killed after step {told['resumedFrom']}, then the same weights {weights(out)[:12]}")


def test_asked_to_stop_it_leaves_a_checkpoint(inputs: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    spec = sft_spec(checkpoint={"everySteps": 100, "keep": 1, "graceSeconds": 60})
    process = TrainerProcess("sft", spec, inputs, out)
    metrics = MetricsFile(out / "metrics.jsonl")
    until(lambda: len(metrics.rows()) >= 2 or process.process.poll() is not None)
    process.process.terminate()
    assert process.wait() == 143, process.log.read_text()
    (step,) = (int(path.name.removeprefix("step-")) for path in out.glob("checkpoints/step-*"))
    assert 2 <= step < 12
    assert not (out / "result.json").exists()


def test_a_run_with_its_result_is_not_run_again(
    whole: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (whole / "result.json").stat().st_mtime_ns
    assert here(monkeypatch, sft_spec(), inputs, whole) == 0
    assert (whole / "result.json").stat().st_mtime_ns == before


def test_adapters_leave_the_base_alone_and_come_merged(
    inputs: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "lora"
    assert here(monkeypatch, sft_spec(method=LORA), inputs, out) == 0
    base, merged = (load_file(one / "model.safetensors") for one in (tiny, out / "model"))
    changed = {name for name in base if not torch.equal(base[name], merged[name])}
    assert changed == {
        f"model.layers.{layer}.self_attn.{part}_proj.weight" for layer in (0, 1) for part in "qv"
    }
    assert sorted(path.name for path in (out / "adapter").glob("adapter_*")) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert not (out / "model" / "adapter_config.json").exists()
    with pytest.raises(BadInput, match="holds an adapter"):
        load_model(out / "adapter", torch.device("cpu"))
    rows = MetricsFile(out / "metrics.jsonl").rows()
    assert rows[-1]["loss"] < rows[0]["loss"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (sft_spec(colour="red"), "RUN_SPEC.colour: unknown field"),
        (sft_spec(context={"maxTokens": 4096}), "4096 is more than the model's 1024"),
        (sft_spec(context={"maxTokens": 3}), "none of 16 rows has a token to learn within 3"),
        (sft_spec(device="cuda"), "this machine shows no GPU"),
    ],
)
def test_bad_specifications_end_with_2(
    spec: dict[str, Any],
    said: str,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if spec["device"] == "cuda" and torch.cuda.is_available():
        pytest.fail("this test is for machines without a GPU")
    out = tmp_path / "bad"
    assert here(monkeypatch, spec, inputs, out) == 2
    told = result(out)
    assert (told["status"], told["exitCode"]) == ("failed", 2)
    assert said in told["message"]
    assert not (out / "model").exists()


@pytest.mark.parametrize("method", [{"type": "full"}, LORA])
def test_a_base_in_bfloat16_comes_out_as_such(
    method: dict[str, Any], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny, tmp_path / "half")
    load_model(tiny, torch.device("cpu"), torch.bfloat16).save_pretrained(tmp_path / "half")
    inputs = write_inputs(tmp_path / "in", tmp_path / "half", LESSONS)
    out = tmp_path / "out"
    assert here(monkeypatch, sft_spec(method=method), inputs, out) == 0
    before, after = (
        load_file(one / "model.safetensors") for one in (tmp_path / "half", out / "model")
    )
    assert {name: one.dtype for name, one in after.items()} == dict.fromkeys(before, torch.bfloat16)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert json.loads((out / "model" / "config.json").read_text("utf-8"))["dtype"] == "bfloat16"
    rows = MetricsFile(out / "metrics.jsonl").rows()
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_nothing_that_was_trained_lies_beside_the_canary(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_canary(monkeypatch, sft)
    assert here(monkeypatch, sft_spec(), inputs, tmp_path / "out") == 0
    assert result(tmp_path / "out")["canary"]["prompt"] == "asked"


@pytest.mark.parametrize(
    ("program", "spec"),
    [
        (sft.main, sft_spec(device="auto")),
        (sft.main, sft_spec(device="cuda")),
        (token_grpo.main, rl_spec("http://127.0.0.1:9", device="auto")),
    ],
)
def test_more_than_one_gpu_ends_with_2(
    program: Callable[[], int],
    spec: dict[str, Any],
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    out = tmp_path / "out"
    assert run_here(program, monkeypatch, spec, inputs, out) == 2
    assert "this trainer uses one GPU and sees 2" in result(out)["message"]
    assert choose_training_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_training_device("auto") == torch.device("cuda")


def test_changed_data_ends_with_2_before_anything_is_trained(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write_inputs(tmp_path / "in", tiny, LESSONS[:2])
    with (inputs / "data" / "train.jsonl").open("a") as file:
        file.write(json.dumps(LESSONS[2]) + "\n")
    assert here(monkeypatch, sft_spec(), inputs, tmp_path / "out") == 2
    assert "data/train.jsonl: has" in result(tmp_path / "out")["message"]
    (inputs / "data" / "train.jsonl").write_text('{"messages": 5}\n', "utf-8")
    write_manifest(inputs / "data")
    assert here(monkeypatch, sft_spec(), inputs, tmp_path / "out2") == 2
    assert "train.jsonl:1: messages" in result(tmp_path / "out2")["message"]


def test_numbers_that_are_none_end_with_3(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write_inputs(tmp_path / "in", tiny, LESSONS[:4])
    spec = sft_spec()
    spec["hyper"] = {**spec["hyper"], "learningRate": "10", "gradientClip": "0", "maxSteps": 40}
    model = load_model(tiny, torch.device("cpu"))
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    model.save_pretrained(tmp_path / "broken")
    (inputs / "model" / "model.safetensors").unlink()
    (inputs / "model" / "model.safetensors").write_bytes(
        (tmp_path / "broken" / "model.safetensors").read_bytes()
    )
    write_manifest(inputs / "model")
    assert here(monkeypatch, spec, inputs, tmp_path / "out") == 3
    assert "loss nan" in result(tmp_path / "out")["message"]


def test_yarn_is_written_into_the_config(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="2048 is more than the model's 1024"):
        with_rope(tiny, tmp_path / "base", None, 2048)
    folder = with_rope(tiny, tmp_path / "base", Yarn(2.0, 1024), 2048)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["max_position_embeddings"] == 2048
    assert config["rope_parameters"]["rope_type"] == "yarn"
    assert "rope_scaling" not in config
    assert (folder / "model.safetensors").resolve() == (tiny / "model.safetensors").resolve()
    model = load_model(folder, torch.device("cpu"))
    plain = load_model(tiny, torch.device("cpu"))
    assert model.model.rotary_emb.attention_scaling == pytest.approx(1.0693, abs=1e-3)
    assert plain.model.rotary_emb.attention_scaling == 1.0
    model.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "config.json").read_text("utf-8"))
    assert saved["rope_parameters"]["factor"] == 2.0
