#!/usr/bin/env bash
set -euo pipefail

python3 - <<'PY'
breaking, added, fixed, dropped = [], [], [], set()
with open("release/commits.txt", encoding="utf-8") as file:
    commits = [line.rstrip("\n").split(" ", 2) for line in file]
for _, _, subject in commits:
    if "(reverts " in subject:
        dropped.add(subject.rsplit("(reverts ", 1)[1].rstrip(")"))
for commit, kind, subject in reversed(commits):
    if commit in dropped:
        continue
    if kind.endswith("!:"):
        breaking.append(subject)
    elif kind == "feat:":
        added.append(subject)
    elif kind in ("fix:", "perf:"):
        fixed.append(subject)

version = "3.0.0" if breaking else "2.5.0" if added else "2.4.2"
section = [f"## [{version}] - 2026-04-02", ""]
for title, subjects in (("Breaking changes", breaking), ("Added", added), ("Fixed", fixed)):
    section += [f"### {title}", *(f"- {subject}" for subject in subjects), ""]
with open("CHANGELOG.md", encoding="utf-8") as file:
    head, mark, rest = file.read().partition("## [2.4.1]")
with open("CHANGELOG.md", "w", encoding="utf-8") as file:
    file.write(head + "\n".join(section) + "\n" + mark + rest)
with open("release/version.txt", "w", encoding="utf-8") as file:
    file.write(version + "\n")
PY
