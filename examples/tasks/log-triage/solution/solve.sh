#!/usr/bin/env bash
set -euo pipefail

mkdir -p incident
python3 - <<'PY'
from collections import defaultdict
from datetime import datetime, timedelta, timezone

plus_two = timezone(timedelta(hours=2))
errors = []
with open("logs/web.log", encoding="utf-8") as file:
    for line in file:
        if not line.startswith(" "):
            when, level, component, request = line.split()[:4]
            if level in ("ERROR", "FATAL"):
                errors.append((when, component, request, "web"))
with open("logs/worker.log", encoding="utf-8") as file:
    for line in file:
        if line.startswith("["):
            stamp, rest = line[1:].split("] ", 1)
            level, component, request = rest.split()[:3]
            if level in ("ERROR", "FATAL"):
                local = datetime.strptime(stamp, "%d/%m/%Y %H:%M:%S").replace(tzinfo=plus_two)
                when = local.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
                errors.append((when, component, request, "worker"))
errors.sort()
seen, places = defaultdict(list), defaultdict(set)
for when, component, request, source in errors:
    seen[component].append(when)
    places[request.replace("req=", "")].add(source)
report = ["# Incident report", ""]
report += [f"First error: {errors[0][0]}", f"Last error: {errors[-1][0]}"]
report += [f"Errors in total: {len(errors)}", "", "## Errors by component", ""]
report += ["| component | errors | first seen |", "| --- | --- | --- |"]
for component in sorted(seen, key=lambda name: (-len(seen[name]), name)):
    report.append(f"| {component} | {len(seen[component])} | {seen[component][0]} |")
report += ["", "## Requests that failed in both logs", ""]
report += [f"- {request}" for request in sorted(places) if len(places[request]) == 2]
with open("incident/report.md", "w", encoding="utf-8") as file:
    file.write("\n".join(report) + "\n")
PY
