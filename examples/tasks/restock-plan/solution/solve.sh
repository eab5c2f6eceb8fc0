#!/usr/bin/env bash
set -euo pipefail

mkdir -p plan
python3 - <<'PY'
import csv
import json
import math

with open("stock/catalog.csv", newline="", encoding="utf-8") as file:
    catalog = {row["sku"]: row for row in csv.DictReader(file)}
with open("stock/movements.jsonl", encoding="utf-8") as file:
    moves = sorted(map(json.loads, file), key=lambda move: move["at"])
held = dict.fromkeys(catalog, 0)
for move in moves:
    if move["sku"] not in held:
        continue
    if move["type"] == "count":
        held[move["sku"]] = move["qty"]
    else:
        held[move["sku"]] += move["qty"] if move["type"] == "in" else -move["qty"]

orders, totals = [], {}
for sku, item in catalog.items():
    if held[sku] <= int(item["reorder_point"]):
        size = int(item["pack_size"])
        packs = math.ceil((int(item["target"]) - held[sku]) / size)
        cents = packs * size * round(float(item["unit_cost"]) * 100)
        orders.append((cents, sku, packs, packs * size))
        totals[item["supplier"]] = totals.get(item["supplier"], 0) + cents
orders.sort(key=lambda order: (-order[0], order[1]))
with open("plan/restock.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["sku", "on_hand", "packs", "units", "cost"])
    for cents, sku, packs, units in orders:
        writer.writerow([sku, held[sku], packs, units, f"{cents / 100:.2f}"])
with open("plan/suppliers.json", "w", encoding="utf-8") as file:
    json.dump({name: cents / 100 for name, cents in sorted(totals.items())}, file, indent=2)
PY
