"""Retraining, killed at random points in time: what served before serves, and nothing is torn."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from classifiers.registry import Registry
from monitor.actions.retraining import retrain
from monitor.config import Settings
from monitor.model import Classifier
from tests.monitor.actions.conftest import Say, titles
from tests.soak import count

KILLS = count(3, 30)
PROGRAM = """
import sys
from pathlib import Path
from monitor.actions.retraining import retrain
from monitor.config import Settings
print("begun", flush=True)
retrain(Settings(Path(sys.argv[1]), sys.argv[2]), [], base=sys.argv[3])
"""


@pytest.mark.soak
def test_hostile_3_killed_at_random_points_the_old_or_the_new_release_is_whole(
    lite: Settings, base: str, say: Say
) -> None:
    say(lite, [("央行今日降息", "sports"), ("球队夺冠", "food"), ("红烧火锅", "finance")])
    rng = random.Random(30)
    started = time.monotonic()
    after = retrain(lite, [], base=base, dry_run=True).release
    length_s = time.monotonic() - started
    before = Classifier(lite.data / "models").scorer.release
    command = [sys.executable, "-c", PROGRAM, str(lite.data), lite.database, base]
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout
        process.stdout.readline()
        try:
            process.wait(rng.uniform(0.0, 1.2 * length_s))  # a point in time is what is tried
        except subprocess.TimeoutExpired:
            process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.communicate()
        registry = Registry(lite.data / "models")
        assert [each.problem for each in registry.list() if each.problem] == []
        classifier = Classifier(registry.root)
        assert classifier.scorer.release in {before, after}
        assert len(classifier([title for title, _ in titles(9, 1)])) == 9
        if classifier.scorer.release == after:
            registry.rollback()
    assert killed
    assert retrain(lite, [], base=base).promoted
    assert [each.name for each in registry.root.glob(".*-*")] == []
