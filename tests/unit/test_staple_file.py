"""In which forms servers keep an OCSP response."""

import json
import ssl
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocsp_exporter.revocation.staple_file import response_in

DER = b"\x30\x03\x0a\x01\x06"


def pem(encoded: bytes, label: bytes = b"OCSP RESPONSE") -> bytes:
    """Write octets as PEM."""
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, b64encode(encoded), label)


def stored(**changes: object) -> bytes:
    """Write a response as mod_md does."""
    entry = {
        "response": urlsafe_b64encode(DER).rstrip(b"=").decode(),
        "status": "good",
        "valid": {"from": "Fri, 20 Nov 2026 13:39:43 GMT", "until": "Fri, 27 Nov 2026 13:39:43 GMT"},
    }
    return json.dumps(entry | changes, indent=2).encode()


@pytest.mark.parametrize(
    "content",
    [
        DER,
        pem(DER),
        pem(DER).replace(b"\n", b"\r\n"),
        b"a few words before\n" + pem(b"\0", b"CERTIFICATE") + pem(DER) + pem(b"\x30\0"),
        stored(),
        b" \n" + stored(status="revoked"),
    ],
    ids=["der", "pem", "pem-crlf", "pem-among-others", "mod_md", "mod_md-indented"],
)
def test_every_form_in_use_is_read(content: bytes) -> None:
    """DER, PEM and the JSON of mod_md hold the same response."""
    assert response_in(content) == DER


def test_the_base64_of_mod_md_is_that_for_urls() -> None:
    """It has - and _ in it, and no padding."""
    every = bytes(range(256))
    text = urlsafe_b64encode(every).rstrip(b"=").decode()
    assert response_in(stored(response=text)) == every
    padded = stored(response=f"{text[:-2]} ")
    assert response_in(padded) == padded


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"<html>404</html>",
        pem(DER, b"CERTIFICATE"),
        pem(DER)[:-10],
        b"-----BEGIN OCSP RESPONSE-----\nA\n-----END OCSP RESPONSE-----\n",
        stored()[:-2],
        stored(response=None),
        stored(response=""),
        stored(response="A"),
        stored(response="é"),
        b"{}",
        b'{"a": ' + b"[" * 100_000,
        b'{"response": ' + b"9" * 10_000 + b"}",
        b"{\xff}",
    ],
)
def test_what_is_no_response_is_left_as_it_is(content: bytes) -> None:
    """Whoever parses it says what is wrong with it."""
    assert response_in(content) == content


def test_pem_of_openssl() -> None:
    """Lines of 64 characters are joined."""
    long = bytes(range(256)) * 2
    written = ssl.DER_cert_to_PEM_cert(long).replace("CERTIFICATE", "OCSP RESPONSE").encode()
    assert response_in(written) == long


@given(st.binary() | st.text().map(str.encode) | st.recursive(st.text(), st.lists).map(json.dumps).map(str.encode))
def test_any_content_gives_bytes(content: bytes) -> None:
    """Nothing is raised, whatever a file holds."""
    for each in (content, b"{" + content, b"-----BEGIN OCSP RESPONSE-----" + content + b"-----END OCSP RESPONSE-----"):
        assert isinstance(response_in(each), bytes)
