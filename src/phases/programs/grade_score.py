"""From what a verifier printed or returned to named checks and the two scores."""

import json

MAX_CHECKS, MAX_NAME, MAX_MESSAGE = 1000, 256, 1000


class Invalid(Exception):
    """The verifier ended well but its output is not a score."""


class Crash(Exception):
    """The verifier did not end well."""


def parse_printed(text):
    """The whole output as JSON, else its last non-empty line as a JSON object or number."""
    text = text.strip()
    if not text:
        raise Invalid("the verifier printed nothing")
    try:
        return load(text)
    except Invalid:
        data = load(text.splitlines()[-1].strip())
        if isinstance(data, (dict, int, float)):
            return data
        raise


def load(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Invalid(f"the output is not JSON: {problem}") from None


def scored(data, author=True):
    """A finished outcome from a flat object or a number. `flat` is the reference's mean over all
    values, added from left to right in plain doubles: sum() of Python >= 3.12 compensates and
    differs in the last bit."""
    if isinstance(data, (bool, int, float)):
        data = {"reward": data}
    if not isinstance(data, dict):
        raise Invalid(f"the output is a {type(data).__name__}, expected an object or a number")
    if len(data) > MAX_CHECKS:
        raise Invalid(f"{len(data)} checks, at most {MAX_CHECKS} are taken")
    if not data:
        # The reference's wrapper prints 0.0 here; an object without a check grades nothing.
        return dict(failed("invalid", "the object is empty"), flat=0.0, native=0.0)
    checks, total = [], 0.0
    for name, value in data.items():
        checks.append([checked_name(name), number(value, name)])
        total += checks[-1][1]
    flat = number(total / len(checks), "the mean")
    first, value = next(iter(data.items()))
    named = author and first == "reward" and type(value) in (int, float)
    raw = float(value) if named else flat
    return {"status": "ok", "message": "", "checks": checks, "flat": flat, "nativeRaw": raw,
            "native": min(1.0, max(0.0, raw)), "rewardSeen": named}


def checked_name(name):
    if not name or len(name) > MAX_NAME or "\0" in name or any("\ud800" <= c <= "\udfff" for c in name):
        raise Invalid(f"check name {name[:40]!a} is empty, longer than {MAX_NAME} or not text")
    return name


def number(value, place):
    """float() of a number, boolean or string, as in the reference; anything else is invalid."""
    try:
        if isinstance(value, (bool, int, float, str)):
            result = float(value)
            if result - result == 0.0:  # finite
                return result
    except (ValueError, OverflowError):
        pass
    raise Invalid(f"{str(place)[:40]!a} has the value {shown(value)}, expected a finite number")


def shown(value):
    return ascii(value)[:80] if isinstance(value, (bool, float, str, type(None))) else type(value).__name__


def failed(status, message):
    text = message.encode("utf-8", "replace").decode()[:MAX_MESSAGE]
    return {"status": status, "message": text, "checks": [], "flat": None, "native": None,
            "nativeRaw": None, "rewardSeen": False}
