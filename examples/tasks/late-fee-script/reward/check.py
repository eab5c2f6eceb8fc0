import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import ast
import csv
import functools
import io
import json
import os
import re
import stat
from datetime import date
from decimal import Decimal

SCRIPT = "tools/late_fees.py"
CSV_OUT = "out/fees.csv"
COLUMNS = ["loan", "member", "days_late", "fee"]
CONSTANTS = ("GRACE_DAYS", "DAILY_FEE", "MAX_FEE")
ORIGINAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "late_fees.original.py")
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
def policy(root):
    text = read_text(root, "policy.md")
    patterns = (
        r"Grace period: ([0-9]+) days",
        r"Daily fee: ([0-9.]+) EUR",
        r"Highest fee: ([0-9.]+) EUR",
    )
    return dict(zip(CONSTANTS, (decimal(re.search(p, text).group(1)) for p in patterns)))


@functools.lru_cache(maxsize=None)
def fees(root):
    """The rows of out/fees.csv as the policy wants them."""
    loans = read_csv(root, "data/loans.csv", ["loan", "member", "tool", "due", "returned"])
    grace, daily, highest = (policy(root)[name] for name in CONSTANTS)
    rows = []
    for loan in loans:
        late = (date.fromisoformat(loan["returned"]) - date.fromisoformat(loan["due"])).days
        if late > grace:
            rows.append((loan["loan"], loan["member"], late, min((late - grace) * daily, highest)))
    if not rows:
        raise ValueError("nobody is late")
    return rows


def parts(source):
    """A script as (constants by name, dump of days_late, dump of everything else)."""
    constants, repaired, rest = {}, None, []
    for node in ast.parse(source).body:
        name = assigned_name(node)
        if name in CONSTANTS and name not in constants:
            constants[name] = node.value
        elif isinstance(node, ast.FunctionDef) and node.name == "days_late" and not repaired:
            repaired = node
        else:
            rest.append(ast.dump(node))
    return constants, repaired, rest


def assigned_name(node):
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return getattr(node.targets[0], "id", None)
    return None


def constant_value(node):
    """The number of 4, 0.35, "0.35" or Decimal("0.35")."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Decimal":
        node = node.args[0]
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        raise ValueError("not a constant")
    return decimal(str(node.value))


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    rows = read_csv(root, CSV_OUT, COLUMNS)

    @functools.lru_cache(maxsize=None)
    def edited():
        return parts(read_text(root, SCRIPT))

    @functools.lru_cache(maxsize=None)
    def original():
        with open(ORIGINAL, encoding="utf-8") as file:
            return parts(file.read())

    def constant(name):
        return lambda: constant_value(edited()[0][name]) == policy(root)[name]

    def repaired():
        """days_late reads no day of the month, and its results in the CSV are right."""
        before, after = original()[1], edited()[1]
        names = {getattr(node, "attr", getattr(node, "id", None)) for node in ast.walk(after)}
        return (
            ast.dump(before.args) == ast.dump(after.args)
            and "day" not in names
            and {"due", "returned"} <= names
            and any(isinstance(node, ast.Return) for node in ast.walk(after))
            and days_column()
        )

    def rest_kept():
        return repaired() and edited()[2] == original()[2] and len(edited()[0]) == len(CONSTANTS)

    def column(name, convert, index):
        return lambda: [(row["loan"], convert(row[name])) for row in rows] == [
            (wanted[0], wanted[index]) for wanted in fees(root)
        ]

    days_column = column("days_late", decimal, 2)

    checks = {
        "grace_days": constant("GRACE_DAYS"),
        "daily_fee": constant("DAILY_FEE"),
        "max_fee": constant("MAX_FEE"),
        "days_late_repaired": repaired,
        "rest_of_script_kept": rest_kept,
        "charged_loans": column("member", str, 1),
        "days_late_column": days_column,
        "fee_column": column("fee", decimal, 3),
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
