import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import functools
import json
import os
import re
import stat
from datetime import datetime, timedelta

REPORT = "incident/report.md"
SECTIONS = ("# Incident report", "## Errors by component", "## Requests that failed in both logs")
WEB = r"([0-9TZ:-]{20}) (ERROR|FATAL) (\S+) req=(\S+) .*"
WORKER = r"\[([0-9/]{10} [0-9:]{8})\] (ERROR|FATAL) (\S+) req=(\S+) .*"
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


def lines_of(text):
    """The lines that say something, blanks collapsed; [] where there is no text."""
    return [" ".join(line.split()) for line in (text or "").splitlines() if line.strip()]


def passed(check):
    """1.0 where the check holds; an output too odd to be looked at fails it."""
    try:
        return 1.0 if check() is True else 0.0
    except Exception:
        return 0.0


def failures(root, relative, pattern, time_format, offset):
    """(UTC time, component, request) of each error line of one log."""
    found = []
    for line in read_text(root, relative).splitlines():
        match = re.fullmatch(pattern, line)
        if match:
            when = datetime.strptime(match.group(1), time_format) - offset
            found.append((when.strftime("%Y-%m-%dT%H:%M:%SZ"), match.group(3), match.group(4)))
    if not found:
        raise ValueError("no error in " + relative)
    return found


@functools.lru_cache(maxsize=None)
def incident(root):
    """The lines of the report, by section."""
    web = failures(root, "logs/web.log", WEB, "%Y-%m-%dT%H:%M:%SZ", timedelta(0))
    worker = failures(root, "logs/worker.log", WORKER, "%d/%m/%Y %H:%M:%S", timedelta(hours=2))
    components = {}
    for when, component, _ in sorted(web + worker):
        components.setdefault(component, []).append(when)
    ranked = sorted(components.items(), key=lambda item: (-len(item[1]), item[0]))
    times = sorted(when for when, _, _ in web + worker)
    return {
        "head": [
            "First error: " + times[0],
            "Last error: " + times[-1],
            "Errors in total: " + str(len(times)),
        ],
        "rows": [(name, str(len(seen)), seen[0]) for name, seen in ranked],
        "requests": sorted({r for _, _, r in web} & {r for _, _, r in worker}),
    }


def sections(lines):
    """The lines under each of the three headings; raises unless these are all, in this order."""
    starts = [index for index, line in enumerate(lines) if line.startswith("#")]
    if [lines[index] for index in starts] != list(SECTIONS) or starts[0] != 0:
        raise ValueError("other headings")
    ends = starts[1:] + [len(lines)]
    return [lines[start + 1 : end] for start, end in zip(starts, ends)]


def table(lines):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if rows[0] != ["component", "errors", "first seen"] or len(rows[1]) != 3:
        raise ValueError("another table")
    if not all(re.fullmatch(r":?-+:?", cell) for cell in rows[1]):
        raise ValueError("no line under the head of the table")
    return [tuple(row) for row in rows[2:]]


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    lines = lines_of(read_text(root, REPORT))

    def head(index):
        return lambda: sections(lines)[0][index] == incident(root)["head"][index]

    def rows(*columns):
        return lambda: sorted(
            tuple(row[c] for c in columns) for row in table(sections(lines)[1])
        ) == sorted(tuple(row[c] for c in columns) for row in incident(root)["rows"])

    def complete():
        """Nothing missing, nothing more, all in order."""
        first, second, third = sections(lines)
        wanted = incident(root)
        return (
            first == wanted["head"]
            and table(second) == wanted["rows"]
            and third == ["- " + request for request in wanted["requests"]]
        )

    checks = {
        "first_error": head(0),
        "last_error": head(1),
        "errors_in_total": head(2),
        "errors_by_component": rows(0, 1),
        "first_seen": rows(0, 2),
        "ranking": lambda: [row[0] for row in table(sections(lines)[1])]
        == [row[0] for row in incident(root)["rows"]],
        "shared_requests": lambda: sorted(sections(lines)[2])
        == ["- " + request for request in incident(root)["requests"]],
        "complete_report": complete,
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
