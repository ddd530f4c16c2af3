"""What the code documents itself is what the documents say."""

from pathlib import Path

from ocsp_exporter import advice
from ocsp_exporter.report.documentation import verdicts

ROOT = Path(__file__).parents[2]


def test_the_page_about_verdicts_is_current() -> None:
    """docs/verdicts.md ends with what `ocsp-exporter docs verdicts` prints."""
    _, _, written = (ROOT / "docs/verdicts.md").read_text().partition("advice.py. -->\n")
    assert verdicts() == written


def test_every_word_of_a_report_leads_to_its_place() -> None:
    """Each problem and failure is explained in the place to which reports point."""
    page = (ROOT / "docs/verdicts.md").read_text()
    places = [*map(advice.place_of, advice.PROBLEMS), *map(advice.place_of, advice.FAILURES)]
    for place in places:
        anchor = place.partition("#")[2]
        assert f"### {anchor.replace('-', ' ', 1)}\n" in page
