"""The policy server's wire: ids, log-probabilities, tool calls, errors, and newer policies."""

from __future__ import annotations

import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from support import TOOLS

from clawgym_trainer.canary import canary_of
from clawgym_trainer.chat_answer import Answered, completion
from clawgym_trainer.chat_request import parse_chat_request
from clawgym_trainer.chat_template import ChatTemplate
from clawgym_trainer.policy_files import write_model_folder
from clawgym_trainer.policy_server import PolicyServer
from clawgym_trainer.sampling import Sampled, Sampling, draw
from clawgym_trainer.served_policy import ServedPolicy, load_policy

USER = [{"role": "user", "content": "read the file"}]
ASKED = {"model": "policy", "messages": USER, "max_tokens": 12, "seed": 3}
TOKENS = {**ASKED, "logprobs": True, "return_token_ids": True, "temperature": 1.0, "top_p": 1}


class Client:
    """Asks a server and gives status and JSON."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._token = token

    def ask(self, path: str, body: Any = None, raw: bytes | None = None) -> tuple[int, bytes]:
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {} if self._token is None else {"authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._base + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def chat(self, body: Any) -> dict[str, Any]:
        status, data = self.ask("/v1/chat/completions", body)
        assert status == 200, data
        return json.loads(data)

    def refusal(self, body: Any) -> tuple[int, dict[str, Any]]:
        status, data = self.ask("/v1/chat/completions", body)
        return status, json.loads(data)["error"]


@pytest.fixture
def server(tiny: Path, template: ChatTemplate) -> Iterator[PolicyServer]:
    def load(folder: Path, version: int) -> Any:
        return load_policy(folder, version, torch.device("cpu"), 256)

    served = ServedPolicy(load(tiny, 0), template, "policy", load)
    server = PolicyServer(("127.0.0.1", 0), served, None)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(server: PolicyServer) -> Client:
    return Client(server.server_address[1])


def test_tells_ids_and_as_many_logprobs(
    client: Client, tokenizer: Any, template: ChatTemplate
) -> None:
    body = client.chat({**TOKENS, "tools": TOOLS})
    choice = body["choices"][0]
    assert body["prompt_token_ids"] == template.encode(tokenizer, USER, TOOLS, True)
    ids = choice["token_ids"]
    logprobs = [one["logprob"] for one in choice["logprobs"]["content"]]
    assert len(ids) == len(logprobs) == body["usage"]["completion_tokens"] == 12
    assert all(one <= 0 for one in logprobs)
    assert choice["message"]["content"] == tokenizer.decode(ids, skip_special_tokens=True)
    assert (body["policy_version"], choice["finish_reason"]) == (0, "length")
    assert body["usage"]["total_tokens"] == len(body["prompt_token_ids"]) + 12


def test_gives_tokens_only_where_asked(client: Client) -> None:
    body = client.chat(ASKED)
    assert "prompt_token_ids" not in body
    assert "token_ids" not in body["choices"][0]
    assert body["choices"][0]["logprobs"] is None


def test_a_seed_repeats_an_answer_and_another_does_not(client: Client) -> None:
    ids = [client.chat({**TOKENS, "seed": seed})["choices"][0]["token_ids"] for seed in (3, 3, 4)]
    assert ids[0] == ids[1] != ids[2]
    greedy = [
        client.chat({**TOKENS, "temperature": 0, "seed": seed})["choices"][0]["token_ids"]
        for seed in (1, 2)
    ]
    assert greedy[0] == greedy[1]


def test_streams_the_answer_as_one_burst(client: Client) -> None:
    whole = client.chat(TOKENS)["choices"][0]
    body = {**TOKENS, "stream": True, "stream_options": {"include_usage": True}}
    status, data = client.ask("/v1/chat/completions", body)
    frames = [line.removeprefix("data: ") for line in data.decode().split("\n\n") if line]
    assert (status, frames[-1]) == (200, "[DONE]")
    first, last, usage = (json.loads(frame) for frame in frames[:-1])
    assert first["choices"][0]["delta"]["content"] == whole["message"]["content"]
    assert first["choices"][0]["token_ids"] == whole["token_ids"]
    assert last["choices"][0]["finish_reason"] == "length"
    assert usage["usage"]["completion_tokens"] == 12


def answer_of(text: str, tokenizer: Any, tools: list[Any], finish: str = "stop") -> dict[str, Any]:
    request = parse_chat_request({"model": "policy", "messages": USER, "tools": tools}, "policy")
    ids = [*tokenizer.encode(text), tokenizer.eos_token_id]
    sampled = Sampled(ids, [-1.0] * len(ids), finish)
    answered = Answered("policy", 5, [1, 2], sampled, text)
    return completion(request, answered, lambda token: tokenizer.decode([token]))


def test_parts_tool_calls_from_words(tokenizer: Any) -> None:
    said = 'I look.\n<tool_call>\n{"name": "bash", "arguments": {"command":"ls"}}\n</tool_call>'
    choice = answer_of(said, tokenizer, TOOLS)["choices"][0]
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "I look."
    assert call["function"] == {"name": "bash", "arguments": '{"command":"ls"}'}
    assert call["type"] == "function"
    assert answer_of(said, tokenizer, TOOLS)["choices"][0]["message"] == choice["message"]


def test_what_is_no_call_stays_text(tokenizer: Any) -> None:
    broken = '<tool_call>\n{"name": "bash", "arguments": {'
    message = answer_of(broken, tokenizer, TOOLS)["choices"][0]
    assert (message["message"]["content"], message["finish_reason"]) == (broken, "stop")
    whole = '<tool_call>\n{"name": "bash", "arguments": {}}\n</tool_call>'
    without_tools = answer_of(whole, tokenizer, [])["choices"][0]["message"]
    assert without_tools == {"role": "assistant", "content": whole}


@pytest.mark.parametrize(
    ("change", "status", "param", "said"),
    [
        ({"n": 2}, 400, "n", "only 1 is supported"),
        ({"colour": 1}, 400, "colour", "unknown field colour"),
        ({"top_k": 20}, 400, "top_k", "only -1 or 0"),
        ({"presence_penalty": 0.5}, 400, "presence_penalty", "only 0"),
        ({"stop": ["x"]}, 400, "stop", "only"),
        ({"tool_choice": "required"}, 400, "tool_choice", "only auto or none"),
        ({"temperature": 3}, 400, "temperature", "from 0 to 2"),
        ({"temperature": True}, 400, "temperature", "from 0 to 2"),
        ({"top_p": 0}, 400, "top_p", "expected a number"),
        ({"max_tokens": 0}, 400, "max_tokens", "at least 1"),
        ({"seed": "7"}, 400, "seed", "whole number"),
        ({"model": "other"}, 404, "model", "does not exist"),
        ({"messages": []}, 400, "messages", "at least one"),
        ({"messages": [{"role": "robot"}]}, 400, "messages", "messages[0].role"),
        ({"messages": "x"}, 400, "messages", "list of objects"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            400,
            "messages",
            "only text can",
        ),
        (
            {"messages": [{"role": "user", "content": "word " * 300}]},
            400,
            "messages",
            "maximum context length is 256",
        ),
    ],
)
def test_refuses_in_the_form_of_openai(
    change: dict[str, Any], status: int, param: str, said: str, client: Client
) -> None:
    got, error = client.refusal({**ASKED, **change})
    assert (got, error["param"], error["type"]) == (status, param, "invalid_request_error")
    assert said in error["message"]


def test_refuses_bodies_and_paths_that_it_does_not_know(client: Client) -> None:
    assert client.ask("/v1/chat/completions", raw=b"{")[0] == 400
    assert client.ask("/v1/chat/completions", raw=b"[1]")[0] == 400
    assert client.ask("/v1/completions", {})[0] == 404
    assert client.ask("/nothing")[0] == 404
    assert client.chat(ASKED)["object"] == "chat.completion"


def test_wants_its_token_everywhere_but_for_health(server: PolicyServer) -> None:
    server.token = "secret"
    port = server.server_address[1]
    stranger, friend = Client(port, "guess"), Client(port, "secret")
    assert stranger.ask("/health")[0] == 200
    for path, body in (
        ("/v1/models", None),
        ("/metrics", None),
        ("/v1/chat/completions", ASKED),
        ("/v1/load_policy", {}),
    ):
        assert stranger.ask(path, body)[0] == 401
    assert friend.ask("/v1/models")[0] == 200


def test_answers_the_canary_of_its_model(
    client: Client, tiny: Path, template: ChatTemplate
) -> None:
    canary = canary_of(tiny, torch.device("cpu"), template)
    asked = {
        "model": "policy",
        "messages": [{"role": "user", "content": canary["prompt"]}],
        "temperature": 0,
        "max_tokens": len(canary["ids"]),
        "return_token_ids": True,
    }
    assert len(canary["ids"]) > 0
    assert client.chat(asked)["choices"][0]["token_ids"] == canary["ids"]


def test_tells_models_and_metrics(client: Client) -> None:
    client.chat(ASKED)
    model = json.loads(client.ask("/v1/models")[1])["data"][0]
    assert (model["id"], model["max_model_len"], model["policy_version"]) == ("policy", 256, 0)
    metrics = client.ask("/metrics")[1].decode()
    assert 'vllm:num_requests_waiting{model_name="policy"} 0' in metrics
    assert 'vllm:num_requests_running{model_name="policy"} 0' in metrics
    assert 'vllm:generation_tokens_total{model_name="policy"} 12' in metrics


def test_takes_a_newer_policy_between_answers(
    client: Client, tiny: Path, template: ChatTemplate, tmp_path: Path
) -> None:
    before = client.chat(TOKENS)["choices"][0]["token_ids"]

    def save(folder: Path) -> None:
        model = load_policy(tiny, 0, torch.device("cpu"), None).model
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
        model.save_pretrained(folder)

    write_model_folder(tmp_path / "v-1", tiny, template, save)
    with ThreadPoolExecutor(4) as pool:
        early = [pool.submit(client.chat, TOKENS) for _ in range(3)]
        status, body = client.ask("/v1/load_policy", {"path": str(tmp_path / "v-1"), "version": 1})
        versions = [one.result()["policy_version"] for one in early]
    assert (status, json.loads(body)["version"]) == (200, 1)
    assert set(versions) <= {0, 1}
    after = client.chat(TOKENS)
    assert after["policy_version"] == 1
    assert after["choices"][0]["token_ids"] != before


def test_keeps_its_policy_where_another_cannot_be_loaded(
    client: Client, tiny: Path, template: ChatTemplate, tmp_path: Path
) -> None:
    broken = tmp_path / "v-2"
    write_model_folder(
        broken, tiny, template, lambda folder: shutil.copytree(tiny, folder, dirs_exist_ok=True)
    )
    (broken / "config.json").write_text("{}", "utf-8")
    for body, said in (
        ({"path": str(tmp_path / "none"), "version": 2}, "config.json is missing"),
        ({"path": str(broken), "version": 2}, "config.json is not what READY says"),
        ({"path": str(tiny), "version": -1}, "version: expected"),
        ({"version": 2}, "path: expected"),
    ):
        status, data = client.ask("/v1/load_policy", body)
        assert status == 400
        assert said in json.loads(data)["error"]["message"]
    assert client.chat(ASKED)["policy_version"] == 0


def test_draws_from_the_distribution_that_it_tells() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -5.0])
    generator = torch.Generator().manual_seed(1)
    for sampling in (Sampling(1.0, 1.0, 1, 1), Sampling(0.5, 1.0, 1, 1), Sampling(1.0, 0.9, 1, 1)):
        drawn = [draw(logits, sampling, generator) for _ in range(4000)]
        told = dict(drawn)
        for token, logprob in told.items():
            share = sum(one == token for one, _ in drawn) / len(drawn)
            assert share == pytest.approx(float(torch.tensor(logprob).exp()), abs=0.03)
        assert sum(float(torch.tensor(one).exp()) for one in told.values()) > 0.98
    assert max(token for token, _ in drawn) == 1
