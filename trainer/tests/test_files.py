"""Inputs, checkpoints, metrics and progress: what is whole, what is refused, what is told."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import write_manifest

from clawgym_trainer.batch_source import BatchSource
from clawgym_trainer.checkpoints import Checkpoints
from clawgym_trainer.digests import sha256_bytes
from clawgym_trainer.failures import BadInput
from clawgym_trainer.inputs import verify_input
from clawgym_trainer.metrics import MetricsFile
from clawgym_trainer.progress import Progress, StatusServer, status_server
from clawgym_trainer.signals import StopRequest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a", "utf-8")
    (folder / "deep" / "b.txt").write_text("b", "utf-8")
    write_manifest(folder)
    return folder


def test_inputs_as_listed_pass(data: Path) -> None:
    verify_input(data)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("a.txt", "b", "data/a.txt: has SHA-256"),
        ("a.txt", "aa", "data/a.txt: has 2 bytes, manifest.json says 1"),
        ("more.txt", "x", "data/more.txt: not listed"),
        ("manifest.json", "[]", "expected a list of"),
        ("manifest.json", "{", "not readable as JSON"),
        ("manifest.json", '[{"path": "../x", "size": 1, "sha256": "0"}]', "leaves the folder"),
        ("manifest.json", '[{"path": "c", "size": 1, "sha256": "0"}]', "c: listed in"),
        ("manifest.json", '[{"path": "a.txt", "size": 1}]', "manifest.json[0].sha256: missing"),
    ],
)
def test_other_inputs_are_refused(data: Path, path: str, text: str, said: str) -> None:
    (data / path).write_text(text, "utf-8")
    with pytest.raises(BadInput) as refused:
        verify_input(data)
    assert said in str(refused.value)


def test_only_complete_checkpoints_count(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    assert checkpoints.newest() is None
    for step in (3, 6, 9):
        checkpoints.save(step, lambda folder: (folder / "state").write_text(folder.name))
    (tmp_path / "step-12.tmp").mkdir()
    assert checkpoints.newest() == (9, tmp_path / "step-9")
    assert (tmp_path / "latest").read_text() == "step-9\n"
    assert sorted(path.name for path in tmp_path.glob("step-*")) == [
        "step-12.tmp",
        "step-6",
        "step-9",
    ]


def test_a_writer_that_fails_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1, lambda folder: (folder / "state").write_text("one"))

    def fail(folder: Path) -> None:
        (folder / "state").write_text("half")
        raise OSError("disk is full")

    with pytest.raises(OSError, match="disk is full"):
        checkpoints.save(2, fail)
    assert checkpoints.newest() == (1, tmp_path / "step-1")
    checkpoints.save(2, lambda folder: (folder / "state").write_text("two"))
    assert (tmp_path / "step-2" / "state").read_text() == "two"


def test_metrics_have_each_step_once(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    for step in (1, 2, 3):
        metrics.append(step, {"loss": float("nan") if step == 1 else 0.5})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    metrics.forget_after(2)
    metrics.append(3, {"loss": 0.25})
    rows = metrics.rows()
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert [row["loss"] for row in rows] == ["nan", 0.5, 0.25]


def test_progress_speaks_the_protocol(tmp_path: Path) -> None:
    seen: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.append((self.headers["authorization"], body["trainerStatus"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        (tmp_path / "token").write_text("secret\n")
        env = {
            "KUBEFLOW_TRAINER_SERVER_URL": f"http://127.0.0.1:{server.server_address[1]}",
            "KUBEFLOW_TRAINER_SERVER_TOKEN": str(tmp_path / "token"),
        }
        now = [0.0]
        progress = Progress(status_server(env), 10, clock=lambda: now[0])
        for step, at in ((1, 0.0), (2, 4.0), (3, 6.0), (10, 7.0)):
            now[0] = at
            progress.tell(step, {"loss": 0.5}, last=step == 10)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [token for token, _ in seen] == ["Bearer secret"] * 3
    assert [status["progressPercentage"] for _, status in seen] == [10, 30, 100]
    assert [status.get("estimatedRemainingSeconds") for _, status in seen] == [None, 21, 0]
    assert seen[0][1]["metrics"] == [{"name": "loss", "value": "0.5"}]


def test_progress_that_does_not_arrive_stops_nothing() -> None:
    assert status_server({}) is None
    gone = status_server({"KUBEFLOW_TRAINER_SERVER_URL": "http://127.0.0.1:9"})
    Progress(gone, 10).tell(1, {"loss": 1.0})


class Rude:
    """Answers connection after connection with these bytes and closes."""

    def __init__(self, *answers: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = answers
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for answer in self._answers:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
        self._listener.close()


def answer_of(body: bytes, length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (length, body)


def test_a_batch_server_that_ends_in_the_middle_of_an_answer_is_asked_again() -> None:
    index = json.dumps({"number": 1, "tokens": {"sha256": sha256_bytes(b"tensors")}}).encode()
    server = Rude(
        b"nonsense\r\n\r\n",
        answer_of(index[:9], len(index)),
        answer_of(index, len(index)),
        answer_of(b"tens", 7),
        answer_of(b"tensors", 7),
    )
    batch = BatchSource(server.url, "run", None, StopRequest()).next_after(0)
    assert batch is not None
    assert batch.tensors == b"tensors"


def test_a_status_server_that_talks_nonsense_stops_nothing() -> None:
    server = Rude(b"nonsense\r\n\r\n", b"")
    for step in (1, 2):
        Progress(StatusServer(server.url, None, None), 2).tell(step, {"loss": 1.0})
