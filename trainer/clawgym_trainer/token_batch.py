"""Reads a token batch, rl-tokens/v1 (docs/reference/rl-tokens.md), and checks it as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from .failures import BadInput

FORMAT = "rl-tokens/v1"
DTYPES = {
    "ids": np.int32,
    "mask": np.uint8,
    "logp": np.float32,
    "version": np.int32,
    "row_off": np.int64,
    "adv": np.float32,
    "weight": np.float32,
    "rollout": np.int32,
    "group": np.int32,
    "segment": np.int32,
}
PER_TOKEN = ("ids", "mask", "logp", "version")
PER_ROW = ("adv", "weight", "rollout", "group", "segment")


@dataclass(frozen=True)
class TokenRow:
    """A segment of a rollout. Arrays of equal length; see the reference for their meaning."""

    ids: np.ndarray
    mask: np.ndarray
    logp: np.ndarray
    version: np.ndarray
    advantage: float
    weight: float
    rollout: int

    @property
    def trained(self) -> int:
        """Tokens that the policy sampled."""
        return int(self.mask.sum())


@dataclass(frozen=True)
class TokenBatch:
    """The rows of one step with the number that the loss is divided by."""

    number: int
    policy_version: int
    denominator: float
    rows: list[TokenRow]
    index: dict[str, Any]

    @property
    def trained(self) -> int:
        """Tokens that are learnt from."""
        return sum(row.trained for row in self.rows)


@dataclass(frozen=True)
class Expectations:
    """What every batch of a run must say of itself, else its log-probabilities mean something else."""

    template_sha256: str
    tokenizer_sha256: str
    temperature: float
    max_tokens: int
    vocabulary: int


def read_batch(index: dict[str, Any], tensors: bytes, expected: Expectations) -> TokenBatch:
    """Raises BadInput where a length, range, hash or sampling setting is not as it must be."""
    number = index.get("number")
    _check_index(index, expected)
    try:
        arrays = load(tensors)
    except SafetensorError as error:
        raise BadInput(f"batch {number}: not a safetensors file: {error}") from error
    _check_arrays(arrays, number)
    offsets = arrays["row_off"]
    rows = [
        TokenRow(
            *(arrays[name][offsets[at] : offsets[at + 1]] for name in PER_TOKEN),
            advantage=float(arrays["adv"][at]),
            weight=float(arrays["weight"][at]),
            rollout=int(arrays["rollout"][at]),
        )
        for at in range(len(offsets) - 1)
    ]
    for position, row in enumerate(rows):
        _check_row(row, f"batch {number}: row {position}", expected)
    return TokenBatch(
        index["number"], index["policyVersion"], float(index["denominator"]), rows, index
    )


def _check_index(index: dict[str, Any], expected: Expectations) -> None:
    place = f"batch {index.get('number')}"
    if index.get("format") != FORMAT:
        raise BadInput(f"{place}: format: expected {FORMAT}, found {index.get('format')!r}")
    for name in ("number", "policyVersion"):
        if not isinstance(index.get(name), int) or index[name] < 0:
            raise BadInput(f"{place}: {name}: expected a whole number, found {index.get(name)!r}")
    for name, wanted in (
        ("templateSha256", expected.template_sha256),
        ("tokenizerSha256", expected.tokenizer_sha256),
    ):
        if index.get(name) != wanted:
            raise BadInput(
                f"{place}: {name}: the rollouts were made with {index.get(name)}, this run has {wanted}"
            )
    for name, number in (("temperature", expected.temperature), ("topP", 1.0)):
        try:
            same = float(index[name]) == number
        except (KeyError, TypeError, ValueError):
            same = False
        if not same:
            raise BadInput(f"{place}: {name}: expected {number:g}, found {index.get(name)!r}")
    denominator = index.get("denominator")
    if not isinstance(denominator, int | float) or not denominator >= 0:
        raise BadInput(f"{place}: denominator: expected a number, found {denominator!r}")


def _check_arrays(arrays: dict[str, np.ndarray], number: Any) -> None:
    for name, dtype in DTYPES.items():
        array = arrays.get(name)
        if array is None or array.ndim != 1 or array.dtype != dtype:
            found = "none" if array is None else f"{array.dtype} of {array.ndim} dimensions"
            raise BadInput(
                f"batch {number}: {name}: expected a row of {dtype.__name__}, found {found}"
            )
    offsets, tokens = arrays["row_off"], len(arrays["ids"])
    if (
        len(offsets) == 0
        or offsets[0] != 0
        or offsets[-1] != tokens
        or (np.diff(offsets) < 1).any()
    ):
        raise BadInput(f"batch {number}: row_off: does not part {tokens} tokens into rows")
    for names, length in ((PER_TOKEN, tokens), (PER_ROW, len(offsets) - 1)):
        for name in names:
            if len(arrays[name]) != length:
                raise BadInput(
                    f"batch {number}: {name}: expected {length} entries, found {len(arrays[name])}"
                )


def _check_row(row: TokenRow, place: str, expected: Expectations) -> None:
    if len(row.ids) > expected.max_tokens:
        raise BadInput(
            f"{place}: has {len(row.ids)} tokens, more than the {expected.max_tokens} of "
            "RUN_SPEC.context.maxTokens"
        )
    if row.ids.min() < 0 or row.ids.max() >= expected.vocabulary:
        raise BadInput(f"{place}: ids: one is not in the vocabulary of {expected.vocabulary}")
    if row.mask.max() > 1 or row.mask[0] != 0:
        raise BadInput(f"{place}: mask: expected 0 and 1, and 0 at the first token")
    numbers = (*row.logp, row.advantage, row.weight)
    if not np.isfinite(numbers).all() or row.logp.max() > 1e-6 or row.weight < 0:
        raise BadInput(f"{place}: logp, adv or weight: not finite, or out of range")
