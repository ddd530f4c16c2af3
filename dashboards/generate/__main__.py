"""Write the dashboards to `dashboards/grafana/`, and what their panels tell to `docs/dashboards.md`."""

from pathlib import Path

from dashboards.generate.document import Document
from dashboards.generate.exporter import exporter
from dashboards.generate.fleet import fleet
from dashboards.generate.responders import responders
from dashboards.generate.target import target

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboards" / "grafana"
PAGE = ROOT / "docs" / "dashboards.md"
_WRITTEN = "<!-- From here on written by `make dashboards`, from the descriptions of the panels. -->\n"


def documents() -> tuple[Document, ...]:
    """Give all dashboards."""
    return fleet(), target(), responders(), exporter()


def files() -> dict[Path, str]:
    """Give the text of each file that is written."""
    beginning, marker, _ = PAGE.read_text(encoding="utf-8").partition(_WRITTEN)
    panels = "\n".join(document.explained() for document in documents())
    return {
        **{FOLDER / f"{document.name}.json": document.text() for document in documents()},
        PAGE: f"{beginning}{marker}\n{panels}",
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
