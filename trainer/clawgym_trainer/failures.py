"""The ends of a run that are not success, each with its exit code."""

EXIT_DONE = 0
EXIT_BAD_INPUT = 2
EXIT_DIVERGED = 3
EXIT_OUT_OF_MEMORY = 4
EXIT_PREEMPTED = 143


class RunFailure(Exception):
    """An end with an exit code of the contract. The message says place, value and expectation."""

    exit_code = 1


class BadInput(RunFailure):
    """The specification or the data is wrong: the same run would fail again."""

    exit_code = EXIT_BAD_INPUT


class Diverged(RunFailure):
    """The numbers left every sensible range: the same run would fail again."""

    exit_code = EXIT_DIVERGED


class Preempted(RunFailure):
    """Asked to stop; a complete checkpoint stands, a later start goes on from it."""

    exit_code = EXIT_PREEMPTED
