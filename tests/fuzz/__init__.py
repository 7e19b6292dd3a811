"""Fuzzing of what reads documents: ``python -m tests.fuzz NAME [--seconds N] [--file INPUT]``."""
