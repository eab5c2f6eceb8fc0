import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import configparser
import json
import os
import re
import stat
from decimal import Decimal

CONFIG = "config/gateway.ini"
JSON_OUT = "config/changes.json"
ORIGINAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gateway.original.ini")
# The six points of change-request.md as (section, option, old value, new value).
CHANGES = (
    ("server", "port", "8080", "8443"),
    ("server", "tls", None, "on"),
    ("logging", "log_lvl", "warning", None),
    ("logging", "log_level", None, "warning"),
    ("cache", "ttl_seconds", "300", "900"),
    ("legacy_auth", "realm", "ravenshore", None),
    ("legacy_auth", "htpasswd", "/etc/gateway/users", None),
    ("rate_limit", "requests_per_minute", None, "120"),
    ("rate_limit", "burst", None, "30"),
    ("upstream:stock", "timeout_seconds", "45", "60"),
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


def lines_of(text):
    """The lines that say something, blanks collapsed; [] where there is no text."""
    return [" ".join(line.split()) for line in (text or "").splitlines() if line.strip()]


def passed(check):
    """1.0 where the check holds; an output too odd to be looked at fails it."""
    try:
        return 1.0 if check() is True else 0.0
    except Exception:
        return 0.0


def options(text):
    """{(section, option): value} of an INI file; raises on duplicates and on anything else."""
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str
    parser.read_string(text)
    found = {(s, o): parser.get(s, o) for s in parser.sections() for o in parser.options(s)}
    return found, parser.sections()


def comments(text):
    return [line for line in lines_of(text) if line[0] in "#;"]


def original():
    with open(ORIGINAL, encoding="utf-8") as file:
        return file.read()


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    text = read_text(root, CONFIG)
    changes = read_json(root, JSON_OUT)

    def applied(section):
        """Every change of the section is made and the rest of the section is as it was."""
        wanted = {(s, o): v for s, o, _, v in CHANGES if s == section and v is not None}
        gone = {(s, o) for s, o, _, v in CHANGES if v is None}
        kept = {k: v for k, v in options(original())[0].items() if k[0] == section}
        expected = {k: v for k, v in {**kept, **wanted}.items() if k not in gone}
        found, _ = options(text)
        return {k: v for k, v in found.items() if k[0] == section} == expected

    def legacy_removed():
        sections = options(text)[1]
        return "legacy_auth" not in sections and {"server", "cache", "logging"} <= set(sections)

    def rest_kept():
        """All changes are made, and no other option or comment was touched."""
        before, _ = options(original())
        after, sections = options(text)
        for section, option, _, value in CHANGES:
            before.pop((section, option), None)
            if value is not None:
                before[(section, option)] = value
        return (
            after == before
            and sorted(sections) == sorted({section for section, _ in before})
            and comments(text) == comments(original())
        )

    def listed():
        found = [(c["section"], c["option"], c["old"], c["new"]) for c in changes]
        return sorted(found, key=repr) == sorted(CHANGES, key=repr)

    checks = {
        "server_on_tls": lambda: applied("server"),
        "log_level_renamed": lambda: applied("logging"),
        "cache_ttl": lambda: applied("cache"),
        "legacy_auth_removed": legacy_removed,
        "rate_limit_added": lambda: applied("rate_limit"),
        "stock_timeout": lambda: applied("upstream:stock"),
        "rest_kept": rest_kept,
        "changes_listed": listed,
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
