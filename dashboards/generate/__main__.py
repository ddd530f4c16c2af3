"""Write the dashboards to `dashboards/grafana/`, or to the folder that is named."""

import sys
from pathlib import Path

from dashboards.generate.exporter import exporter
from dashboards.generate.fleet import fleet
from dashboards.generate.responders import responders
from dashboards.generate.target import target

FOLDER = Path(__file__).parents[1] / "grafana"


def files() -> dict[str, str]:
    """Give the text of each dashboard by the name of its file."""
    return {f"{document.name}.json": document.text() for document in (fleet(), target(), responders(), exporter())}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
