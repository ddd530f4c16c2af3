import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.model import Module, ProberKind, StartTLS, Target
from ocsp_exporter.target import TargetError, parse_crl_target, parse_file_target, parse_host, parse_target, read_target

CA = Authority.root(1_800_000_000.0)

ACCEPTED = (
    "accepted are HOST, HOST:PORT and [IPv6]:PORT, with or without https://, tls:// or a protocol such as "
    "smtp:// in front"
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.org", "example.org", 443),
        ("example.org:8443", "example.org", 8443),
        ("EXAMPLE.org", "EXAMPLE.org", 443),
        ("example.org.", "example.org.", 443),
        ("localhost", "localhost", 443),
        ("under_score.example.org", "under_score.example.org", 443),
        ("1and1.example", "1and1.example", 443),
        ("192.0.2.1", "192.0.2.1", 443),
        ("192.0.2.1:1", "192.0.2.1", 1),
        ("192.0.2.1:65535", "192.0.2.1", 65535),
        ("[2001:db8::1]:8443", "2001:db8::1", 8443),
        ("[2001:db8::1]", "2001:db8::1", 443),
        ("::1", "::1", 443),
        ("2001:db8::1:8443", "2001:db8::1:8443", 443),
        ("fe80::1%eth0", "fe80::1%eth0", 443),
        ("[fe80::1%eth0]:8443", "fe80::1%eth0", 8443),
        ("[fe80::1%25eth0]:8443", "fe80::1%eth0", 8443),
        ("[fe80::1%25]", "fe80::1%25", 443),
        ("[::ffff:192.0.2.1]:8443", "::ffff:192.0.2.1", 8443),
        ("https://example.org", "example.org", 443),
        ("HTTPS://example.org", "example.org", 443),
        ("tls://example.org:8443", "example.org", 8443),
        ("tls://[::1]:8443", "::1", 8443),
        ("https://example.org/path?query=1#fragment", "example.org", 443),
        ("https://example.org:8443?query", "example.org", 8443),
        ("example.org#fragment", "example.org", 443),
        ("example.org/login?from=smtp://mail.example.org", "example.org", 443),
        ("https://example.org/@user", "example.org", 443),
        ("münchen.example", "xn--mnchen-3ya.example", 443),
        ("https://\uff25\uff38\uff21\uff2d\uff30\uff2c\uff25.org:8443", "example.org", 8443),
        ("a" * 63 + ".example", "a" * 63 + ".example", 443),
    ],
)
def test_a_target_names_a_host_and_a_port(text: str, host: str, port: int) -> None:
    """Host and port are read from every accepted form, and the name stays the text as given."""
    starttls = StartTLS.NONE if text.lower().startswith(("https://", "tls://")) else None
    assert parse_target(text) == Target(name=text, host=host, port=port, starttls=starttls)


@pytest.mark.parametrize(
    ("scheme", "starttls", "port"),
    [
        ("https", StartTLS.NONE, 443),
        ("tls", StartTLS.NONE, 443),
        ("smtp", StartTLS.SMTP, 25),
        ("lmtp", StartTLS.LMTP, 24),
        ("imap", StartTLS.IMAP, 143),
        ("pop3", StartTLS.POP3, 110),
        ("ftp", StartTLS.FTP, 21),
        ("ldap", StartTLS.LDAP, 389),
        ("xmpp-client", StartTLS.XMPP_CLIENT, 5222),
        ("xmpp-server", StartTLS.XMPP_SERVER, 5269),
        ("postgres", StartTLS.POSTGRES, 5432),
        ("mysql", StartTLS.MYSQL, 3306),
        ("sieve", StartTLS.SIEVE, 4190),
        ("nntp", StartTLS.NNTP, 119),
        ("irc", StartTLS.IRC, 6667),
        ("nats", StartTLS.NATS, 4222),
    ],
)
def test_a_scheme_says_how_tls_starts_and_on_which_port(scheme: str, starttls: StartTLS, port: int) -> None:
    """The scheme beats the module; a module's protocol gives the port where there is no scheme; a port beats both."""
    for module in (StartTLS.NONE, StartTLS.IMAP):
        assert parse_target(f"{scheme}://a", module) == Target(f"{scheme}://a", "a", port, starttls)
        assert parse_target(f"{scheme.upper()}://a:1/b", module) == Target(
            f"{scheme.upper()}://a:1/b", "a", 1, starttls
        )
    assert parse_target("a", starttls) == Target("a", "a", port, None)
    assert parse_target("a:1", starttls) == Target("a:1", "a", 1, None)


def test_nats_auto_is_for_modules_only() -> None:
    """It has the port of nats, and no scheme of its own."""
    assert parse_target("a", StartTLS.NATS_AUTO) == Target("a", "a", 4222, None)
    with pytest.raises(TargetError, match='the scheme "nats-auto" is not known'):
        parse_target("nats-auto://a")


SCHEMES = (
    "https, tls, smtp, lmtp, imap, pop3, ftp, ldap, xmpp-client, xmpp-server, postgres, mysql, sieve, nntp, irc, nats"
)
NO_HOST = "that is not a host name or an IP address"
BAD_PORT = "the port must be a number from 1 to 65535, without leading zeros"
BAD_IPV4 = "that is not an IPv4 address in four decimal parts"
BAD_IPV6 = "that is not an IPv6 address"
BAD_BRACKETS = "the brackets around an IPv6 address hold all of it, and only :PORT may follow them"
BAD_ZONE = "what follows the % is not the zone of an IPv6 address"
INVISIBLE = "it has white space or an invisible character"
USERINFO = "a user name or password has no place in a target"


@pytest.mark.parametrize(
    ("bad", "shown", "why", "good"),
    [
        ("", "", "it is empty", "a"),
        ("https://", "https://", "the host is missing", "https://a"),
        (":443", ":443", "the host is missing", "a:443"),
        ("[]:443", "[]:443", BAD_IPV6, "[::]:443"),
        ("a:", "a:", BAD_PORT, "a:1"),
        ("a:0", "a:0", BAD_PORT, "a:10"),
        ("a:65536", "a:65536", BAD_PORT, "a:65535"),
        ("a:0443", "a:0443", BAD_PORT, "a:443"),
        ("a:+443", "a:+443", BAD_PORT, "a:443"),
        ("a:https", "a:https", BAD_PORT, "a:443"),
        ("a:٤٤٣", "a:٤٤٣", BAD_PORT, "a:443"),
        ("a:1:2", "a:1:2", BAD_IPV6, "a:12"),
        ("[::1", "[::1", BAD_BRACKETS, "[::1]"),
        ("[::1]443", "[::1]443", BAD_BRACKETS, "[::1]:443"),
        ("[::1]:", "[::1]:", BAD_PORT, "[::1]:443"),
        ("[a]:443", "[a]:443", BAD_IPV6, "[::a]:443"),
        ("[192.0.2.1]:443", "[192.0.2.1]:443", BAD_IPV6, "[::192.0.2.1]:443"),
        ("[::1%]", "[::1%]", BAD_ZONE, "[::1%1]"),
        ("::1%a%b", "::1%a%b", BAD_ZONE, "::1%a-b"),
        ("192.0.2.256", "192.0.2.256", BAD_IPV4, "192.0.2.255"),
        ("127.1", "127.1", BAD_IPV4, "127.0.0.1"),
        ("0x7f000001", "0x7f000001", BAD_IPV4, "x0x7f000001"),
        ("443", "443", BAD_IPV4, "a443"),
        ("192.0.2.1.", "192.0.2.1.", BAD_IPV4, "192.0.2.1"),
        ("\uff11\uff12\uff17.1", "\uff11\uff12\uff17.1", BAD_IPV4, "\uff11\uff12\uff17.0.0.1"),
        ("a..b", "a..b", NO_HOST, "a.b"),
        (".", ".", NO_HOST, "a."),
        ("a%2eb", "a%2eb", NO_HOST, "a.b"),
        ("a\\b", "a\\b", NO_HOST, "a/b"),
        ("*.example.org", "*.example.org", NO_HOST, "w.example.org"),
        ("a" * 64, "a" * 64, NO_HOST, "a" * 63),
        (" a", " a", INVISIBLE, "a"),
        ("a\n", "a\\n", INVISIBLE, "a"),
        ("a\x00", "a\\x00", INVISIBLE, "a"),
        ("a\u202eb", "a\\u202eb", INVISIBLE, "ab"),
        ("a\ud800", "a\\ud800", INVISIBLE, "a"),
        ("☃.example", "☃.example", "that is not an international host name ", "ü.example"),
        ("user@a", "***@a", USERINFO, "a"),
        ("https://user:secret@a", "https://***@a", USERINFO, "https://a"),
        ("https://user:se#cret@a", "https://***@a", BAD_PORT, "https://a"),
        ("smtps://a", "smtps://a", f'the scheme "smtps" is not known; known are {SCHEMES}', "smtp://a"),
        ("://a", "://a", f'the scheme "" is not known; known are {SCHEMES}', "tls://a"),
        ("a:443://", "a:443://", f'the scheme "a:443" is not known; known are {SCHEMES}', "a:443/"),
        ("a." * 127, "a." * 40 + "…", "the host is longer than 253 characters", "a." * 126),
        ("ü" * 254, "ü" * 80 + "…", "the host is longer than 253 characters", "ü"),
        ("a/" + "b" * 2047, "a/" + "b" * 78 + "…", "it is longer than 2048 characters", "a/" + "b" * 2046),
    ],
)
def test_what_names_no_target_is_refused_in_a_sentence(bad: str, shown: str, why: str, good: str) -> None:
    """The sentence quotes what was given, says what is wrong and what is accepted; the good twin is accepted."""
    parse_target(good)
    with pytest.raises(TargetError) as caught:
        parse_target(bad)
    message = str(caught.value)
    assert message.startswith(f'target "{shown}": {why}')
    assert message.endswith(f"; {ACCEPTED}")


@pytest.mark.parametrize(
    ("text", "host"), [("example.org", "example.org"), ("::1", "::1"), ("münchen.example", "xn--mnchen-3ya.example")]
)
def test_a_host_by_itself(text: str, host: str) -> None:
    """A host is a name, which is given in ASCII, or an address without brackets."""
    assert parse_host(text) == host


@pytest.mark.parametrize("text", ["", "a:443", "[::1]", "a/b", "a@b", "a b", "\n", "ü\n"])
def test_what_is_more_or_less_than_a_host_is_refused(text: str) -> None:
    """A port, brackets, a path or white space do not belong to a host."""
    with pytest.raises(ValueError, match=r"^(that is not |the host is missing)"):
        parse_host(text)


@settings(deadline=None)
@given(st.text() | st.text(alphabet="ahtps:/[]@.%-_019fé☃#? "))
def test_any_text_is_a_target_or_a_target_error(text: str) -> None:
    """Nothing but TargetError is raised, and what is accepted can be resolved and connected to."""
    try:
        target = parse_target(text)
    except TargetError:
        return
    assert target.name == text
    assert target.host.isascii()
    assert 0 < len(target.host) <= 253
    assert 1 <= target.port <= 65535


@pytest.mark.parametrize(
    ("text", "host", "port", "location"),
    [
        ("http://ca.example/ca.crl", "ca.example", 80, "http://ca.example/ca.crl"),
        ("https://ca.example/ca.crl?delta=0", "ca.example", 443, "https://ca.example/ca.crl?delta=0"),
        ("HTTP://[::1]:8080", "::1", 8080, "HTTP://[::1]:8080"),
        ("/var/lib/ca/ca.crl", "", 0, "/var/lib/ca/ca.crl"),
        ("file:///var/lib/ca/ca.crl", "", 0, "/var/lib/ca/ca.crl"),
    ],
)
def test_a_crl_is_a_url_or_the_path_of_a_file(text: str, host: str, port: int, location: str) -> None:
    """What is fetched is the text itself; only a path is a file."""
    target = Target(name=text, host=host, port=port, location=location)
    assert parse_crl_target(text) == read_target(text, Module("", ProberKind.CRL)) == target
    assert target.is_file is (not host)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("ca.example/ca.crl", "that is neither an http(s) URL nor an absolute path"),
        ("ca.crl", "that is neither an http(s) URL nor an absolute path"),
        ("file://ca.crl", "that is neither an http(s) URL nor an absolute path"),
        ("ldap://ca.example/cn=CA", "that is neither an http(s) URL nor an absolute path"),
        ("http:///ca.crl", "the host is missing"),
        ("http://ca.example:0/ca.crl", "the port must be a number from 1 to 65535, without leading zeros"),
        ("http://user@ca.example/ca.crl", "a user name or password has no place in a target"),
        ("/a\nb", "it has white space or an invisible character"),
    ],
)
def test_a_text_that_names_no_crl_is_refused_with_a_sentence(text: str, told: str) -> None:
    """The sentence says what is wrong, and what is accepted."""
    with pytest.raises(TargetError) as raised:
        parse_crl_target(text)
    accepted = "accepted are http://HOST/PATH, https://HOST/PATH and the absolute path of a file"
    assert str(raised.value).endswith(f": {told}; {accepted}")


def test_a_responder_is_a_url() -> None:
    """What is asked is the text itself."""
    module = Module("", ProberKind.RESPONDER)
    for text, host, port in (
        ("http://ocsp.example", "ocsp.example", 80),
        ("https://ocsp.example/ca?a=b", "ocsp.example", 443),
        ("HTTP://[2001:db8::1]:8080/", "2001:db8::1", 8080),
    ):
        assert read_target(text, module) == Target(text, host, port, location=text)


@pytest.mark.parametrize(
    ("urls", "location", "host", "port"),
    [
        (["http://ocsp.example:8080/a"], "http://ocsp.example:8080/a", "ocsp.example", 8080),
        (
            ["ldap://ca.example/", "http://", "https://a.example", "http://b"],
            "https://a.example",
            "a.example",
            443,
        ),
    ],
)
def test_a_responder_without_a_url_is_the_first_that_its_certificate_names_on_the_web(
    urls: list[str], location: str, host: str, port: int
) -> None:
    """The target's name stays the text as given: nothing. A URL that is given goes before those in the certificate."""
    module = Module("", ProberKind.RESPONDER, certificate=CA.leaf(ocsp_urls=urls).certificate)
    assert read_target("", module) == Target("", host, port, location=location)
    assert read_target("http://c.example", module).location == "http://c.example"


@pytest.mark.parametrize("urls", [(), ("ldap://ca.example/",), ("http://user@ca.example/",)])
def test_a_responder_that_nobody_names_is_refused(urls: tuple[str, ...]) -> None:
    """The sentence says where its URL was looked for."""
    told = "^the target is empty, and the module names no certificate in which an http"
    module = Module("", ProberKind.RESPONDER, certificate=CA.leaf(ocsp_urls=urls).certificate)
    for each in (module, Module("", ProberKind.RESPONDER)):
        with pytest.raises(TargetError, match=told):
            read_target("", each)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ocsp.example", "that is no http(s) URL"),
        ("/ocsp", "that is no http(s) URL"),
        ("ldap://ocsp.example/", "that is no http(s) URL"),
        ("http://", "the host is missing"),
        ("http://user:secret@ocsp.example/", "a user name or password has no place in a target"),
        (" ", "it has white space or an invisible character"),
    ],
)
def test_a_text_that_names_no_responder_is_refused_with_a_sentence(text: str, told: str) -> None:
    """The sentence says what is wrong, and what is accepted; it keeps a password."""
    with pytest.raises(TargetError) as raised:
        read_target(text, Module("", ProberKind.RESPONDER))
    accepted = "accepted are http://HOST/PATH, https://HOST/PATH, and nothing for the certificate's own"
    assert str(raised.value).endswith(f": {told}; {accepted}")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["/etc/haproxy/a.pem.ocsp", "/var/lib/nats/ocsp/*", "/a b/**/[ab]?.ocsp", "/ü"])
def test_a_staple_file_is_an_absolute_path_or_a_glob(text: str) -> None:
    """The text is where it is, as it stands."""
    target = Target(name=text, host="", port=0, location=text)
    assert parse_file_target(text) == read_target(text, Module("", ProberKind.FILE)) == target
    assert target.is_file


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("staples/*", "that is not an absolute path"),
        ("file:///a", "that is not an absolute path"),
        ("/var/lib/nats/ocsp/", "that is a folder"),
        ("/a\nb", "it has white space or an invisible character"),
        ("/" + 2048 * "a", "it is longer than 2048 characters"),
    ],
)
def test_a_text_that_names_no_staple_file_is_refused_with_a_sentence(text: str, told: str) -> None:
    """The sentence says what is wrong, and what is accepted."""
    with pytest.raises(TargetError) as raised:
        parse_file_target(text)
    assert f": {told}; accepted are absolute paths of staple files" in str(raised.value)


def test_other_probers_take_no_url_for_what_it_leads_to() -> None:
    """For a handshake the path of a URL means nothing, and a path names no host."""
    assert read_target("https://a.example/b", Module("")).location is None
    assert read_target("a.example", Module("", starttls=StartTLS.SMTP)).port == 25
    with pytest.raises(TargetError):
        read_target("/var/lib/ca/ca.crl", Module(""))
