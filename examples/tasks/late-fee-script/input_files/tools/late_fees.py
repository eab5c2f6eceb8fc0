"""Late fees of the tool library: reads data/loans.csv, writes out/fees.csv."""

import csv
import os
from datetime import date
from decimal import Decimal

GRACE_DAYS = 3
DAILY_FEE = Decimal("0.30")
MAX_FEE = Decimal("12.00")


def days_late(due, returned):
    """Days from the due date to the day of return."""
    return returned.day - due.day


def fee(days):
    """What one loan costs that came back this many days late."""
    if days <= GRACE_DAYS:
        return Decimal("0.00")
    return min((days - GRACE_DAYS) * DAILY_FEE, MAX_FEE)


def main():
    with open("data/loans.csv", newline="", encoding="utf-8") as source:
        loans = list(csv.DictReader(source))
    os.makedirs("out", exist_ok=True)
    with open("out/fees.csv", "w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(["loan", "member", "days_late", "fee"])
        for loan in loans:
            late = days_late(
                date.fromisoformat(loan["due"]), date.fromisoformat(loan["returned"])
            )
            if fee(late) > 0:
                writer.writerow([loan["loan"], loan["member"], late, fee(late)])


if __name__ == "__main__":
    main()
