"""What the code documents itself is what the documents say."""

import re
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ocsp_exporter import advice
from ocsp_exporter.config import parse_config
from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.metrics import METRICS
from ocsp_exporter.report.documentation import rules, verdicts

ROOT = Path(__file__).parents[2]
RESPONDERS = (ROOT / "docs/responders.md").read_text()


def test_the_page_about_verdicts_is_current() -> None:
    """docs/verdicts.md ends with what `ocsp-exporter docs verdicts` prints."""
    _, _, written = (ROOT / "docs/verdicts.md").read_text().partition("advice.py. -->\n")
    assert verdicts() == written


def test_the_page_about_responders_is_current() -> None:
    """docs/responders.md ends with what `ocsp-exporter docs rules` prints."""
    _, _, written = RESPONDERS.partition("conformance.py. -->\n")
    assert rules() == written


def test_the_page_about_responders_names_what_there_is() -> None:
    """No metric that the exporter does not publish, and no file that is not there."""
    published = {metric.name for metric in METRICS}
    assert set(re.findall(r"\bocsp_[a-z_]*[a-z]\b", RESPONDERS)) - {"ocsp_responder", "ocsp_exporter"} <= published
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", RESPONDERS):
        assert (ROOT / "docs" / link).exists(), link


def test_the_configuration_of_the_page_about_responders_is_valid(tmp_path: Path) -> None:
    """With the files that it names."""
    authority = Authority.root(1_800_000_000.0)
    (tmp_path / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    for name in ("leaf", "revoked"):
        (tmp_path / f"{name}.pem").write_bytes(authority.leaf().certificate_pem())
    [example] = (each for each in yaml_examples(RESPONDERS) if "modules" in each)
    config = parse_config(example, "my.yaml", tmp_path)
    assert [each.target.name for each in config.targets] == ["http://127.0.0.1:8889/"]
    assert [known.expected for known in config.modules["my-responder"].known_answers] == ["revoked", "unknown"]


def yaml_examples(page: str) -> list[str]:
    """Give the examples in YAML of a page."""
    return re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_every_word_of_a_report_leads_to_its_place() -> None:
    """Each problem and failure is explained in the place to which reports point."""
    page = (ROOT / "docs/verdicts.md").read_text()
    places = [*map(advice.place_of, advice.PROBLEMS), *map(advice.place_of, advice.FAILURES)]
    for place in places:
        anchor = place.partition("#")[2]
        assert f"### {anchor.replace('-', ' ', 1)}\n" in page
