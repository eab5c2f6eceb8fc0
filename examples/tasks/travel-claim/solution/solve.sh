#!/usr/bin/env bash
set -euo pipefail

python3 - <<'PY'
import csv
import json
from collections import Counter

def load(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

def scaled(text, places):
    """A decimal string as a whole number of its last place."""
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(places, "0"))

rates = sorted(load("trip/rates.csv"), key=lambda row: row["valid_from"])
with open("trip/policy.json", encoding="utf-8") as file:
    policy = json.load(file)
limit = round(policy["meals_per_day_eur"] * 100)

cents, categories, meals, refused = {}, Counter(), Counter(), []
for expense in load("trip/expenses.csv"):
    rate = 10000
    for row in rates:
        if row["currency"] == expense["currency"] and row["valid_from"] <= expense["date"]:
            rate = scaled(row["eur_per_unit"], 4)
    amount = (scaled(expense["amount"], 2) * rate + 5000) // 10000
    cents[expense["id"]] = amount
    categories[expense["category"]] += amount
    if expense["category"] == "meals":
        meals[expense["date"]] += amount
    if expense["category"] in policy["not_reimbursed"]:
        refused.append(expense["id"])
over = {day: total - limit for day, total in sorted(meals.items()) if total > limit}
spent = sum(cents.values())
paid = spent - sum(cents[item] for item in refused) - sum(over.values())

def euro(counts):
    return {key: value / 100 for key, value in counts.items()}

with open("trip/claim.json", "w", encoding="utf-8") as file:
    json.dump(
        {
            "amounts_eur": euro(cents),
            "by_category": euro(categories),
            "meals_over_limit": euro(over),
            "refused": sorted(refused),
            "total_spent": spent / 100,
            "total_reimbursed": paid / 100,
        },
        file,
        indent=2,
    )
with open("trip/claim.txt", "w", encoding="utf-8") as file:
    print("Travel claim", file=file)
    print(f"Total spent: EUR {spent / 100:.2f}", file=file)
    print(f"To be reimbursed: EUR {paid / 100:.2f}", file=file)
    print("Not reimbursed: " + ", ".join(sorted(refused)), file=file)
    for day, amount in over.items():
        print(f"Meals over the limit on {day}: EUR {amount / 100:.2f}", file=file)
PY
