#!/usr/bin/env bash
set -euo pipefail

mkdir -p roster
python3 - <<'PY'
import csv
import json
from datetime import date

def load(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

staff, shifts = load("planning/staff.csv"), load("planning/shifts.csv")
off = {}
with open("planning/days-off.txt", encoding="utf-8") as file:
    for line in filter(str.strip, file):
        name, dates = line.split(":")
        off[name] = [day.strip() for day in dates.split(",")]

def allowed(person, shift, taken):
    name, day = person["name"], date.fromisoformat(shift["date"])
    if shift["role"] not in person["roles"].split() or shift["date"] in off.get(name, []):
        return False
    if shift["shift"] == "late" and person["may_close"] != "yes":
        return False
    mine = [s for s, who in zip(shifts, taken) if who == name]
    if len(mine) >= int(person["max_shifts"]) or any(s["date"] == shift["date"] for s in mine):
        return False
    for other in mine:
        gap = (day - date.fromisoformat(other["date"])).days
        if gap == 1 and other["shift"] == "late" and shift["shift"] == "early":
            return False
        if gap == -1 and other["shift"] == "early" and shift["shift"] == "late":
            return False
    return True

def assign(taken):
    if len(taken) == len(shifts):
        return taken
    for person in staff:
        if allowed(person, shifts[len(taken)], taken):
            result = assign(taken + [person["name"]])
            if result:
                return result
    return None

names = assign([])
hours = {person["name"]: 0.0 for person in staff}
with open("roster/week.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["date", "shift", "role", "name"])
    for shift, name in zip(shifts, names):
        writer.writerow([shift["date"], shift["shift"], shift["role"], name])
        hours[name] += float(shift["hours"])
with open("roster/hours.json", "w", encoding="utf-8") as file:
    json.dump(hours, file, indent=2)
PY
