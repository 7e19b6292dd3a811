"""Retrain again and again, each time killed at another file operation; tell what serves then.

    python -m tests.monitor.actions.killing DATA DATABASE BASE COPIES POINTS PART

The operations are counted below the models' folder, in a first run that is not killed. A
line of JSON for each point: whether it was killed there, the release that serves, problems.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from classifiers.registry import Registry
from monitor.actions.retraining import retrain
from monitor.config import Settings
from monitor.model import Classifier

WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod"}


def run(data: Path, database: str, base: str, deadly: int) -> tuple[bool, int]:
    """Retrain in a child that kills itself at operation ``deadly``; whether it did, and how
    many operations there were if not."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        count = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal count
            path = arguments[0] if arguments else ""
            if event in WATCHED and str(path).startswith(str(data / "models")):
                count += 1
                if count == deadly:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        retrain(Settings(data, database), [], base=base)
        os.write(writer, str(count).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    counted = os.read(reader, 100)
    os.close(reader)
    return os.WIFSIGNALED(status), int(counted or 0)


def main() -> None:
    """Try every part of the operations once."""
    data, copies = Path(sys.argv[1]), Path(sys.argv[4])
    points, part = int(sys.argv[5]), int(sys.argv[6])

    def fresh(number: int) -> Path:
        found = copies / str(number)
        shutil.copytree(data, found)
        return found

    _, count = run(fresh(-1), sys.argv[2], sys.argv[3], 0)
    for number in range(points):
        deadly = 1 + (number * 2 + part) * (count - 1) // (points * 2 - 1)
        folder = fresh(number)
        killed, _ = run(folder, sys.argv[2], sys.argv[3], deadly)
        found = Registry(folder / "models").list()
        answer = {
            "point": f"{deadly} of {count}",
            "killed": killed,
            "release": Classifier(folder / "models").scorer.release,
            "problems": [each.problem for each in found if each.problem],
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
