"""Grades many workspaces with one verifier: `grade-many.py CHECK_PY`, one folder a line on stdin."""

import ast
import importlib.util
import json
import sys
import time

with open(sys.argv[1], encoding="utf-8") as file:
    ast.parse(file.read(), feature_version=(3, 9))  # the oldest Python the examples promise
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("check", sys.argv[1])
check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check)
for line in sys.stdin:
    start = time.perf_counter()
    checks = check.grade([], line.rstrip("\n"))
    print(json.dumps({"checks": checks, "seconds": time.perf_counter() - start}))
