"""Fixtures that many tests share: one tiny model for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import conversation, lesson

from clawgym_trainer.chat_template import BUNDLED, ChatTemplate, read_template
from clawgym_trainer.model_load import limit_threads, load_tokenizer
from clawgym_trainer.tiny_model import TinyShape, make_tiny_model

limit_threads()
FIGURES: list[str] = []


def pytest_unconfigure() -> None:
    """What the tests measured, as the very last line: a claim shows it."""
    if FIGURES:
        print("; ".join(FIGURES))


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Takes a sentence with a number that this test measured."""
    return FIGURES.append


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny model whose vocabulary knows the tests' conversations."""
    folder = tmp_path_factory.mktemp("tiny")
    texts = [json.dumps(make(seed)) for seed in range(40) for make in (conversation, lesson)]
    make_tiny_model(
        [*texts, BUNDLED.read_text("utf-8")], folder, 7, TinyShape(vocab=700, context=1024)
    )
    return folder


@pytest.fixture(scope="session")
def tokenizer(tiny: Path) -> object:
    """Its tokenizer."""
    return load_tokenizer(tiny)


@pytest.fixture(scope="session")
def template() -> ChatTemplate:
    """The bundled chat template."""
    return read_template(BUNDLED)
