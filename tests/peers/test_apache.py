"""Apache's mod_ssl with its responder down: it makes up an answer of its own."""

from dataclasses import replace
from pathlib import Path

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Problem, Status
from tests.findings import tls_of
from tests.peers.looking import look, staple_of, trusting
from tests.peers.responders import scripted
from tests.peers.servers import Site
from tests.peers.services import apache


async def test_the_made_up_try_later(tmp_path: Path, authority: Authority, root: Authority) -> None:
    """A client gets an unsigned tryLater: the source failed, and a staple that is demanded is not there."""
    answers: list[bytes | None] = [None]
    module = replace(trusting(root, retry_missing=0), server_name="localhost")
    with scripted(lambda: answers[-1]) as url:
        down, up = (authority.leaf(must_staple=True, ocsp_urls=[url]) for _ in range(2))
        for leaf, answer, status, problems, compliant in (
            (down, None, Status.SERVER_FAILED, (Problem.UNSUCCESSFUL,), False),
            (up, authority.answer(up), Status.GOOD, (), True),
        ):
            answers.append(answer)
            folder = tmp_path / status
            folder.mkdir()
            with apache(folder, Site(leaf, fetch_staple=True)) as ports:
                [port] = ports.values()
                findings = await look(port, module)
            staple = staple_of(findings)
            assert (staple.status, staple.problems, tls_of(findings).compliant) == (status, problems, compliant)
            assert staple.response is not None
            assert staple.response.response_status == ("successful" if compliant else "try_later")
