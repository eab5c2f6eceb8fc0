import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import email
import email.policy
import email.utils
import functools
import json
import os
import re
import stat
from datetime import timezone
from decimal import Decimal

US = "desk@harbourprint.example"
JSON_OUT = "follow-ups.json"
TEXT_OUT = "mailbox-summary.txt"
LIMIT = 1 << 20


def read_text(root, relative):
    """Text of a regular UTF-8 file of at most LIMIT bytes, reached without links; else None."""
    path = os.path.join(root, relative)
    try:
        if os.path.realpath(path) != path:
            return None
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LIMIT:
                return None
            return file.read(LIMIT).decode("utf-8-sig")
    except (OSError, ValueError):
        return None


def read_json(root, relative):
    """The JSON document in a file, numbers as Decimal; None where there is none."""
    text = read_text(root, relative)
    try:
        return json.loads(
            text or "", parse_int=decimal, parse_float=decimal, parse_constant=refuse
        )
    except (ValueError, RecursionError):
        return None


def refuse(token):
    raise ValueError("not a JSON number: " + token)


def decimal(text):
    """A decimal number of at most 15 digits before and 20 after the point."""
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,20})?", text):
        raise ValueError("not a plain number")
    return Decimal(text)


def lines_of(text):
    """The lines that say something, blanks collapsed; [] where there is no text."""
    return [" ".join(line.split()) for line in (text or "").splitlines() if line.strip()]


def passed(check):
    """1.0 where the check holds; an output too odd to be looked at fails it."""
    try:
        return 1.0 if check() is True else 0.0
    except Exception:
        return 0.0


def messages(root):
    text = read_text(root, "mailbox/export.mbox")
    for source in re.split(r"(?m)^From [^\n]*\n", text)[1:]:
        yield email.message_from_string(source, policy=email.policy.default)


def subject_of(message):
    return re.sub(r"(?i)^((re|fwd):\s*)+", "", " ".join(str(message["Subject"]).split()))


@functools.lru_cache(maxsize=None)
def threads(root):
    """What the mailbox holds: the waiting threads, longest first, and the three counts."""
    grouped, ignored = {}, 0
    for message in messages(root):
        if message["List-Unsubscribe"]:
            ignored += 1
            continue
        sent = email.utils.parsedate_to_datetime(str(message["Date"])).astimezone(timezone.utc)
        sender = email.utils.parseaddr(str(message["From"]))[1].lower()
        subject = subject_of(message)
        grouped.setdefault(subject.lower(), []).append((sent, sender, subject))
    waiting = []
    for mails in grouped.values():
        mails.sort()
        sent, sender, _ = mails[-1]
        if sender != US:
            item = {"subject": mails[0][2], "contact": sender, "messages": len(mails)}
            item["waiting_since"] = sent.strftime("%Y-%m-%d")
            waiting.append((sent, item))
    if not waiting or len(waiting) == len(grouped) or ignored == 0:
        raise ValueError("the mailbox is not the one of this task")
    waiting.sort(key=lambda pair: pair[0])
    items = [item for _, item in waiting]
    return {"items": items, "closed": len(grouped) - len(items), "ignored": ignored}


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    found = read_json(root, JSON_OUT)
    summary = lines_of(read_text(root, TEXT_OUT))

    def listed(*names):
        """The waiting threads with these fields, in any order."""
        wanted = threads(root)["items"]
        return (
            isinstance(found, list)
            and not any(isinstance(item["messages"], bool) for item in found)
            and sorted([item[n] for n in names] for item in found)
            == sorted([item[n] for n in names] for item in wanted)
        )

    def ordered():
        wanted = [item["subject"] for item in threads(root)["items"]]
        return [item["subject"] for item in found] == wanted

    def counted(name, count):
        lines = [line for line in summary if line.startswith(name)]
        return lines == [name + ": " + str(count)]

    checks = {
        "waiting_threads": lambda: listed("subject"),
        "contacts": lambda: listed("subject", "contact"),
        "waiting_since": lambda: listed("subject", "waiting_since"),
        "message_counts": lambda: listed("subject", "messages"),
        "longest_wait_first": ordered,
        "waiting_count": lambda: counted("Waiting threads", len(threads(root)["items"])),
        "closed_count": lambda: counted("Closed threads", threads(root)["closed"]),
        "ignored_count": lambda: counted("Ignored messages", threads(root)["ignored"]),
    }
    return {name: passed(check) for name, check in checks.items()}


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
