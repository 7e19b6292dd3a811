"""What every benchmark shares: its two options, and how its figures are shown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping


def options(description: str) -> argparse.Namespace:
    """``quick`` and ``json`` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="end within 60 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    return parser.parse_args()


def show(figures: Mapping[str, object], *, as_json: bool) -> None:
    """Print ``figures``: one JSON document, or a table with a line a figure."""
    if as_json:
        print(json.dumps(figures, ensure_ascii=False, indent=2))
        return
    rows = list(_rows(figures, ""))
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"{name:<{width}}  {value:>14}")


def _rows(figures: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{name}.")
        elif isinstance(value, float):
            yield f"{prefix}{name}", f"{value:,.1f}" if abs(value) >= 10 else f"{value:.4f}"
        else:
            yield f"{prefix}{name}", f"{value:,}" if isinstance(value, int) else str(value)
