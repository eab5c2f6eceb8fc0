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
from decimal import Decimal

PLAN = "plan/restock.csv"
TOTALS = "plan/suppliers.json"
COLUMNS = ["sku", "on_hand", "packs", "units", "cost"]
CATALOG = ["sku", "name", "supplier", "pack_size", "reorder_point", "target", "unit_cost"]
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


def on_hand(root):
    """Stock by SKU after all movements, in order of time."""
    lines = read_text(root, "stock/movements.jsonl").splitlines()
    stock = {}
    for move in sorted((json.loads(line) for line in lines), key=lambda move: move["at"]):
        before = 0 if move["type"] == "count" else stock.get(move["sku"], 0)
        stock[move["sku"]] = before + (-1 if move["type"] == "out" else 1) * move["qty"]
    return stock


@functools.lru_cache(maxsize=None)
def plan(root):
    """The rows of the plan and the cost by supplier."""
    stock = on_hand(root)
    rows, totals = [], {}
    for item in read_csv(root, "stock/catalog.csv", CATALOG):
        held = stock.get(item["sku"], 0)
        if held > int(item["reorder_point"]):
            continue
        pack = int(item["pack_size"])
        packs = -((held - int(item["target"])) // pack)
        cost = packs * pack * decimal(item["unit_cost"])
        rows.append({"sku": item["sku"], "on_hand": held, "packs": packs})
        rows[-1].update({"units": packs * pack, "cost": cost})
        totals[item["supplier"]] = totals.get(item["supplier"], 0) + cost
    if len(rows) < 2:
        raise ValueError("nothing to order")
    return sorted(rows, key=lambda row: (-row["cost"], row["sku"])), totals


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    rows = read_csv(root, PLAN, COLUMNS)
    totals = read_json(root, TOTALS)

    def column(name):
        def values(source):
            return sorted((row["sku"], decimal(str(row[name]))) for row in source)

        return lambda: values(rows) == values(plan(root)[0])

    def skus(source):
        return [row["sku"] for row in source]

    def supplier_totals():
        return not any(isinstance(v, bool) for v in totals.values()) and totals == plan(root)[1]

    checks = {
        "items_to_order": lambda: sorted(skus(rows)) == sorted(skus(plan(root)[0])),
        "on_hand": column("on_hand"),
        "packs": column("packs"),
        "units": column("units"),
        "cost": column("cost"),
        "dearest_first": lambda: skus(rows) == skus(plan(root)[0]),
        "supplier_names": lambda: sorted(totals) == sorted(plan(root)[1]),
        "supplier_totals": supplier_totals,
        "files_agree": lambda: supplier_totals()
        and sum(totals.values()) == sum(decimal(row["cost"]) for row in rows),
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
