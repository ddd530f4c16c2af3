"""What a client says first, taken apart."""

import asyncio
from dataclasses import dataclass

SERVER_NAME, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS = 0, 13, 16, 43


@dataclass(frozen=True, slots=True)
class ClientHello:
    """A ClientHello (RFC 8446, section 4.1.2) in one record: the octets, the cipher suites, and extensions by type."""

    record: bytes
    ciphers: frozenset[bytes]
    extensions: dict[int, bytes]

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> "ClientHello":
        """Read one from a connection."""
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[3:]))
        rest = body[4 + 2 + 32 :]  # the message's head, version and random
        _session, rest = _vector(rest, 1)
        ciphers, rest = _vector(rest, 2)
        _compression, rest = _vector(rest, 1)
        listed, rest = _vector(rest, 2)
        assert not rest
        extensions = {}
        while listed:
            kind = int.from_bytes(listed[:2])
            extensions[kind], listed = _vector(listed[2:], 2)
        suites = frozenset(ciphers[position : position + 2] for position in range(0, len(ciphers), 2))
        return cls(head + body, suites, extensions)

    @property
    def server_name(self) -> bytes | None:
        """The name asked for, None where there is none (RFC 6066, section 3)."""
        names = self.extensions.get(SERVER_NAME)
        return None if names is None else names[5:]

    @property
    def protocols(self) -> list[bytes] | None:
        """The application protocols offered, None where no offer is made (RFC 7301, section 3.1)."""
        if ALPN not in self.extensions:
            return None
        offered, _ = _vector(self.extensions[ALPN], 2)
        protocols = []
        while offered:
            protocol, offered = _vector(offered, 1)
            protocols.append(protocol)
        return protocols


def _vector(octets: bytes, length: int) -> tuple[bytes, bytes]:
    """Split off what a length of so many octets stands before."""
    end = length + int.from_bytes(octets[:length])
    return octets[length:end], octets[end:]
