"""Fuzz one target until the time is up or an input fails; the input is named and saved.

``build/fuzz/NAME`` keeps failing inputs, and in ``run`` what the last run found worth keeping;
``--file INPUT`` reads one of them again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

SAVED = Path("build/fuzz")
_MEMORY_MB = 1_024
_HANG_S = 30  # on the clock: a busy machine is no hang


def main() -> None:
    """Run what the command line asks for; the exit code is 0 when nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", choices=("feed", "charset", "date", "page", "json"))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="0: another each time")
    parser.add_argument("--file", type=Path, help="only this input")
    arguments = parser.parse_args()
    if arguments.file is not None:
        read_again(arguments.name, arguments.file)
    else:
        fuzz(arguments.name, arguments.seconds, arguments.seed)


def read_again(name: str, path: Path) -> None:
    """Judge one saved input; raises what it fails with."""
    from tests.fuzz.targets import TARGETS, within_budget

    within_budget(TARGETS[name], path.read_bytes())
    print(f"{path} passes")


def fuzz(name: str, seconds: int, seed: int) -> None:
    """Hand the process to libFuzzer, which ends it."""
    import atheris

    with atheris.instrument_imports(include=["monitor"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS, within_budget
    target = TARGETS[name]
    saved = SAVED / name
    folder = saved / "run"
    shutil.rmtree(folder, ignore_errors=True)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for place, body in enumerate(target.seeds):
        (corpus / str(place)).write_bytes(body)
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), encoding="ascii")
    print(f"{name}: {seconds} s from {len(target.seeds)} seeds; failing inputs go to {saved}/")
    options = [
        f"-max_total_time={seconds}", f"-max_len={target.largest}", f"-dict={words}",
        f"-artifact_prefix={saved}/", f"-timeout={_HANG_S}", f"-rss_limit_mb={_MEMORY_MB}",
        f"-seed={seed}", "-print_final_stats=1",
    ]  # fmt: skip
    sys.stdout.flush()
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda body: within_budget(target, body))
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
