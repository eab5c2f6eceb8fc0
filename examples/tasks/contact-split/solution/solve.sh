#!/usr/bin/env bash
set -euo pipefail

python3 - <<'PY'
import csv

with open("contacts/export.csv", newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
best, phones, rejected = {}, {}, []
# Stable sort: of two rows with the same date the later one in the file comes last.
for number, row in sorted(enumerate(rows, 1), key=lambda pair: pair[1]["updated"]):
    email = row["email"].strip().lower()
    local, at, domain = email.partition("@")
    if not (local and at and domain) or "@" in domain:
        rejected.append(number)
        continue
    best[email] = row
    phone = row["phone"].strip()
    if phone:
        sign = "+" if phone[0] == "+" else ""
        phones[email] = sign + "".join(c for c in phone if c in "0123456789")

for kind in ("customer", "supplier"):
    with open(f"contacts/{kind}s.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "email", "phone"])
        for email, row in sorted(best.items()):
            if row["kind"] == kind:
                writer.writerow([row["name"].strip(), email, phones.get(email, "")])
with open("contacts/rejected.txt", "w", encoding="utf-8") as file:
    file.writelines(f"{number}\n" for number in sorted(rejected))
PY
