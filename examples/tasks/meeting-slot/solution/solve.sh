#!/usr/bin/env bash
set -euo pipefail

mkdir -p meeting
python3 - <<'PY'
import json
from datetime import datetime, timedelta, timezone

def parse_calendar(path, zone):
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("\n ", "")
    spans = []
    for block in text.split("BEGIN:VEVENT")[1:]:
        fields = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
        if fields.get("STATUS") == "CANCELLED" or fields.get("TRANSP") == "TRANSPARENT":
            continue
        spans.append(tuple(to_utc(fields[key], zone) for key in ("DTSTART", "DTEND")))
    return spans

def to_utc(text, zone):
    when = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")
    return when.replace(tzinfo=timezone.utc if text.endswith("Z") else zone).astimezone(timezone.utc)

def zone_of(text):
    return datetime.strptime("2026-05-12 " + text.replace(":", ""), "%Y-%m-%d %z").tzinfo

with open("team.json", encoding="utf-8") as file:
    team = json.load(file)["members"]
for member in team:
    member["zone"] = zone_of(member["utc_offset"])
    member["busy"] = parse_calendar(member["calendar"], member["zone"])

hour = timedelta(hours=1)

def fits(member, start):
    begin, end = start.astimezone(member["zone"]), (start + hour).astimezone(member["zone"])
    inside = f"{begin:%H:%M}" >= member["work_start"] and f"{end:%H:%M}" <= member["work_end"]
    return inside and not any(start < b and a < start + hour for a, b in member["busy"])

start = datetime(2026, 5, 12, tzinfo=timezone.utc)
while not all(fits(member, start) for member in team):
    start += timedelta(minutes=15)

def booked(member):
    day, total = datetime(2026, 5, 12, tzinfo=timezone.utc), 0
    reached = day
    for begin, end in sorted(member["busy"]):
        begin, end = max(begin, reached), min(end, day + timedelta(days=1))
        if end > begin:
            total += (end - begin) // timedelta(minutes=1)
            reached = end
    return total

with open("meeting/proposal.json", "w", encoding="utf-8") as file:
    json.dump(
        {
            "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{start + hour:%Y-%m-%dT%H:%M:%SZ}",
            "local_start": {m["name"]: f"{start.astimezone(m['zone']):%H:%M}" for m in team},
            "booked_minutes": {m["name"]: booked(m) for m in team},
        },
        file,
        indent=2,
    )
lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Brightwater Studio//Planner//EN",
    "BEGIN:VEVENT",
    "UID:catalogue-review@brightwater.example",
    f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
    f"DTEND:{start + hour:%Y%m%dT%H%M%SZ}",
    "SUMMARY:Catalogue review",
]
lines += [f"ATTENDEE:mailto:{m['name'].lower()}@brightwater.example" for m in team]
lines += ["END:VEVENT", "END:VCALENDAR"]
with open("meeting/invite.ics", "w", encoding="utf-8", newline="") as file:
    file.write("\r\n".join(lines) + "\r\n")
PY
