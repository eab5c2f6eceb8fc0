"""Compiles verifiers ahead of their runs, in a sandbox of its own: nothing of them is executed.

Standard input names them as JSON, [[key, place], ...]: the source lies at /in/<key>, `place` is the path
that the grader will run it from, and the compiled form goes to /out/<key>, with the interpreter's mark
before it. What cannot be compiled is left out; the grader then says why.
"""

import json
import marshal
import os
import sys
from _frozen_importlib_external import MAGIC_NUMBER


def main():
    for key, place in json.load(sys.stdin):
        with open(f"/in/{key}", "rb") as file:
            source = file.read()
        try:
            code = compile(source, place, "exec", dont_inherit=True)
            compiled = MAGIC_NUMBER + marshal.dumps(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            continue
        partial = f"/out/{key}.partial"
        with open(partial, "wb") as file:
            file.write(compiled)
        os.rename(partial, f"/out/{key}")


main()
