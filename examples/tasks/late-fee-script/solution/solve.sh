#!/usr/bin/env bash
set -euo pipefail

sed -i \
  -e 's/^GRACE_DAYS = .*/GRACE_DAYS = 4/' \
  -e 's/^DAILY_FEE = .*/DAILY_FEE = Decimal("0.35")/' \
  -e 's/^MAX_FEE = .*/MAX_FEE = Decimal("9.80")/' \
  -e 's/^    return returned\.day - due\.day$/    return (returned - due).days/' \
  tools/late_fees.py
python3 tools/late_fees.py
