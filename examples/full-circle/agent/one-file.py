# An agent for very small models: it shows the instruction, offers one tool, and does what the answer calls.
import json
import os
import urllib.request

TEXT = {"type": "string"}
TOOL = {
    "name": "write_file",
    "parameters": {
        "type": "object",
        "properties": {"path": TEXT, "content": TEXT},
        "required": ["path", "content"],
    },
}


def ask(instruction):
    body = {
        "model": os.environ["CLAWGYM_MODEL"],
        "messages": [{"role": "user", "content": instruction}],
        "tools": [{"type": "function", "function": TOOL}],
    }
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps(body).encode(),
        {
            "content-type": "application/json",
            "authorization": "Bearer " + os.environ["OPENAI_API_KEY"],
        },
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]


def write(arguments):
    path, content = arguments.get("path"), arguments.get("content")
    if not isinstance(path, str) or not isinstance(content, str):
        return
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


with open(os.environ["CLAWGYM_INSTRUCTION_FILE"], encoding="utf-8") as file:
    message = ask(file.read().strip())
for call in message.get("tool_calls") or []:
    try:
        arguments = json.loads(call["function"]["arguments"])
        if call["function"]["name"] == "write_file" and isinstance(arguments, dict):
            write(arguments)
    except (ValueError, OSError) as error:
        print("a call that cannot be done:", error)
print(message.get("content") or "done")
