"""The OCSP response in a file, in whichever of the forms in use the server keeps it. Pure."""

import json
import re
from base64 import b64decode
from binascii import a2b_base64
from typing import Final

from ocsp_exporter.revocation import der

_PEM: Final = re.compile(rb"-----BEGIN OCSP RESPONSE-----(.+?)-----END OCSP RESPONSE-----", re.DOTALL)
_BLANK: Final = b" \t\r\n"


def response_in(content: bytes) -> bytes:
    """Return the DER of the response in a file: DER as it is, PEM, or the JSON of Apache's mod_md.

    Of several in PEM the first. What is neither is returned as it is: it is no response, and whoever parses it says so.
    Never raises.
    """
    if content[:1] == bytes((der.SEQUENCE,)):
        return content
    found = _PEM.search(content)
    try:
        if found:
            return a2b_base64(found[1])
        if content.lstrip(_BLANK)[:1] == b"{":
            return _in_json(content) or content
    except (ValueError, RecursionError):  # no base64, no UTF-8, no JSON
        pass
    return content


def _in_json(content: bytes) -> bytes | None:
    """Return what mod_md keeps as `response`: base64 with - and _, without padding (md_ocsp.c, ostat_to_json)."""
    stored = json.loads(content)
    text = stored.get("response") if isinstance(stored, dict) else None
    return b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True) if isinstance(text, str) else None
