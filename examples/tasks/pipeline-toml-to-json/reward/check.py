import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import json
import os
import re
import stat
from decimal import Decimal

JSON_OUT = "pipeline.json"
MIB = 1024 * 1024
# What pipeline.toml and MIGRATION.md call for, written out: Python 3.9 has no reader for TOML.
HEAD = {"name": "tile-nightly", "maxParallel": 3}
NOTIFY = {"failure": ["maps@fernway.example", "oncall@fernway.example"], "success": []}
ENVIRONMENT = [
    {"name": "CACHE_DIR", "value": "/srv/tiles/cache"},
    {"name": "KEEP_RAW", "value": "false"},
    {"name": "REGION", "value": "north"},
    {"name": "TILE_SIZE", "value": "512"},
]
KEYS = ("id", "run", "after", "timeoutSeconds", "memoryBytes", "retries")
STAGES = (
    ("fetch-extracts", "bin/fetch --mirror west", [], 2400, 768 * MIB, 0),
    ("validate", "bin/validate --strict", ["fetch-extracts"], 900, 256 * MIB, 0),
    ("render-low-zoom", "bin/render --zoom 0-9", ["validate"], 90, 2048 * MIB, 2),
    (
        "render-high-zoom",
        "bin/render --zoom 10-16",
        ["validate", "render-low-zoom"],
        21600,
        12288 * MIB,
        1,
    ),
    ("publish", "bin/publish", ["render-high-zoom"], 900, None, 0),
)
LIMIT = 1 << 20


def read_text(root, relative):
    """Text of a regular UTF-8 file of at most LIMIT bytes, reached without links; else None."""
    path = os.path.join(root, relative)
    try:
        if os.path.realpath(path) != path:
            return None
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LIMIT:
                return None
            return file.read(LIMIT).decode("utf-8-sig")
    except (OSError, ValueError):
        return None


def read_json(root, relative):
    """The JSON document in a file, numbers as Decimal; None where there is none."""
    text = read_text(root, relative)
    try:
        return json.loads(
            text or "", parse_int=decimal, parse_float=decimal, parse_constant=refuse
        )
    except (ValueError, RecursionError):
        return None


def refuse(token):
    raise ValueError("not a JSON number: " + token)


def decimal(text):
    """A decimal number of at most 15 digits before and 20 after the point."""
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,20})?", text):
        raise ValueError("not a plain number")
    return Decimal(text)


def passed(check):
    """1.0 where the check holds; an output too odd to be looked at fails it."""
    try:
        return 1.0 if check() is True else 0.0
    except Exception:
        return 0.0


def has_boolean(value):
    if isinstance(value, dict):
        return any(has_boolean(item) for item in value.values())
    if isinstance(value, list):
        return any(has_boolean(item) for item in value)
    return isinstance(value, bool)


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    found = read_json(root, JSON_OUT)

    def values(*names):
        """These values of each stage, in order; true and false are no numbers."""
        indexes = [KEYS.index(name) for name in names]
        return (
            not has_boolean(found["stages"])
            and [[stage[name] for name in names] for stage in found["stages"]]
            == [[stage[index] for index in indexes] for stage in STAGES]
        )

    def exact():
        wanted = dict(HEAD, notify=NOTIFY, environment=ENVIRONMENT)
        wanted["stages"] = [dict(zip(KEYS, stage)) for stage in STAGES]
        return not has_boolean(found) and found == wanted

    checks = {
        "head": lambda: {name: found[name] for name in HEAD} == HEAD,
        "notify": lambda: found["notify"] == NOTIFY,
        "environment": lambda: found["environment"] == ENVIRONMENT,
        "stage_ids": lambda: values("id"),
        "commands": lambda: values("id", "run"),
        "needs": lambda: values("id", "after"),
        "timeouts": lambda: values("id", "timeoutSeconds"),
        "memory_limits": lambda: values("id", "memoryBytes"),
        "retries": lambda: values("id", "retries"),
        "nothing_else": exact,
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
