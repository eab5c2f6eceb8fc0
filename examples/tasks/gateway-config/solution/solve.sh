#!/usr/bin/env bash
set -euo pipefail

cp config/gateway.ini before.tmp
sed -i \
  -e '/^\[legacy_auth\]$/,/^$/d' \
  -e 's/^port = 8080$/port = 8443\ntls = on/' \
  -e 's/^log_lvl = /log_level = /' \
  -e 's/^ttl_seconds = 300$/ttl_seconds = 900/' \
  -e 's/^timeout_seconds = 45$/timeout_seconds = 60/' \
  config/gateway.ini
printf '\n[rate_limit]\nrequests_per_minute = 120\nburst = 30\n' >> config/gateway.ini
python3 - <<'PY'
import json

def load(path):
    values, section = {}, None
    with open(path, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("["):
                section = line.strip("[]")
            elif line and line[0] not in "#;":
                option, value = line.split("=", 1)
                values[section, option.strip()] = value.strip()
    return values

before, after = load("before.tmp"), load("config/gateway.ini")
changes = [
    {"section": key[0], "option": key[1], "old": before.get(key), "new": after.get(key)}
    for key in list(before) + [key for key in after if key not in before]
    if before.get(key) != after.get(key)
]
with open("config/changes.json", "w", encoding="utf-8") as file:
    json.dump(changes, file, indent=2)
PY
rm before.tmp
