import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import functools
import json
import os
import re
import stat

CHANGELOG = "CHANGELOG.md"
VERSION_OUT = "release/version.txt"
DATE = "2026-04-02"
ORIGINAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "CHANGELOG.original.md")
COMMIT = r"([0-9a-f]{7}) ([a-z]+)(!?): (.*)"
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


def original():
    with open(ORIGINAL, encoding="utf-8") as file:
        return lines_of(file.read())


@functools.lru_cache(maxsize=None)
def release(root):
    """The version and the bullets of each heading, oldest commit first."""
    text = read_text(root, "release/commits.txt")
    commits = [re.fullmatch(COMMIT, line).groups() for line in lines_of(text)]
    reverted = set(re.findall(r"\(reverts ([0-9a-f]{7})\)", text))
    groups = {"### Breaking changes": [], "### Added": [], "### Fixed": []}
    for commit, kind, breaking, subject in reversed(commits):
        if commit in reverted or kind not in ("feat", "fix", "perf"):
            continue
        heading = "### Added" if kind == "feat" else "### Fixed"
        groups["### Breaking changes" if breaking else heading].append("- " + subject)
    if not all(groups.values()):
        raise ValueError("the commits are not the ones of this task")
    return "3.0.0", groups


def parts(lines):
    """The lines above the first release, the newest release, and all older releases."""
    starts = [index for index, line in enumerate(lines) if line.startswith("## ")] + [len(lines)]
    return lines[: starts[0]], lines[starts[0] : starts[1]], lines[starts[1] :]


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    lines = lines_of(read_text(root, CHANGELOG))
    version = lines_of(read_text(root, VERSION_OUT))

    def heading():
        return parts(lines)[1][0] == "## [" + release(root)[0] + "] - " + DATE

    def bullets(name):
        """The lines under one heading of the newest release."""
        newest = parts(lines)[1]
        start = newest.index(name) + 1
        ends = [i for i, line in enumerate(newest) if i >= start and line.startswith("#")]
        return newest[start : min(ends + [len(newest)])]

    def group(name):
        return lambda: heading() and bullets(name) == release(root)[1][name]

    def only_three_groups():
        found = [line for line in parts(lines)[1] if not line.startswith("- ")]
        count = sum(len(items) for items in release(root)[1].values())
        return (
            heading()
            and found[1:] == list(release(root)[1])
            and len(parts(lines)[1]) == len(found) + count
        )

    def older_kept():
        """The new release stands on top of an otherwise unchanged file."""
        head, _, older = parts(lines)
        old_head, old_newest, old_older = parts(original())
        return heading() and head == old_head and older == old_newest + old_older

    checks = {
        "version_file": lambda: version == [release(root)[0]],
        "release_heading": heading,
        "breaking_changes": group("### Breaking changes"),
        "added": group("### Added"),
        "fixed": group("### Fixed"),
        "only_three_groups": only_three_groups,
        "older_releases_kept": older_kept,
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
