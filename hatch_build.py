"""Trains the starter release, so that the wheel (and an editable install) has it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StarterHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for the wheel target, in its ``standard`` and ``editable`` versions."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Train into ``classifiers/starter`` and name it as a build artifact."""
        del version
        sys.path.insert(0, self.root)
        try:
            from classifiers.train import build_starter

            manifest = build_starter(Path(self.root) / "classifiers" / "starter")
        finally:
            sys.path.remove(self.root)
        build_data["artifacts"].append("/classifiers/starter/")
        self.app.display_info(f"starter release {manifest.id}")
