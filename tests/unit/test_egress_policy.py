from dataclasses import replace
from ipaddress import ip_network

import pytest

from ocsp_exporter.model import EgressPolicy, Follow
from ocsp_exporter.probing.egress_policy import Voucher, is_within, literal_address, objection

DEFAULT = EgressPolicy()
NETWORK = (ip_network("10.0.0.0/8"),)
TRUSTED = "egress.follow is trusted and no trusted root stands behind the URL"


@pytest.mark.parametrize(
    ("policy", "vouched_by", "told"),
    [
        (DEFAULT, Voucher.TRUST, None),
        (DEFAULT, Voucher.NOBODY, f"ca.example (10.0.0.1) is not in egress.allow, {TRUSTED}"),
        (
            EgressPolicy(Follow.LISTED),
            Voucher.TRUST,
            "ca.example (10.0.0.1) is not in egress.allow, egress.follow is listed",
        ),
        (EgressPolicy(Follow.LISTED), Voucher.OPERATOR, None),
        (DEFAULT, Voucher.OPERATOR, None),
        (EgressPolicy(Follow.ANY), Voucher.NOBODY, None),
        *(
            (replace(EgressPolicy(follow), **allow), Voucher.NOBODY, None)
            for follow in Follow
            for allow in ({"allowed_hosts": frozenset({"ca.example"})}, {"allowed": NETWORK})
        ),
        *(
            (
                EgressPolicy(follow, frozenset({"ca.example"}), NETWORK, NETWORK),
                voucher,
                "10.0.0.1 is in egress.deny (10.0.0.0/8)",
            )
            for follow in Follow
            for voucher in Voucher
        ),
    ],
)
def test_who_may_be_asked(policy: EgressPolicy, vouched_by: Voucher, told: str | None) -> None:
    """A root vouches under `trusted`, the operator always, `any` and what is allowed need nobody; denied is denied."""
    assert objection(policy, "ca.example", "10.0.0.1", vouched_by) == told


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("169.254.169.254", "169.253.255.255"),
        ("fe80::1", "fec0::1"),
        ("100.100.100.200", "100.100.100.201"),
        ("168.63.129.16", "168.63.129.17"),
        ("fd00:ec2::254", "fd00:ec2::253"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - not to listen on
        ("224.0.0.1", "223.255.255.255"),
        ("ff02::1", "::1"),
        ("::ffff:169.254.169.254", "::ffff:169.253.255.255"),
        ("64:ff9b::a9fe:a9fe", "64:ff9b::a9fd:ffff"),
        ("64:ff9b:1::a9fe:a9fe", "64:ff9b:1::a9fd:ffff"),
        ("64:ff9b:1:a9fe:a9:fe00:a00:1", "64:ff9b:1:a9fd:ff:ff00:a00:1"),
        ("64:ff9b:1:a9:fe:a9fe:a00:1", "64:ff9b:1:a9:fd:ffff:a00:1"),
        ("64:ff9b:1:0:a9:fea9:fe00:1", "64:ff9b:1:0:a9:fdff:ff00:1"),
        ("::ffff:0:a9fe:a9fe", "::ffff:0:a9fd:ffff"),
        ("::a9fe:a9fe", "::a9fd:ffff"),
        ("::", "::1"),
        ("2002:a9fe:a9fe::1", "2002:a9fd:ffff::1"),
    ],
)
def test_what_is_denied_by_default_is_denied_in_every_form(bad: str, good: str) -> None:
    """Neither IPv6 forms of an IPv4 address nor any permission help; the address beside it is fine."""
    policy = EgressPolicy(Follow.ANY, frozenset({"ca.example"}), (ip_network("::/0"), ip_network("0.0.0.0/0")))
    told = objection(policy, "ca.example", bad, Voucher.TRUST)
    assert told
    assert told.startswith(f"{bad} is in egress.deny (")
    assert objection(policy, "ca.example", good, Voucher.TRUST) is None


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("2002:a00:1::1", "::ffff:10.0.0.1"),
        ("64:ff9b:1::a00:1", "64:ff9b::a00:1"),
        ("64:ff9b:1:808:8:800:a00:1", "::a00:1"),
    ],
)
def test_what_is_allowed_is_where_packets_surely_arrive(bad: str, good: str) -> None:
    """An address that ends in an allowed one in some networks only leads elsewhere in others."""
    policy = EgressPolicy(Follow.LISTED, allowed=NETWORK)
    assert objection(policy, "ca.example", good, Voucher.NOBODY) is None
    assert objection(policy, "ca.example", bad, Voucher.NOBODY)


FAR, PRIVATE, HERE = "8.8.8.8", "10.0.0.1", "127.0.0.1"


@pytest.mark.parametrize(
    ("led_by", "address", "may"),
    [
        (FAR, "2606:4700::1111", True),
        (FAR, PRIVATE, False),
        (FAR, HERE, False),
        (PRIVATE, FAR, True),
        (PRIVATE, "192.168.0.1", True),
        (PRIVATE, HERE, False),
        (HERE, FAR, True),
        (HERE, PRIVATE, True),
        (HERE, "::1", True),
        (None, HERE, True),
        *((FAR, form, False) for form in ("::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "fd00::1")),
        *((FAR, form, False) for form in ("100.64.0.1", "64:ff9b:1:7f00:0:100::", "::ffff:10.0.0.1")),
        ("::ffff:8.8.8.8", PRIVATE, False),
        ("2002:808:808::1", PRIVATE, False),
        ("::ffff:10.0.0.1", PRIVATE, True),
    ],
)
@pytest.mark.parametrize("vouched_by", [Voucher.OPERATOR, Voucher.CLIENT, Voucher.TRUST])
def test_nobody_is_led_nearer_than_who_leads_him(
    vouched_by: Voucher, led_by: str | None, address: str, *, may: bool
) -> None:
    """From the internet to a network that is not public, or from there to this machine; unless that is allowed."""
    policy = EgressPolicy(denied=())
    told = objection(policy, "ca.example", address, vouched_by, led_by)
    assert told == (
        None
        if may
        else f"ca.example ({address}) is not in egress.allow, and {led_by}, which redirects there, is farther away"
    )
    assert objection(replace(policy, follow=Follow.ANY), "ca.example", address, Voucher.NOBODY, led_by) == told
    by_name = replace(policy, allowed_hosts=frozenset({"ca.example"}))
    assert objection(by_name, "ca.example", address, vouched_by, led_by) is None


def test_a_host_is_allowed_by_its_name_alone() -> None:
    """In whatever case, with a dot at the end or without; a name below it is another."""
    policy = EgressPolicy(Follow.LISTED, frozenset({"ca.example"}))
    assert objection(policy, "CA.Example.", "192.0.2.1", Voucher.NOBODY) is None
    assert objection(policy, "ca.example", None, Voucher.NOBODY) is None
    for host in ("www.ca.example", "ca.example.org", "192.0.2.1"):
        assert objection(policy, host, "192.0.2.1", Voucher.NOBODY)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1.", "10.0.0.1"),
        ("10.1", "10.0.0.1"),
        ("0x0a000001", "10.0.0.1"),
        ("012.0.0.1", "10.0.0.1"),
        ("167772161", "10.0.0.1"),
        ("::1", "::1"),
        ("ca.example", None),
        ("10.example", None),
        ("", None),
    ],
)
def test_an_address_is_known_in_every_spelling(host: str, address: str | None) -> None:
    """As the resolver reads it."""
    assert literal_address(host) == address


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
        ("10.0.0.0/8", "64:ff9b::10.1.2.3", "64:ff9b::11.1.2.3"),
        ("10.0.0.0/8", "64:ff9b:1::10.1.2.3", "64:ff9b:1::11.1.2.3"),
        ("10.0.0.0/8", "2002:a01:203::1", "2002:b01:203::1"),
        ("::/0", "2001:db8::1", "::ffff:169.254.169.254"),
        ("::/0", "::1", "64:ff9b::a9fe:a9fe"),
        ("::/0", "fe80::1", "2002:a9fe:a9fe::1"),
        ("0.0.0.0/0", "169.254.169.254", "2001:db8::1"),
        ("127.0.0.0/8", "127.0.0.1", "::1"),
        ("127.0.0.0/8", "::127.0.0.1", "::"),
    ],
)
def test_what_is_in_a_network(network: str, inside: str, outside: str) -> None:
    """An address is judged by where packets to it end: IPv4 within IPv6 as IPv4, by no network of IPv6 addresses."""
    assert is_within((ip_network(network),), inside)
    assert not is_within((ip_network(network),), outside)
    assert is_within((ip_network(network), ip_network("0.0.0.0/0"), ip_network("::/0")), outside)
    assert not is_within((), inside)
