import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import csv
import functools
import io
import json
import os
import re
import stat
from datetime import date, timedelta
from decimal import Decimal

ROSTER = "roster/week.csv"
HOURS = "roster/hours.json"
COLUMNS = ["date", "shift", "role", "name"]
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


def read_csv(root, relative, columns):
    """Rows of a CSV file with exactly these columns, cells trimmed; None where it is not one."""
    text = read_text(root, relative)
    try:
        table = [row for row in csv.reader(io.StringIO(text or "", newline="")) if any(row)]
    except csv.Error:
        return None
    table = [[cell.strip() for cell in row] for row in table]
    if not table or table[0] != columns or any(len(row) != len(columns) for row in table):
        return None
    return [dict(zip(columns, row)) for row in table[1:]]


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


@functools.lru_cache(maxsize=None)
def rules(root):
    """Staff by name, hours of each shift, and the (name, date) pairs of days off."""
    staff = read_csv(root, "planning/staff.csv", ["name", "roles", "may_close", "max_shifts"])
    shifts = read_csv(root, "planning/shifts.csv", ["date", "shift", "role", "hours"])
    days_off = set()
    for line in read_text(root, "planning/days-off.txt").split("\n"):
        name, _, dates = line.partition(":")
        days_off.update((name.strip(), day.strip()) for day in dates.split(",") if day.strip())
    if not (staff and shifts and days_off):
        raise ValueError("a planning file is empty")
    hours = {(s["date"], s["shift"], s["role"]): decimal(s["hours"]) for s in shifts}
    return {person["name"]: person for person in staff}, hours, days_off


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    rows = read_csv(root, ROSTER, COLUMNS)
    hours = read_json(root, HOURS)

    def slots():
        return [(row["date"], row["shift"], row["role"]) for row in rows]

    def staffed():
        """Every shift has one person of the team, and there is no other row."""
        staff, needed, _ = rules(root)
        return sorted(slots()) == sorted(needed) and all(row["name"] in staff for row in rows)

    def each(allowed):
        """A rule on single rows of a complete roster."""
        return lambda: staffed() and all(allowed(row, rules(root)[0][row["name"]]) for row in rows)

    def days_off_kept():
        return staffed() and not any((r["name"], r["date"]) in rules(root)[2] for r in rows)

    def within_maximum():
        worked = [row["name"] for row in rows]
        staff = rules(root)[0].values()
        return staffed() and all(worked.count(p["name"]) <= int(p["max_shifts"]) for p in staff)

    def one_shift_a_day():
        return staffed() and len({(row["name"], row["date"]) for row in rows}) == len(rows)

    def rest_after_late():
        early = {(row["name"], row["date"]) for row in rows if row["shift"] == "early"}
        late = [row for row in rows if row["shift"] == "late"]
        return staffed() and not any((row["name"], next_day(row["date"])) in early for row in late)

    def hours_agree():
        staff, needed, _ = rules(root)
        worked = dict.fromkeys(staff, Decimal(0))
        for row, slot in zip(rows, slots()):
            worked[row["name"]] += needed[slot]
        booleans = any(isinstance(value, bool) for value in hours.values())
        return staffed() and hours == worked and not booleans

    checks = {
        "every_shift_staffed": staffed,
        "roles_fit": each(lambda row, person: row["role"] in person["roles"].split()),
        "closers_only_late": each(
            lambda row, person: row["shift"] != "late" or person["may_close"] == "yes"
        ),
        "days_off_kept": days_off_kept,
        "within_maximum": within_maximum,
        "one_shift_a_day": one_shift_a_day,
        "rest_after_late": rest_after_late,
        "hours_agree": hours_agree,
    }
    return {name: passed(check) for name, check in checks.items()}


def next_day(text):
    return (date.fromisoformat(text) + timedelta(days=1)).isoformat()


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
