"""The transcript that PinchBench graders get."""

import json


def normalise(transcript):
    """OpenClaw session records in the shape that PinchBench graders read; both of its versions."""
    records = transcript
    if isinstance(transcript, str):
        records = [parsed_line(line) for line in transcript.splitlines() if line.strip()]
    for record in records:
        message = record.get("message") if isinstance(record, dict) else None
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        if isinstance(content, str):
            message["content"] = [{"type": "text", "text": content}]
        elif isinstance(content, list):
            message["content"] = [item for part in content for item in aliased(part)]
    return records


def parsed_line(line):
    try:
        return json.loads(line)
    except ValueError as problem:
        return {"raw": line, "parse_error": str(problem)}


def aliased(part):
    """A tool call also under the names that the first version's graders look for."""
    if not isinstance(part, dict) or part.get("type") != "toolCall":
        return [part]
    arguments = part.get("arguments")
    params = dict(arguments) if isinstance(arguments, dict) else {}
    path = params.get("path", params.get("file_path"))
    if isinstance(path, str):
        params.setdefault("path", path)
        params.setdefault("file_path", path)
        params.setdefault("files", [path])
    call = dict(part)
    call.setdefault("params", params)
    return [call, dict(call, name="read_file")] if part.get("name") == "read" else [call]
