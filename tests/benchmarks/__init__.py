"""Measurements: ``python -m tests.benchmarks.NAME [--quick] [--json]``."""
