"""Coverage-guided fuzzing of what our own code reads: `pip install atheris`, `python -m tests.fuzz.guided pss`.

atheris is no dependency of the project: install it into a copy of the development environment. It sees Python code
only, so that what `cryptography` reads is for `python -m tests.fuzz`. Arguments behind `--` are libFuzzer's.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

NAMES = ("der", "extensions", "pss", "response", "crl", "file", "config")


def main() -> None:
    """Put inputs to one target until the time is over; exit with a traceback and the input where a check fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=180, help="how long (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=-1, help="how many inputs (default: no limit)")
    parser.add_argument("options", nargs="*", help="of libFuzzer")
    arguments = parser.parse_args()
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["ocsp_exporter"]):  # what is imported in here is watched
        target = importlib.import_module("tests.fuzz.targets").TARGETS[arguments.target]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(target.seeds):
            (corpus / str(number)).write_bytes(seed)
        words = folder / "words"
        words.write_text("".join(f'"{word}"\n' for word in target.words) or "# none\n")
        limits = (f"-max_total_time={arguments.seconds}", f"-runs={arguments.runs}", "-timeout=5", "-max_len=4096")
        options = (*limits, f"-dict={words}", f"-artifact_prefix={Path.cwd()}/", *arguments.options)
        atheris.Setup([sys.argv[0], *options, str(corpus)], target.check)
        atheris.Fuzz()  # does not return


if __name__ == "__main__":
    main()
