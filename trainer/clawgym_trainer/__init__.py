"""Training and CPU serving of small and large policies behind one pod contract.

docs/reference/sft.md and rl-tokens.md describe what goes in, what comes out and how a run ends.
"""

__version__ = "0.1.0"
