"""`ocsp-exporter probe` beside `openssl s_client -status`, on the same nginx: the same staple, field by field."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.certificate import Credential, rsa_key
from ocsp_exporter.demo.response import responder_by_name
from ocsp_exporter.model import Reason, Status
from tests.peers.daemons import HOST, PATIENCE, find
from tests.peers.servers import Site, nginx

HOUR = 3600

#: A staple for a leaf of a CA.
STAPLES: dict[str, Callable[[Authority, Credential], bytes]] = {
    "good": lambda ca, leaf: ca.answer(leaf, produced_at=ca.now - HOUR, this_update=ca.now - 2 * HOUR),
    "without next_update": lambda ca, leaf: ca.answer(leaf, next_update=None),
    "expired": lambda ca, leaf: ca.answer(leaf, this_update=ca.now - 2 * HOUR, next_update=ca.now - HOUR),
    "unknown": lambda ca, leaf: ca.answer(leaf, status=Status.UNKNOWN),
    "revoked": lambda ca, leaf: ca.answer(leaf, status=Status.REVOKED, revocation_time=ca.now - 3 * HOUR),
    "revoked with a reason": lambda ca, leaf: ca.answer(leaf, status=Status.REVOKED, reason=Reason.KEY_COMPROMISE),
    "responder by name": lambda ca, leaf: ca.answer(leaf, responder_id=responder_by_name),
    "delegated": lambda ca, leaf: ca.answer(leaf, signer=ca.delegate()),
    "delegated, RSA": lambda ca, leaf: ca.answer(leaf, signer=ca.delegate(key=rsa_key())),
    "CertID in SHA-256": lambda ca, leaf: ca.answer(leaf, hash_algorithm=hashes.SHA256()),
}

#: What the exporter says in place of OpenSSL's `good`, because the evidence ended.
OUR_STATUS = {"expired": "invalid"}

Fields = dict[str, object]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[dict[str, int]]:
    """Serve each staple."""
    leaves = {name: authority.leaf() for name in STAPLES}
    sites = [Site(leaf, STAPLES[name](authority, leaf)) for name, leaf in leaves.items()]
    with nginx(tmp_path_factory.mktemp("nginx"), sites) as ports:
        yield dict(zip(STAPLES, ports, strict=True))


@pytest.mark.parametrize("name", STAPLES)
def test_openssl_sees_the_same_staple(ports: dict[str, int], name: str) -> None:
    """Status, times, serial number, responder and algorithms are those that OpenSSL prints."""
    ours, theirs = _seen_by_us(ports[name]), _seen_by_openssl(ports[name])
    assert ours == {**theirs, "status": OUR_STATUS.get(name, theirs["status"])}


def _seen_by_us(port: int) -> Fields:
    command = [sys.executable, "-m", "ocsp_exporter", "probe", "--output", "json", f"{HOST}:{port}"]
    printed = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
    assert printed.stderr == b""
    document: dict[str, Any] = json.loads(printed.stdout)
    [staple] = document["evidence"]
    response, revocation = staple["response"], staple["revocation"] or {"time": None, "reason": None}
    return {
        "status": staple["status"],
        "response_status": response["response_status"],
        "responder_id": response["responder_id"],
        "produced_at": staple["produced_at"],
        "this_update": staple["this_update"],
        "next_update": staple["next_update"],
        "revocation_time": revocation["time"],
        "revocation_reason": revocation["reason"],
        "hash_algorithm": response["cert_id_hash"],
        "serial_number": int(document["certificates"][0]["serial_number"], 16),
        "signature_algorithm": response["signature_algorithm"],
    }


def _seen_by_openssl(port: int) -> Fields:
    command = [find("openssl"), "s_client", "-connect", f"{HOST}:{port}", "-status"]
    printed = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
    response = printed.partition("OCSP Response Data:")[2].partition("======")[0]
    # The first of each name is the response's; a delegate's certificate, printed after it, uses some of them too.
    fields = dict(reversed(re.findall(r"^ *(\w[\w ]*): (\S.*?) *$", response, flags=re.MULTILINE)))
    responder_id = fields["Responder Id"]
    return {
        "status": fields["Cert Status"],
        "response_status": _word(fields["OCSP Response Status"]),
        "responder_id": responder_id.replace(" = ", "=") if "=" in responder_id else f"keyHash={responder_id.lower()}",
        "produced_at": _time(fields["Produced At"]),
        "this_update": _time(fields["This Update"]),
        "next_update": _time(fields.get("Next Update")),
        "revocation_time": _time(fields.get("Revocation Time")),
        "revocation_reason": _word(fields.get("Revocation Reason")),
        "hash_algorithm": fields["Hash Algorithm"],
        "serial_number": int(fields["Serial Number"], 16),
        "signature_algorithm": fields["Signature Algorithm"],
    }


def _time(text: str | None) -> int | None:
    """Return the seconds since 1970 of a time such as `Nov 20 09:52:39 2026 GMT`."""
    return (
        None if text is None else int(datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp())
    )


def _word(text: str | None) -> str | None:
    """Return `key_compromise` of a text such as `keyCompromise (0x1)`."""
    return None if text is None else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.split(" (")[0]).lower()
