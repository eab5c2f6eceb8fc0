#!/usr/bin/env bash
set -euo pipefail

python3 - <<'PY'
import json
import mailbox
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime
from datetime import timezone

def plain_subject(message):
    words = str(make_header(decode_header(message["Subject"]))).replace("\n", "").split()
    while words[0].lower() in ("re:", "fwd:"):
        words.pop(0)
    return " ".join(words)

threads, ignored = {}, 0
for message in mailbox.mbox("mailbox/export.mbox", create=False):
    if "List-Unsubscribe" in message:
        ignored += 1
        continue
    subject = plain_subject(message)
    sent = parsedate_to_datetime(message["Date"]).astimezone(timezone.utc)
    sender = parseaddr(message["From"])[1].lower()
    threads.setdefault(subject.casefold(), []).append((sent, sender, subject))

waiting = []
for mails in threads.values():
    first, last = min(mails), max(mails)
    if last[1] != "desk@harbourprint.example":
        waiting.append((last[0], last[1], first[2], len(mails)))
waiting.sort()
with open("follow-ups.json", "w", encoding="utf-8") as file:
    json.dump(
        [
            {
                "subject": subject,
                "contact": contact,
                "waiting_since": f"{sent:%Y-%m-%d}",
                "messages": count,
            }
            for sent, contact, subject, count in waiting
        ],
        file,
        indent=2,
        ensure_ascii=False,
    )
with open("mailbox-summary.txt", "w", encoding="utf-8") as file:
    print(f"Waiting threads: {len(waiting)}", file=file)
    print(f"Closed threads: {len(threads) - len(waiting)}", file=file)
    print(f"Ignored messages: {ignored}", file=file)
PY
