"""What servers say before TLS, and what our client says to them, word for word: one row for each protocol.

Server and client take turns; whoever has nothing to say at its turn says `b""`. The client's words are compared
with what it really sends.
"""

from dataclasses import dataclass

from ocsp_exporter.model import StartTLS


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server that does as in the dialogue up to its `turn`th turn (from 0), and there says `says` instead.

    `detail` is what the failure's detail says, and `goodbye` what the client leaves with.
    """

    turn: int
    says: bytes
    detail: str
    goodbye: bytes = b""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation that leads to TLS, others that differ from it in one turn, and do so too, and some that do not.

    `turns` are the server's and the client's in pairs, the server's go-ahead in the last one. `endless` is what a
    server says again and again when it never comes to an end, `huge` the beginning of a message of 10 MB.
    """

    protocol: StartTLS
    turns: tuple[tuple[bytes, bytes], ...]
    endless: bytes
    huge: bytes
    variants: tuple[tuple[int, bytes], ...] = ()
    refusals: tuple[Refusal, ...] = ()


QUIT = b"QUIT\r\n"
NO_TLS = "the server does not start TLS: "


def xmpp(protocol: StartTLS, name_space: str) -> Dialogue:
    """XMPP is the same for clients and servers but for the name space."""
    header = (
        f"<?xml version='1.0'?><stream:stream to='127.0.0.1' version='1.0' xmlns='{name_space}' "
        "xmlns:stream='http://etherx.jabber.org/streams'>"
    ).encode()
    stream = (
        b"<?xml version='1.0'?>\n<stream:stream id=\"a>b\" from='127.0.0.1' xmlns='jabber:client' "
        b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
    )
    tls = b"xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
    starttls = b"<starttls " + tls + b"/>"
    mechanisms = b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>it's</mechanism></mechanisms>"
    features = b"<stream:features><starttls " + tls + b"><required/></starttls>" + mechanisms + b"</stream:features>"
    goodbye = b"</stream:stream>"
    return Dialogue(
        protocol,
        turns=((b"", header), (stream + features, starttls), (b"<proceed " + tls + b"/>", b"")),
        variants=(
            (1, stream + b"\n <stream:features>" + starttls + b"</stream:features>"),
            (
                1,
                stream.replace(b"'", b'"')
                + b'<features><starttls xmlns = "urn:ietf:params:xml:ns:xmpp-tls" /></features>',
            ),
            (2, b"<proceed " + tls + b"></proceed>"),
        ),
        refusals=(
            Refusal(1, stream + b"<stream:features/>", "do not offer starttls", goodbye),
            Refusal(1, stream + b"<stream:features>" + mechanisms + b"</stream:features>", "do not offer", goodbye),
            Refusal(
                1, stream + b"<stream:features><starttls xmlns='other'/></stream:features>", "do not offer", goodbye
            ),
            Refusal(
                1,
                stream + b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
                "<stream:error><host-unknown ",
                goodbye,
            ),
            Refusal(
                1, b"<!DOCTYPE a [<!ENTITY a 'aaaa'>]>" + stream + features, 'a tag of XML: "<!DOCTYPE a [<!ENTITY'
            ),
            Refusal(1, b"<a>" + features, 'expected the beginning of a stream: "<a>"'),
            Refusal(1, stream + b"<stream:features><!-- " + starttls + b" --></stream:features>", 'XML: "<!-- '),
            Refusal(2, b"<failure " + tls + b"/></stream:stream>", NO_TLS + '"<failure xmlns', goodbye),
            Refusal(2, b"<proceed/>", NO_TLS + '"<proceed/>"', goodbye),
            Refusal(2, b"<proceed " + tls + b"><a/></proceed>", 'expected nothing within proceed: "<a/>"'),
        ),
        endless=b"<a/>",
        huge=b"<stream:stream a='",
    )


_MYSQL_GREETING = (
    b"\x0a8.0.1-scripted\x00"  # protocol and version
    b"\x07\x00\x00\x00abcdefgh\x00"  # the connection's number, half of the salt, a filler
    b"\xff\xff\x21\x02\x00\xff\xc7"  # capabilities, character set, status, more capabilities
    b"\x15" + bytes(10) + b"ijklmnopqrst\x00mysql_native_password\x00"
)


def _mysql(payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + b"\x00" + payload


DIALOGUES = (
    Dialogue(
        StartTLS.SMTP,
        turns=(
            (b"220 mx.example ESMTP\r\n", b"EHLO [127.0.0.1]\r\n"),
            (b"250-mx.example\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n", b"STARTTLS\r\n"),
            (b"220 2.0.0 Ready to start TLS\r\n", b""),
        ),
        variants=(
            (0, b"220-mx.example ESMTP\r\n220-be\r\n220 welcome\r\n"),
            (0, b"220\r\n"),
            (1, b"250-mx.example\r\n250 starttls\r\n"),
            (1, b"250-mx.example\r\n250-STARTTLS \r\n250 8BITMIME\r\n"),
            (2, b"220-go\r\n220 ahead\r\n"),
            (2, b"220 go\n"),
        ),
        refusals=(
            Refusal(0, b"554 5.7.1 No SMTP service here\r\n", NO_TLS + '"554 5.7.1 No SMTP service here"', QUIT),
            Refusal(0, b"421 too busy\x1b[31m\r\n", '"421 too busy\\x1b[31m"', QUIT),
            Refusal(0, b"hello\r\n", 'expected a reply that begins with three digits: "hello"'),
            Refusal(0, b"220-a\r\n250 b\r\n", 'a line within a reply is not one: "250 b"'),
            Refusal(1, b"502 5.5.2 Command not recognized\r\n", "502 5.5.2", QUIT),
            Refusal(1, b"250-mx.example\r\n250 8BITMIME\r\n", "its answer to EHLO does not offer STARTTLS", QUIT),
            Refusal(1, b"250 STARTTLS\r\n", "does not offer STARTTLS", QUIT),
            Refusal(1, b"250-mx.example\r\n250-STARTTLSX\r\n250 \r\n", "does not offer STARTTLS", QUIT),
            Refusal(2, b"454 4.7.0 TLS not available\r\n", NO_TLS + '"454 4.7.0 TLS not available"', QUIT),
        ),
        endless=b"220-and\r\n",
        huge=b"220 ",
    ),
    Dialogue(
        StartTLS.LMTP,
        turns=(
            (b"220 mx.example LMTP\r\n", b"LHLO [127.0.0.1]\r\n"),
            (b"250-mx.example\r\n250 STARTTLS\r\n", b"STARTTLS\r\n"),
            (b"220 go ahead\r\n", b""),
        ),
        refusals=(
            Refusal(0, b"421 later\r\n", "421 later", QUIT),
            Refusal(1, b"250 mx.example\r\n", "its answer to LHLO does not offer STARTTLS", QUIT),
            Refusal(2, b"501 no\r\n", "501 no", QUIT),
        ),
        endless=b"220-and\r\n",
        huge=b"220 ",
    ),
    Dialogue(
        StartTLS.IMAP,
        turns=(
            (b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", b"a1 STARTTLS\r\n"),
            (b"a1 OK Begin TLS negotiation now.\r\n", b""),
        ),
        variants=((0, b"* ok\r\n"), (1, b"* CAPABILITY IMAP4rev1\r\n* 1 EXISTS\r\na1 ok go\r\n")),
        refusals=(
            Refusal(0, b"* BYE overloaded\r\n", NO_TLS + '"* BYE overloaded"', b"a2 LOGOUT\r\n"),
            Refusal(0, b"* PREAUTH welcome back\r\n", NO_TLS + '"* PREAUTH welcome back"', b"a2 LOGOUT\r\n"),
            Refusal(0, b"* OKAY\r\n", '"* OKAY"', b"a2 LOGOUT\r\n"),
            Refusal(1, b"a1 BAD TLS support isn't enabled.\r\n", "a1 BAD TLS support", b"a2 LOGOUT\r\n"),
            Refusal(1, b"a1 NO no certificate\r\n", "a1 NO no certificate", b"a2 LOGOUT\r\n"),
            Refusal(1, b"* BYE going down\r\na2 OK\r\n", '"a2 OK"', b"a2 LOGOUT\r\n"),
        ),
        endless=b"* OK more\r\n",
        huge=b"* OK ",
    ),
    Dialogue(
        StartTLS.POP3,
        turns=((b"+OK ready <1@mx.example>\r\n", b"STLS\r\n"), (b"+OK Begin TLS negotiation\r\n", b"")),
        variants=((0, b"+OK\r\n"),),
        refusals=(
            Refusal(0, b"-ERR [SYS/TEMP] locked\r\n", NO_TLS + '"-ERR [SYS/TEMP] locked"', QUIT),
            Refusal(0, b"+OKAY\r\n", '"+OKAY"', QUIT),
            Refusal(1, b"-ERR Unknown command\r\n", "-ERR Unknown command", QUIT),
        ),
        endless=b"+OK more\r\n",
        huge=b"+OK ",
    ),
    Dialogue(
        StartTLS.FTP,
        turns=((b"220 ready\r\n", b"AUTH TLS\r\n"), (b"234 AUTH TLS successful\r\n", b"")),
        variants=(
            (0, b"220-Welcome\r\n to the archive\r\n\r\n230 files\r\n220-still\r\n220 ready\r\n"),
            (1, b"234-AUTH\r\n234 successful\r\n"),
        ),
        refusals=(
            Refusal(0, b"120 in ten minutes\r\n", 'begins with three digits: "120 in ten minutes"'),
            Refusal(0, b"421 too many users\r\n", "421 too many users", QUIT),
            Refusal(1, b"500 AUTH not understood\r\n", NO_TLS + '"500 AUTH not understood"', QUIT),
            Refusal(1, b"334 ADAT=\r\n", "334 ADAT", QUIT),
        ),
        endless=b"220-and\r\n",
        huge=b"220 ",
    ),
    Dialogue(
        StartTLS.LDAP,
        turns=(
            (b"", bytes.fromhex("301d 020101 7718 8016") + b"1.3.6.1.4.1.1466.20037"),
            (bytes.fromhex("300c 020101 7807 0a0100 0400 0400"), b""),
        ),
        variants=(
            # As Active Directory writes it: lengths of four octets, and the name of what was asked for.
            (
                1,
                bytes.fromhex("308400000028 020101 78840000001f 0a0100 0400 0400 8a16") + b"1.3.6.1.4.1.1466.20037",
            ),
        ),
        refusals=(
            Refusal(
                1,
                bytes.fromhex("3016 020101 7811 0a0102 0400 040a") + b"no TLS her",
                NO_TLS + '"result 02 no TLS her"',
                bytes.fromhex("30050201024200"),
            ),
            Refusal(
                1,
                bytes.fromhex("300c 020102 7807 0a0100 0400 0400"),
                NO_TLS + '"result 00',
                bytes.fromhex("30050201024200"),
            ),
            Refusal(
                1,
                bytes.fromhex("300c 020100 7807 0a0134 0400 0400"),
                NO_TLS + '"result 34',
                bytes.fromhex("30050201024200"),
            ),
            Refusal(
                1,
                bytes.fromhex("300c 020101 6107 0a0100 0400 0400"),
                NO_TLS + '"result 00',
                bytes.fromhex("30050201024200"),
            ),
            Refusal(1, bytes.fromhex("3003 020101"), "the answer to StartTLS is not one of LDAP"),
            Refusal(1, bytes.fromhex("300c 020101 7807 0a0100 0400 0500"), "not one of LDAP: expected tag 0x04"),
            Refusal(1, bytes.fromhex("300c 020101 7809 0a0100 0400 0400"), "not one of LDAP: an element is longer"),
            Refusal(1, b"HTTP/1.1 400", "expected a message of LDAP, which does not begin with 4854"),
            Refusal(1, bytes.fromhex("3080 0000"), "does not begin with 3080"),
            Refusal(1, bytes.fromhex("3085 0000000000"), "does not begin with 3085"),
        ),
        endless=bytes.fromhex("308410000000"),
        huge=bytes.fromhex("308400989680"),
    ),
    xmpp(StartTLS.XMPP_CLIENT, "jabber:client"),
    xmpp(StartTLS.XMPP_SERVER, "jabber:server"),
    Dialogue(
        StartTLS.POSTGRES,
        turns=((b"", bytes.fromhex("00000008 04d2162f")), (b"S", b"")),
        refusals=(
            Refusal(1, b"N", NO_TLS + '"N"'),
            Refusal(1, b"E\x00\x00\x00\x40SFATAL", 'the answer to SSLRequest is S or N, and not "E"'),
            Refusal(1, b"s", 'and not "s"'),
        ),
        endless=b"EE",
        huge=b"E",
    ),
    Dialogue(
        StartTLS.MYSQL,
        turns=(
            (
                _mysql(_MYSQL_GREETING),
                bytes.fromhex("20 00 00 01 01 8a 00 00 00 00 00 01 21") + bytes(23),
            ),
        ),
        variants=((0, _mysql(_MYSQL_GREETING.replace(b"8.0.1-scripted", b"5.5.5-10.11.6-MariaDB"))),),
        refusals=(
            Refusal(0, _mysql(_MYSQL_GREETING.replace(b"\xff\xff\x21", b"\xff\xf7\x21")), "do not offer TLS"),
            Refusal(0, _mysql(b"\xff\x69\x04Host '10.0.0.1' is blocked"), NO_TLS + "\"Host '10.0.0.1' is blocked\""),
            Refusal(0, _mysql(b"\x09" + _MYSQL_GREETING[1:]), 'of MySQL\'s protocol 10: "8.0.1-scripted"'),
            Refusal(0, _mysql(_MYSQL_GREETING[:28]), "expected a greeting of MySQL's protocol 10"),
            Refusal(0, b"\x4a\x00\x00\x01" + _MYSQL_GREETING, "which does not begin with 4a000001"),
            Refusal(0, b"SSH-2.0-OpenSSH\r\n", "does not begin with 5353482d"),
        ),
        endless=b"\xff\xff\xff\x00",
        huge=b"\x80\x96\x98\x00\x0a",
    ),
    Dialogue(
        StartTLS.SIEVE,
        turns=(
            (b'"IMPLEMENTATION" "scripted"\r\n"SASL" "PLAIN"\r\n"STARTTLS"\r\nOK "ready."\r\n', b"STARTTLS\r\n"),
            (b'OK "Begin TLS negotiation now."\r\n', b""),
        ),
        variants=(
            (0, b'"IMPLEMENTATION" {8}\r\nOK\r\nno\r\n\r\n"starttls"\r\nok\r\n'),
            (0, b'"STARTTLS"\r\nOK {8}\r\nNO\r\nway!\r\n'),
            (1, b"OK\r\n"),
            (1, b"OK (WARNINGS) {5}\r\nbegin\r\n"),
        ),
        refusals=(
            Refusal(0, b'BYE "too many connections"\r\n', NO_TLS + '"BYE \\"too'.replace("\\", ""), b"LOGOUT\r\n"),
            Refusal(0, b'"SASL" "PLAIN"\r\nOK\r\n', "its capabilities do not offer STARTTLS", b"LOGOUT\r\n"),
            Refusal(0, b'"A" {10}\r\n"STARTTLS"\r\nOK\r\n', "do not offer STARTTLS", b"LOGOUT\r\n"),
            Refusal(0, b"hello\r\n", 'expected a capability: "hello"'),
            Refusal(1, b'NO "no certificate"\r\n', NO_TLS + '"NO ', b"LOGOUT\r\n"),
        ),
        endless=b'"AND" "so on"\r\n',
        huge=b'"IMPLEMENTATION" "',
    ),
    Dialogue(
        StartTLS.NNTP,
        turns=((b"200 ready, posting allowed\r\n", b"STARTTLS\r\n"), (b"382 Continue with TLS negotiation\r\n", b"")),
        variants=((0, b"201 ready, no posting\r\n"),),
        refusals=(
            Refusal(0, b"400 not now\r\n", NO_TLS + '"400 not now"', QUIT),
            Refusal(1, b"580 Can not initiate TLS negotiation\r\n", "580 Can not", QUIT),
            Refusal(1, b"500 What?\r\n", "500 What?", QUIT),
        ),
        endless=b"x" * 70,
        huge=b"200 ",
    ),
    Dialogue(
        StartTLS.IRC,
        turns=(
            (b"", b"STARTTLS\r\n"),
            (b":irc.example NOTICE * :*** Looking up\r\n:irc.example 670 * :STARTTLS successful\r\n", b""),
        ),
        variants=(
            (1, b"670 * :go ahead\r\n"),
            (1, b"@time=12:00 :irc.example 020 * :Please wait\r\n@a=b 670 * :go ahead\r\n"),
        ),
        refusals=(
            Refusal(1, b":irc.example 691 * :STARTTLS failure\r\n", "691 * :STARTTLS failure", QUIT),
            Refusal(1, b":irc.example 451 STARTTLS :Register first.\r\n", "451 STARTTLS", QUIT),
            Refusal(1, b"NOTICE * :x\r\nERROR :Closing link\r\n", NO_TLS + '"ERROR :Closing link"', QUIT),
            Refusal(1, b"\x16\x03\x01\r\n", "expected a message of IRC"),
        ),
        endless=b":irc.example NOTICE * :and\r\n",
        huge=b":irc.example NOTICE * :",
    ),
    Dialogue(
        StartTLS.NATS,
        turns=((b'INFO {"server_id":"A","tls_required":true,"max_payload":1048576} \r\n', b""),),
        variants=(
            (0, b'INFO {"tls_available":true}\r\n'),
            (0, b'info {"tls_required":true}\n'),
            (0, b'INFO {"connect_urls":["' + b"a" * 60000 + b'"],"tls_required":true}\r\n'),
        ),
        refusals=(
            Refusal(0, b"-ERR 'maximum connections exceeded'\r\n", NO_TLS + "\"-ERR 'maximum connections exceeded'\""),
            Refusal(0, b"INFO\r\n", "the server's INFO is not JSON"),
            Refusal(0, b'INFO {"tls_required":true\r\n', 'INFO is not JSON: "{'),
            Refusal(0, b"INFO " + b"[" * 50000 + b"\r\n", "INFO is not JSON"),
            Refusal(0, b'INFO {"n":' + b"9" * 5000 + b"}\r\n", "INFO is not JSON"),
            Refusal(0, b"INFO [true]\r\n", 'INFO is not an object: "[true]"'),
        ),
        endless=b"x" * 70,
        huge=b'INFO {"server_id":"',
    ),
    Dialogue(
        StartTLS.NATS_AUTO,
        turns=((b'INFO {"tls_required":true}\r\n', b""),),
        variants=((0, b""),),  # the server waits for TLS
        refusals=(Refusal(0, b"-ERR 'no'\r\n", "-ERR 'no'"),),
        endless=b"x" * 70,
        huge=b'INFO {"server_id":"',
    ),
)
