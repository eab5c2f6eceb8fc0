#!/usr/bin/env bash
set -euo pipefail

mkdir -p out
python3 - <<'PY'
import csv
import json

def cents(text):
    return round(float(text) * 100)

def load(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["ref"].strip().upper(): cents(row["amount"]) for row in csv.DictReader(file)}

bank, books = load("ledger/bank.csv"), load("ledger/books.csv")
report = {"matched": 0, "missing_in_books": [], "missing_in_bank": [], "mismatched": []}
adjustments = []
for ref in sorted(bank.keys() | books.keys()):
    if ref not in books:
        report["missing_in_books"].append(ref)
        adjustments.append((ref, "add", bank[ref]))
    elif ref not in bank:
        report["missing_in_bank"].append(ref)
        adjustments.append((ref, "remove", -books[ref]))
    elif bank[ref] != books[ref]:
        difference = bank[ref] - books[ref]
        report["mismatched"].append(
            {
                "ref": ref,
                "bank": bank[ref] / 100,
                "books": books[ref] / 100,
                "difference": difference / 100,
            }
        )
        adjustments.append((ref, "correct", difference))
    else:
        report["matched"] += 1
report["net_difference"] = (sum(bank.values()) - sum(books.values())) / 100
with open("out/reconciliation.json", "w", encoding="utf-8") as file:
    json.dump(report, file, indent=2)
with open("out/adjustments.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["ref", "reason", "amount"])
    for ref, reason, amount in adjustments:
        writer.writerow([ref, reason, f"{amount / 100:.2f}"])
PY
