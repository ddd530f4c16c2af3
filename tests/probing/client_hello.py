"""What a client says first, taken apart."""

import asyncio
from dataclasses import dataclass

SERVER_NAME, SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS, KEY_SHARE = 0, 10, 13, 16, 43, 51


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

    @property
    def groups(self) -> list[int]:
        """The groups offered, the preferred one first (RFC 8446, section 4.2.7)."""
        offered, _ = _vector(self.extensions[SUPPORTED_GROUPS], 2)
        return [int.from_bytes(offered[position : position + 2]) for position in range(0, len(offered), 2)]

    @property
    def key_shares(self) -> list[int]:
        """The groups of the keys that were sent (RFC 8446, section 4.2.8)."""
        shares, _ = _vector(self.extensions[KEY_SHARE], 2)
        groups = []
        while shares:
            groups.append(int.from_bytes(shares[:2]))
            _key, shares = _vector(shares[2:], 2)
        return groups


def _vector(octets: bytes, length: int) -> tuple[bytes, bytes]:
    """Split off what a length of so many octets stands before."""
    end = length + int.from_bytes(octets[:length])
    return octets[length:end], octets[end:]
