import sys

if not sys.flags.isolated:
    sys.path.pop(0)  # no module that lies beside this file may stand in for the library's

import functools
import json
import os
import re
import stat
from datetime import datetime, timedelta
from decimal import Decimal

JSON_OUT = "meeting/proposal.json"
ICS_OUT = "meeting/invite.ics"
DAYS = ("2026-05-12", "2026-05-13", "2026-05-14")
LENGTH = timedelta(minutes=60)
STEP = timedelta(minutes=15)
NONE = timedelta(0)
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


def passed(check):
    """1.0 where the check holds; an output too odd to be looked at fails it."""
    try:
        return 1.0 if check() is True else 0.0
    except Exception:
        return 0.0


def events(text):
    """VEVENT blocks as {property: value}; folded lines are joined first, parameters dropped."""
    found, current = [], None
    for line in re.sub(r"\r?\n[ \t]", "", text or "").splitlines():
        name, _, value = line.partition(":")
        name = name.split(";")[0].strip().upper()
        if line.strip().upper() == "BEGIN:VEVENT":
            current = {"ATTENDEE": []}
        elif line.strip().upper() == "END:VEVENT":
            found.append(current)
            current = None
        elif current is not None and name == "ATTENDEE":
            current["ATTENDEE"].append(value.strip())
        elif current is not None:
            current[name] = value.strip()
    return found


def moment(value, offset):
    """UTC time of an ICS date-time; one without Z is local to the calendar's owner."""
    if value.endswith("Z"):
        return datetime.strptime(value, "%Y%m%dT%H%M%SZ")
    return datetime.strptime(value, "%Y%m%dT%H%M%S") - offset


def offset_of(text):
    sign, hours, minutes = re.fullmatch(r"([+-])([0-9]{2}):([0-9]{2})", text).groups()
    distance = timedelta(hours=int(hours), minutes=int(minutes))
    return -distance if sign == "-" else distance


def team(root):
    """Members with their offset and their busy spans in UTC."""
    members = read_json(root, "team.json")["members"]
    for member in members:
        member["offset"] = offset_of(member["utc_offset"])
        member["busy"] = [
            (moment(e["DTSTART"], member["offset"]), moment(e["DTEND"], member["offset"]))
            for e in events(read_text(root, member["calendar"]))
            if e.get("STATUS") != "CANCELLED" and e.get("TRANSP") != "TRANSPARENT"
        ]
        if not member["busy"]:
            raise ValueError("a calendar is empty")
    return members


def suits(member, start):
    end = start + LENGTH
    local_start, local_end = start + member["offset"], end + member["offset"]
    return (
        local_start.date() == local_end.date()
        and member["work_start"] <= local_start.strftime("%H:%M")
        and local_end.strftime("%H:%M") <= member["work_end"]
        and all(end <= busy_start or busy_end <= start for busy_start, busy_end in member["busy"])
    )


@functools.lru_cache(maxsize=None)
def plan(root):
    """The members and the slot that the inputs call for; raises where they are unusable."""
    members = team(root)
    return members, first_slot(members)


def first_slot(members):
    for day in DAYS:
        start = datetime.strptime(day, "%Y-%m-%d")
        for step in range(96):
            if all(suits(member, start + step * STEP) for member in members):
                return start + step * STEP
    raise ValueError("no common slot")


def booked_minutes(member):
    """Minutes of 12 May 2026 (UTC) that are covered by at least one busy span."""
    start = datetime.strptime(DAYS[0], "%Y-%m-%d")
    minutes = (start + timedelta(minutes=n) for n in range(24 * 60))
    return sum(any(a <= minute < b for a, b in member["busy"]) for minute in minutes)


def grade(transcript, workspace_path):
    root = os.path.realpath(workspace_path)
    proposal = read_json(root, JSON_OUT)
    invites = events(read_text(root, ICS_OUT))

    def stated(name, after):
        return proposal[name] == (plan(root)[1] + after).strftime("%Y-%m-%dT%H:%M:%SZ")

    def local_times():
        members, slot = plan(root)
        wanted = {m["name"]: (slot + m["offset"]).strftime("%H:%M") for m in members}
        return proposal["local_start"] == wanted

    def booked():
        members, _ = plan(root)
        found = proposal["booked_minutes"]
        return (
            sorted(found) == sorted(m["name"] for m in members)
            and not any(isinstance(value, bool) for value in found.values())
            and all(found[m["name"]] == booked_minutes(m) for m in members)
        )

    def invite(name, after):
        when = plan(root)[1] + after
        return len(invites) == 1 and invites[0][name] == when.strftime("%Y%m%dT%H%M%SZ")

    def attendees():
        members, _ = plan(root)
        wanted = sorted("mailto:" + m["name"].lower() + "@brightwater.example" for m in members)
        return len(invites) == 1 and sorted(a.lower() for a in invites[0]["ATTENDEE"]) == wanted

    def well_formed():
        text = lines(read_text(root, ICS_OUT))
        return (
            text[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"]
            and text[-2:] == ["END:VEVENT", "END:VCALENDAR"]
            and len(text) == len(set(text))
            and any(line.startswith("PRODID:") for line in text)
            and bool(invites[0]["UID"])
            and invites[0]["SUMMARY"] == "Catalogue review"
            and invite("DTSTART", NONE)
        )

    checks = {
        "slot_start": lambda: stated("start", NONE),
        "slot_end": lambda: stated("end", LENGTH),
        "local_times": local_times,
        "booked_minutes": booked,
        "invite_start": lambda: invite("DTSTART", NONE),
        "invite_end": lambda: invite("DTEND", LENGTH),
        "invite_attendees": attendees,
        "invite_complete": well_formed,
    }
    return {name: passed(check) for name, check in checks.items()}


def lines(text):
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


if __name__ == "__main__":
    print(json.dumps(grade([], sys.argv[1])))
