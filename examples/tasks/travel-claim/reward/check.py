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
from decimal import ROUND_HALF_UP, Decimal

JSON_OUT = "trip/claim.json"
TEXT_OUT = "trip/claim.txt"
CENT = Decimal("0.01")
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


def lines_of(text):
    """The lines that say something, blanks collapsed; [] where there is no text."""
    return [" ".join(line.split()) for line in (text or "").splitlines() if line.strip()]


def passed(check):
    """1.0 where the check holds; an output too odd to be looked at fails it."""
    try:
        return 1.0 if check() is True else 0.0
    except Exception:
        return 0.0


def in_euro(expense, rates):
    """The amount in EUR, rounded half up to cents, at the rate that was valid on the day."""
    rate = Decimal(1)
    if expense["currency"] != "EUR":
        valid = [r for r in rates if r["currency"] == expense["currency"]]
        valid = [r for r in valid if r["valid_from"] <= expense["date"]]
        rate = decimal(max(valid, key=lambda r: r["valid_from"])["eur_per_unit"])
    return (decimal(expense["amount"]) * rate).quantize(CENT, ROUND_HALF_UP)


@functools.lru_cache(maxsize=None)
def claim(root):
    columns = ["id", "date", "category", "currency", "amount", "note"]
    expenses = read_csv(root, "trip/expenses.csv", columns)
    rates = read_csv(root, "trip/rates.csv", ["currency", "valid_from", "eur_per_unit"])
    rules = read_json(root, "trip/policy.json")
    amounts = {e["id"]: in_euro(e, rates) for e in expenses}
    refused = [e["id"] for e in expenses if e["category"] in rules["not_reimbursed"]]
    categories, meals = {}, {}
    for expense in expenses:
        name, amount = expense["category"], amounts[expense["id"]]
        categories[name] = categories.get(name, 0) + amount
        if name == "meals":
            meals[expense["date"]] = meals.get(expense["date"], 0) + amount
    limit = rules["meals_per_day_eur"]
    over = {day: total - limit for day, total in meals.items() if total > limit}
    if not refused or not over:
        raise ValueError("the trip is not the one of this task")
    spent = sum(amounts.values())
    return {
        "amounts_eur": amounts,
        "by_category": categories,
        "meals_over_limit": over,
        "refused": sorted(refused),
        "total_spent": spent,
        "total_reimbursed": spent - sum(amounts[i] for i in refused) - sum(over.values()),
    }


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    found = read_json(root, JSON_OUT)
    letter = lines_of(read_text(root, TEXT_OUT))

    def field(name):
        def equal():
            values = found[name].values() if isinstance(found[name], dict) else [found[name]]
            return found[name] == claim(root)[name] and not any(v is True for v in values)

        return equal

    def wanted_letter():
        wanted = claim(root)
        lines = ["Travel claim", "Total spent: EUR {:.2f}".format(wanted["total_spent"])]
        lines.append("To be reimbursed: EUR {:.2f}".format(wanted["total_reimbursed"]))
        lines.append("Not reimbursed: " + ", ".join(wanted["refused"]))
        for day in sorted(wanted["meals_over_limit"]):
            over = wanted["meals_over_limit"][day]
            lines.append("Meals over the limit on {}: EUR {:.2f}".format(day, over))
        return lines

    def said(prefix):
        def equal():
            wanted = [line for line in wanted_letter() if line.startswith(prefix)]
            return [line for line in letter if line.startswith(prefix)] == wanted

        return equal

    checks = {
        "amounts_in_euro": field("amounts_eur"),
        "by_category": field("by_category"),
        "meals_over_limit": field("meals_over_limit"),
        "refused_items": field("refused"),
        "total_spent": field("total_spent"),
        "total_reimbursed": field("total_reimbursed"),
        "letter_totals": lambda: said("Total spent")() and said("To be reimbursed")(),
        "letter_meals": said("Meals over the limit"),
        "letter_complete": lambda: letter == wanted_letter(),
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
