from pathlib import Path

from ocsp_exporter.model import StartTLS
from ocsp_exporter.target import SCHEMES
from tests.peers.protocols import ROWS, rows_of

PAGE = Path(__file__).parents[2] / "docs/protocols.md"


def test_the_page_is_not_older_than_the_table() -> None:
    """docs/protocols.md has every row of the table that the tests with real servers hold, and no other."""
    assert list(rows_of(PAGE.read_text())) == [(row.protocol, row.server, row.stapling) for row in ROWS]


def test_every_protocol_has_a_real_server_but_one() -> None:
    """Of all ways to start TLS only NNTP's is tested against scripted servers alone."""
    protocols = {row.protocol for row in ROWS}
    assert {*SCHEMES, *StartTLS} - protocols == {"nntp", "none"}
