"""The protocols that are not text: LDAP, PostgreSQL, MySQL."""

import struct

from ocsp_exporter.probing.starttls.conversation import MAX_LINE, Conversation, failed
from ocsp_exporter.quoting import quoted
from ocsp_exporter.revocation import der

_LDAP_START_TLS = b"1.3.6.1.4.1.1466.20037"
_LDAP_EXTENDED_REQUEST = bytes((0x77, len(_LDAP_START_TLS) + 2, 0x80, len(_LDAP_START_TLS))) + _LDAP_START_TLS
_LDAP_MESSAGE_ID = b"\x02\x01\x01"
_LDAP_UNBIND = bytes.fromhex("30050201024200")
_LDAP_EXTENDED_RESPONSE = 0x78
_BER_LONG_FORM = 0x80
_BER_LONGEST_LENGTH = 4

_POSTGRES_SSL_REQUEST = struct.pack("!II", 8, 80877103)

_MYSQL_PROTOCOL = 10
_MYSQL_ERROR = 0xFF
_MYSQL_LONG_PASSWORD = 0x0001  # to MariaDB its absence means that four more octets of capabilities follow
_MYSQL_PROTOCOL_41 = 0x0200
_MYSQL_SSL = 0x0800
_MYSQL_SECURE_CONNECTION = 0x8000
_MYSQL_CAPABILITIES = _MYSQL_LONG_PASSWORD | _MYSQL_PROTOCOL_41 | _MYSQL_SSL | _MYSQL_SECURE_CONNECTION
_MYSQL_UTF8 = 33
# After the version come the connection's number, eight octets for the password and a filler, then the capabilities.
_MYSQL_BEFORE_CAPABILITIES = 4 + 8 + 1


async def ldap(talk: Conversation) -> None:
    """LDAP: RFC 4511, sections 4.12 and 4.14."""
    message = _LDAP_MESSAGE_ID + _LDAP_EXTENDED_REQUEST
    await talk.send(bytes((der.SEQUENCE, len(message))) + message)
    octets = await _ldap_message(talk)
    try:
        number, operation, *_ = der.expect(der.parse(octets), der.SEQUENCE).children()
        result, _, diagnostic, *_ = operation.children()
        code = der.expect(result, der.ENUMERATED).content
        words = der.expect(diagnostic, der.OCTET_STRING).content
    except ValueError as error:
        raise failed(f"the answer to StartTLS is not one of LDAP: {error}") from error
    # Number 0 is a notice of disconnection (section 4.4.1), and its result says why.
    if number.encoded != _LDAP_MESSAGE_ID or operation.tag != _LDAP_EXTENDED_RESPONSE or code != b"\x00":
        raise talk.refused(f"result {code.hex()} {words.decode('utf-8', 'backslashreplace')}", _LDAP_UNBIND)


async def _ldap_message(talk: Conversation) -> bytes:
    """Read one BER element of at most MAX_LINE octets; Active Directory writes its lengths in four."""
    head = await talk.exactly(2)
    length = head[1]
    if length & _BER_LONG_FORM:
        octets = length & ~_BER_LONG_FORM
        if not 1 <= octets <= _BER_LONGEST_LENGTH:
            raise failed(f"expected a message of LDAP, which does not begin with {head.hex()}")
        more = await talk.exactly(octets)
        head, length = head + more, int.from_bytes(more, "big")
    if head[0] != der.SEQUENCE or length > MAX_LINE:
        raise failed(f"expected a message of LDAP, which does not begin with {head.hex()}")
    return head + await talk.exactly(length)


async def postgres(talk: Conversation) -> None:
    """PostgreSQL: SSLRequest, which is answered by one octet (documentation, section "SSL Session Encryption")."""
    await talk.send(_POSTGRES_SSL_REQUEST)
    answer = await talk.exactly(1)
    if answer == b"S":
        return
    if answer == b"N":
        raise talk.refused("N")
    raise failed(f"the answer to SSLRequest is S or N, and not {quoted(answer.decode('latin-1'))}")


async def mysql(talk: Conversation) -> None:
    """MySQL and MariaDB: the server's Handshake v10, then SSLRequest and TLS at once (MySQL's internals manual)."""
    head = await talk.exactly(4)
    length = int.from_bytes(head[:3], "little")
    if head[3] != 0 or not 1 <= length <= MAX_LINE:
        raise failed(f"expected a greeting of MySQL, which does not begin with {head.hex()}")
    greeting = await talk.exactly(length)
    if greeting[0] == _MYSQL_ERROR:
        raise talk.refused(greeting[3:].decode("utf-8", "backslashreplace"))
    version, _, rest = greeting[1:].partition(b"\0")
    capabilities = rest[_MYSQL_BEFORE_CAPABILITIES : _MYSQL_BEFORE_CAPABILITIES + 2]
    if greeting[0] != _MYSQL_PROTOCOL or len(capabilities) != 2:  # noqa: PLR2004 -- see the slice
        raise failed(
            f"expected a greeting of MySQL's protocol 10: {quoted(version.decode('utf-8', 'backslashreplace'))}"
        )
    if not int.from_bytes(capabilities, "little") & _MYSQL_SSL:
        raise talk.refused("its capabilities do not offer TLS")
    request = struct.pack("<IIB23x", _MYSQL_CAPABILITIES, 1 << 24, _MYSQL_UTF8)
    await talk.send(len(request).to_bytes(3, "little") + b"\x01" + request)
