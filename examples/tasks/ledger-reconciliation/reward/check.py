import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import csv
import io
import json
import os
import re
import stat
from decimal import Decimal

JSON_OUT = "out/reconciliation.json"
CSV_OUT = "out/adjustments.csv"
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


def ledger(root, relative, columns):
    rows = read_csv(root, relative, columns)
    return {row["ref"].upper(): decimal(row["amount"]) for row in rows}


def reconcile(root):
    """What the two ledgers say; raises where an input is unusable."""
    bank = ledger(root, "ledger/bank.csv", ["date", "ref", "description", "amount"])
    books = ledger(root, "ledger/books.csv", ["entry", "ref", "date", "amount"])
    both = sorted(set(bank) & set(books))
    added = sorted(set(bank) - set(books))
    removed = sorted(set(books) - set(bank))
    wrong = [ref for ref in both if bank[ref] != books[ref]]
    if not (added and removed and wrong):
        raise ValueError("the ledgers leave nothing to reconcile")
    changes = {ref: ("add", bank[ref]) for ref in added}
    changes.update({ref: ("remove", -books[ref]) for ref in removed})
    changes.update({ref: ("correct", bank[ref] - books[ref]) for ref in wrong})
    return {
        "matched": len(both) - len(wrong),
        "missing_in_books": added,
        "missing_in_bank": removed,
        "mismatched": [
            {"ref": r, "bank": bank[r], "books": books[r], "difference": bank[r] - books[r]}
            for r in wrong
        ],
        "net_difference": sum(bank.values()) - sum(books.values()),
        "changes": [(ref,) + changes[ref] for ref in sorted(changes)],
    }


def same(found, wanted):
    """Equal, where true and false are no numbers and an object may hold further keys."""
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(same(a, b) for a, b in zip(found, wanted))
        )
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(same(found.get(k), v) for k, v in wanted.items())
    return not isinstance(found, bool) and found == wanted


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    summary = read_json(root, JSON_OUT)
    rows = read_csv(root, CSV_OUT, ["ref", "reason", "amount"])

    def field(name):
        return lambda: same(summary[name], reconcile(root)[name])

    def changes():
        return [(row["ref"], row["reason"], decimal(row["amount"])) for row in rows]

    def agree():
        listed = summary["missing_in_books"] + summary["missing_in_bank"]
        listed += [item["ref"] for item in summary["mismatched"]]
        total = sum(amount for _, _, amount in changes())
        return (
            sorted(listed) == sorted(ref for ref, _, _ in changes())
            and same(summary["net_difference"], total)
            and total == reconcile(root)["net_difference"]
        )

    checks = {
        "matched_count": field("matched"),
        "missing_in_books": field("missing_in_books"),
        "missing_in_bank": field("missing_in_bank"),
        "mismatched": field("mismatched"),
        "net_difference": field("net_difference"),
        "adjustment_reasons": lambda: sorted(change[:2] for change in changes())
        == [change[:2] for change in reconcile(root)["changes"]],
        "adjustments": lambda: changes() == reconcile(root)["changes"],
        "files_agree": agree,
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
