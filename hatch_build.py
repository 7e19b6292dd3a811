"""Compiles the scanner and trains the starter release, for the wheel and an editable install."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class StarterHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for the wheel target, in its ``standard`` and ``editable`` versions."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build into ``classifiers/`` and name what was built as artifacts.

        Without a C compiler the wheel is for any platform and scores with NumPy alone.
        """
        del version
        sys.path.insert(0, self.root)
        try:
            from classifiers import native
            from classifiers.train import build_starter
            from monitor.stories import compiled

            libraries = (native.CODE, compiled.CODE)
            problem = next(filter(None, (code.build() for code in libraries)), "")
            manifest = build_starter(Path(self.root) / "classifiers" / "starter")
        finally:
            sys.path.remove(self.root)
        build_data["artifacts"].append("/classifiers/starter/")
        self.app.display_info(f"starter release {manifest.id}")
        if problem:
            for code in libraries:
                code.library.unlink(missing_ok=True)
            self.app.display_warning(f"Python and NumPy will do all the work: {problem}")
            return
        for code in libraries:
            built = code.library.relative_to(self.root).as_posix()
            build_data["artifacts"].append(f"/{built}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(platform_tags())}"
