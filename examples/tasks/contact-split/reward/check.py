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

FILES = {"customer": "contacts/customers.csv", "supplier": "contacts/suppliers.csv"}
REJECTED = "contacts/rejected.txt"
COLUMNS = ["name", "email", "phone"]
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


def lines_of(text):
    """The lines that say something, blanks collapsed; [] where there is no text."""
    return [" ".join(line.split()) for line in (text or "").splitlines() if line.strip()]


def passed(check):
    """1.0 where the check holds; an output too odd to be looked at fails it."""
    try:
        return 1.0 if check() is True else 0.0
    except Exception:
        return 0.0


def digits(phone):
    return ("+" if phone.startswith("+") else "") + re.sub(r"[^0-9]", "", phone)


@functools.lru_cache(maxsize=None)
def split(root):
    """Rows by kind and the numbers of the rejected rows."""
    export = read_csv(root, "contacts/export.csv", ["name", "email", "phone", "kind", "updated"])
    people, rejected = {}, []
    for number, row in enumerate(export, start=1):
        email = row["email"].lower()
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
            rejected.append(str(number))
            continue
        people.setdefault(email, []).append((row["updated"], number, row))
    result = {kind: [] for kind in FILES}
    for email in sorted(people):
        found = sorted(people[email], key=lambda entry: entry[:2], reverse=True)
        newest_first = [row for _, _, row in found]
        phones = [row["phone"] for row in newest_first if row["phone"]]
        entry = {"name": newest_first[0]["name"], "email": email}
        entry["phone"] = digits(phones[0]) if phones else ""
        result[newest_first[0]["kind"]].append(entry)
    if not all(result.values()) or not rejected:
        raise ValueError("the export is not the one of this task")
    return result, rejected


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    rows = {kind: read_csv(root, path, COLUMNS) for kind, path in FILES.items()}
    rejected = lines_of(read_text(root, REJECTED))

    def people(kind):
        return lambda: sorted(r["email"] for r in rows[kind]) == sorted(
            r["email"] for r in split(root)[0][kind]
        )

    def exact(kind):
        return lambda: rows[kind] == split(root)[0][kind]

    def column(name):
        def pairs(source):
            return sorted((r["email"], r[name]) for kind in FILES for r in source[kind])

        return lambda: pairs(rows) == pairs(split(root)[0])

    checks = {
        "customers": people("customer"),
        "suppliers": people("supplier"),
        "newest_names": column("name"),
        "phones": column("phone"),
        "customers_exact": exact("customer"),
        "suppliers_exact": exact("supplier"),
        "rejected_rows": lambda: rejected == split(root)[1],
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
