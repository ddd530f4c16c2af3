"""The table of what may be wrong in a configuration."""

from typing import Final

DURATION = "expected a duration such as 500ms, 10s, 5m or 1h30m"
KNOWN = "known here are probe, store, egress, probe_endpoint, modules, targets, file_sd_configs, http_sd_configs"
SIZE = "expected a size such as 512B, 256KiB or 64MiB"
NETWORK = "expected a network such as 10.0.0.0/8, or an address"
NETWORK_OR_HOST = "expected a network such as 10.0.0.0/8, an address or a host name"
NETWORK_OR_NAME = (
    "expected a network such as 10.0.0.0/8, an address, or a host name in ASCII in which * may stand for anything, "
    "such as *.example.org"
)
UNKNOWN_IN_EGRESS = (
    "unknown key; known here are follow, allow, deny, max_response_bytes, max_crl_bytes, requests_per_second_per_host, "
    "proxy_url"
)
RATE = "1:10: egress.requests_per_second_per_host"
UNKNOWN_IN_RESPONDER = (
    "unknown key; known here are query, urls, method, nonce, hash, timeout, refresh, trusted_certificates"
)
SOURCE_URL = "1:34: modules.a.responder.urls[0]"
HTTP_URL = "expected a URL that begins with http:// or https:// and a host"
NO_DIRECTORY = "directories are not asked; write the http:// URL that leads to the same"
HIDDEN = "it is not shown here, for a password may be in it"
SHORT_REFRESH = "expected 2m or more: nothing is fetched oftener than that"
PROXY = "expected the URL of a proxy, such as http://proxy.example.org:3128 (it is not shown here)"
WHOLE = "expected a whole number in decimal without leading zeros, or text in quotes"
GLOB = "expected the path of a file, or a glob of such paths"
MAPPING = "expected a mapping of keys to values"
TEXT = "expected text; put it in quotes if it is meant so"
TARGETS = "targets: [{targets: [a], %s}]"
NO_TARGET = (
    "accepted are HOST, HOST:PORT and [IPv6]:PORT, with or without https://, tls:// or a protocol such as "
    "smtp:// in front"
)
BUILT_IN = (
    "tls, smtp, lmtp, imap, pop3, ftp, ldap, xmpp-client, xmpp-server, postgres, mysql, sieve, nntp, irc, nats, "
    "nats-auto, nats-leafnode"
)
ALPN = "1:28: modules.a.tls_config.alpn"
MANY_ALPN = f"{ALPN}: expected a list of 16 at most (got a list)"
NO_ALPN = (
    "1:35: modules.a.tls_config.alpn[0]: expected the name of a protocol such as h2 or http/1.1, of 1 to 255 bytes"
)
NO_HOST = "that is not a host name or an IP address"
RESERVED = "is reserved: the exporter or Prometheus uses it; choose another"
BAD_LABEL = "a label name has only ASCII letters, digits, underscores, and begins with no digit"

#: A template, what makes it faulty, the fault (its file is f.yaml), and what makes it good.
FAULTS: Final = (
    # Durations
    ("probe: {interval: %s}", "60", f"1:9: probe.interval: {DURATION} (got 60)", "60s"),
    ("probe: {interval: %s}", "1.5s", f"1:9: probe.interval: {DURATION} (got 1.5s)", "1500ms"),
    ("probe: {interval: %s}", "-1s", f"1:9: probe.interval: {DURATION} (got -1s)", "1s"),
    ("probe: {interval: %s}", "1m1h", f"1:9: probe.interval: {DURATION} (got 1m1h)", "1h1m"),
    ("probe: {interval: %s}", "1 m", f"1:9: probe.interval: {DURATION} (got 1 m)", "1m"),
    ("probe: {interval: %s}", "1M", f"1:9: probe.interval: {DURATION} (got 1M)", "1m"),
    ("probe: {interval: %s}", '""', f'1:9: probe.interval: {DURATION} (got "")', '"1m"'),
    ("probe: {interval: %s}", '"1m\\n"', f'1:9: probe.interval: {DURATION} (got "1m\\n")', '"1m"'),
    ("probe: {interval: %s}", "~", f"1:9: probe.interval: {DURATION} (got ~)", "1m"),
    ("probe: {interval: %s}", "", f"1:9: probe.interval: {DURATION} (got nothing)", "1m"),
    ("probe: {interval: %s}", "[1m]", f"1:9: probe.interval: {DURATION} (got a list)", "1m"),
    ("probe: {interval: %s}", "101y", "1:9: probe.interval: expected a duration of at most 100y (got 101y)", "99y"),
    ("probe: {interval: %s}", "0s", "1:9: probe.interval: expected a duration longer than 0s (got 0s)", "1ms"),
    ("modules: {a: {timeout: %s}}", "0s", "1:15: modules.a.timeout: expected a duration longer than 0s (got 0s)", "1s"),
    ("modules: {a: {clock_skew: %s}}", "0", f"1:15: modules.a.clock_skew: {DURATION} (got 0)", "0s"),
    (
        "modules: {a: {max_age_without_next_update: %s}}",
        "1",
        f"1:15: modules.a.max_age_without_next_update: {DURATION} (got 1)",
        "0s",
    ),
    (TARGETS, "interval: 0s", "1:26: targets[0].interval: expected a duration longer than 0s (got 0s)", "interval: 1s"),
    # Numbers: none is made of text or truth, and none is read in another base than it seems
    ("probe: {concurrency: %s}", '"5"', '1:9: probe.concurrency: expected a whole number (got "5")', "5"),
    ("probe: {concurrency: %s}", "5.0", "1:9: probe.concurrency: expected a whole number (got 5.0)", "5"),
    ("probe: {concurrency: %s}", "true", "1:9: probe.concurrency: expected a whole number (got true)", "1"),
    ("probe: {concurrency: %s}", "many", "1:9: probe.concurrency: expected a whole number (got many)", "1"),
    ("probe: {concurrency: %s}", "0", "1:9: probe.concurrency: expected 1 or more (got 0)", "1"),
    ("probe: {concurrency: %s}", "0443", f"1:9: probe.concurrency: {WHOLE} (got 0443)", "443"),
    ("probe: {concurrency: %s}", "0x10", f"1:9: probe.concurrency: {WHOLE} (got 0x10)", "16"),
    ("probe: {concurrency: %s}", "1:30", f"1:9: probe.concurrency: {WHOLE} (got 1:30)", "90"),
    ("probe: {concurrency: %s}", "1_000", f"1:9: probe.concurrency: {WHOLE} (got 1_000)", "1000"),
    ("probe: {concurrency: %s}", "9" * 19, f"1:9: probe.concurrency: {WHOLE} (got {'9' * 19})", "9" * 18),
    (
        "probe: {concurrency: %s}",
        ".inf",
        "1:9: probe.concurrency: expected a number in decimal, or text in quotes (got .inf)",
        "1",
    ),
    (
        "probe: {concurrency: %s}",
        ".NaN",
        "1:9: probe.concurrency: expected a number in decimal, or text in quotes (got .NaN)",
        "1",
    ),
    ("probe_endpoint: {concurrency: %s}", "-1", "1:18: probe_endpoint.concurrency: expected 1 or more (got -1)", "1"),
    (
        "modules: {a: {staple: {handshakes: %s}}}",
        "0",
        "1:24: modules.a.staple.handshakes: expected 1 or more (got 0)",
        "1",
    ),
    (
        "modules: {a: {staple: {handshakes: %s}}}",
        "1001",
        "1:24: modules.a.staple.handshakes: expected 1000 or less (got 1001)",
        "1000",
    ),
    (
        "modules: {a: {staple: {retry_missing: %s}}}",
        "-1",
        "1:24: modules.a.staple.retry_missing: expected 0 or more (got -1)",
        "0",
    ),
    # Sizes
    *(
        ("egress: {max_response_bytes: %s}", bad, f"1:10: egress.max_response_bytes: {SIZE} (got {bad})", good)
        for bad, good in (
            ("262144", "262144B"),
            ("256kB", "256KiB"),
            ("256 KiB", "256KiB"),
            ("1.5MiB", "1536KiB"),
            ("-1B", "1B"),
            ("~", "1B"),
            ("true", "1B"),
        )
    ),
    *(
        (
            "egress: {max_response_bytes: %s}",
            bad,
            f"1:10: egress.max_response_bytes: expected a size from 1B to 1GiB (got {bad})",
            good,
        )
        for bad, good in (("0KiB", "1KiB"), ("1025MiB", "1024MiB"), ("999999999999GiB", "1GiB"))
    ),
    ("egress: {max_crl_bytes: %s}", "1000000", f"1:10: egress.max_crl_bytes: {SIZE} (got 1000000)", "1000000B"),
    # Rates
    *(
        ("egress: {requests_per_second_per_host: %s}", bad, f"{RATE}: {sentence} (got {bad})", good)
        for bad, sentence, good in (
            ("0", "expected more than 0", "1"),
            ("0.0", "expected more than 0", "0.1"),
            ("-1", "expected more than 0", "1"),
            ("true", "expected a number", "1"),
            ('"10"', "expected a number", "10"),
            ("10/s", "expected a number", "10.0"),
            (".inf", "expected a number in decimal, or text in quotes", "1000"),
        )
    ),
    # When to ask again
    *(
        (template, bad, f"{place}.refresh: {sentence} (got {bad})", "2m")
        for template, place in (
            ("modules: {a: {responder: {refresh: %s}}}", "1:27: modules.a.responder"),
            ("modules: {a: {crl: {refresh: %s}}}", "1:21: modules.a.crl"),
        )
        for bad, sentence in (("119s", SHORT_REFRESH), ("0s", SHORT_REFRESH), ("3600", DURATION))
    ),
    (
        "modules: {a: {responder: {timeout: %s}}}",
        "0s",
        "1:27: modules.a.responder.timeout: expected a duration longer than 0s (got 0s)",
        "1s",
    ),
    (
        "modules: {a: {crl: {timeout: %s}}}",
        "30",
        f"1:21: modules.a.crl.timeout: {DURATION} (got 30)",
        "30s",
    ),
    # Where to ask
    *(
        ('modules: {a: {responder: {urls: ["%s"]}}}', bad, f'{SOURCE_URL}: {HTTP_URL} (got "{bad}")', good)
        for bad, good in (
            ("ocsp.example.org", "http://ocsp.example.org"),
            ("ftp://a", "https://a"),
            ("http:///ocsp", "http://a/ocsp"),
            ("http:a", "http://a"),
            ("http://a:0", "http://a:1"),
            ("http://a:65536", "HTTP://a:65535"),
            ("http://[::1", "http://[::1]"),
            ("http://127.1/", "http://127.0.0.1/"),
            ("", "http://a?b"),
        )
    ),
    *(
        (
            'modules: {a: {responder: {urls: ["%s"]}}}',
            bad,
            f'{SOURCE_URL}: expected a URL in ASCII and without spaces; write others as %C3 or %20 (got "{shown}")',
            good,
        )
        for bad, shown, good in (
            ("http://a/ä", "http://a/ä", "http://a/%C3%A4"),
            ("http://a/b c", "http://a/b c", "http://a/b%20c"),
            ("http://a\\t", "http://a\\t", "http://a"),
        )
    ),
    (
        'modules: {a: {responder: {urls: ["%s"]}}}',
        f"http://a/{'b' * 2040}",
        f"{SOURCE_URL}: expected a URL of at most 2048 characters (got 2049)",
        f"http://a/{'b' * 2039}",
    ),
    (
        'modules: {a: {responder: {urls: ["%s"]}}}',
        "http://user:secret@a",
        f"{SOURCE_URL}: a user name or password has no place in this URL ({HIDDEN})",
        "http://a/user@b",
    ),
    *(
        (
            'modules: {a: {crl: {urls: ["%s"]}}}',
            bad,
            f'1:28: modules.a.crl.urls[0]: {NO_DIRECTORY} (got "{bad}")',
            "http://a/ca.crl",
        )
        for bad in ("ldap://a/cn=CA", "ldap:///cn=CA?certificateRevocationList", "LDAPS://a")
    ),
    ("modules: {a: {crl: {urls: %s}}}", "http://a", "1:21: modules.a.crl.urls: expected a list (got http://a)", ""),
    ("modules: {a: {crl: {urls: [%s]}}}", "5", f"1:28: modules.a.crl.urls[0]: {TEXT} (got 5)", "http://a"),
    (
        "modules: {a: {crl: {urls: [%s]}}}",
        "http://a, http://b, http://c, http://d, http://e",
        "1:21: modules.a.crl.urls: expected a list of 4 at most (got a list)",
        "http://a, http://b, http://c, http://d",
    ),
    # Folders
    ("store: {path: %s}", '""', '1:9: store.path: expected the path of a folder (got "")', "."),
    ("store: {path: %s}", '"a\\0"', '1:9: store.path: expected the path of a folder (got "a\\x00")', "a"),
    ("store: {path: %s}", "5", f"1:9: store.path: {TEXT} (got 5)", '"5"'),
    ("store: {path: %s}", "[a]", f"1:9: store.path: {TEXT} (got a list)", "~"),
    # Networks, hosts and proxies
    *(
        ("egress: {deny: [%s]}", bad, f'1:17: egress.deny[0]: {NETWORK} (got "{bad.strip(chr(34))}")', good)
        for bad, good in (
            ("10.0.0.0/33", "10.0.0.0/32"),
            ("10.0.0", "10.0.0.0"),
            ("010.0.0.1", "10.0.0.1"),
            ("example.org", "192.0.2.1"),
            ('"fe80::/129"', '"fe80::/128"'),
            ('""', '"::"'),
        )
    ),
    (
        "egress: {deny: [%s]}",
        "10.1.2.3/8",
        '1:17: egress.deny[0]: a network begins at its first address: 10.0.0.0/8 (got "10.1.2.3/8")',
        "10.0.0.0/8",
    ),
    ("egress: {deny: [%s]}", "5", f"1:17: egress.deny[0]: {TEXT} (got 5)", "5.0.0.0"),
    ("egress: {deny: %s}", "~", "1:10: egress.deny: expected a list (got ~)", "[]"),
    *(
        ("egress: {allow: [%s]}", bad, f'1:18: egress.allow[0]: {NETWORK_OR_HOST} (got "{bad.strip(chr(34))}")', good)
        for bad, good in (
            ('"*.example.org"', '"example.org"'),
            ('"example.org:80"', "example.org"),
            ('"http:80"', "http"),
            ("10.0.0", "10.0.0.0"),
            ('"fe80::1%%1"', '"fe80::1"'),
            ('""', "a"),
        )
    ),
    *(
        (
            "probe_endpoint: {allow_targets: [%s]}",
            bad,
            f'1:34: probe_endpoint.allow_targets[0]: {NETWORK_OR_NAME} (got "{bad.strip(chr(34))}")',
            good,
        )
        for bad, good in (
            ('"10.0.*"', '"10.0.example.*"'),
            ('"*.*"', '"*"'),
            ('"*.1"', '"*.a"'),
            ('"example.org:443"', "example.org"),
            ('"https:"', "https"),
            ('"[ab].example.org"', '"?.example.org"'),
            ('"*.bücher.example"', '"*.xn--bcher-kva.example"'),
            ('"fe80:*"', '"fe80::"'),
            ('""', '"*"'),
        )
    ),
    (
        "probe_endpoint: {allow_targets: [%s]}",
        "10.1.2.3/8",
        '1:34: probe_endpoint.allow_targets[0]: a network begins at its first address: 10.0.0.0/8 (got "10.1.2.3/8")',
        "10.0.0.0/8",
    ),
    ("probe_endpoint: {allow_targets: [%s]}", "5", f"1:34: probe_endpoint.allow_targets[0]: {TEXT} (got 5)", "5.0.0.0"),
    (
        "egress: {allow: [%s]}",
        "10.0.0.0/33",
        f'1:18: egress.allow[0]: {NETWORK} (got "10.0.0.0/33")',
        "10.0.0.0/32",
    ),
    *(
        ("egress: {proxy_url: %s}", bad, f"1:10: egress.proxy_url: {PROXY}", good)
        for bad, good in (
            ("proxy.example.org", "http://proxy.example.org"),
            ('"proxy.example.org:3128"', '"https://proxy.example.org:3128"'),
            ("socks5://proxy.example.org", "http://proxy.example.org/"),
            ("http://u:secret@", "http://u:secret@proxy.example.org"),
            ("http://proxy:65536", "http://proxy:65535"),
            ("http://proxy/path", "http://proxy"),
            ('"http://[::1"', '"http://[::1]:3128"'),
            ('"http://[v1.a]"', '"http://[::1]"'),
            ('" http://u:secret@proxy"', '"http://u:secret@proxy"'),
            ('"http://u:my secret@proxy"', '"http://u:my%20secret@proxy"'),
            ('"http://u:1?secret@proxy"', '"http://u:1%3Fsecret@proxy"'),
            ('"http://u:1#secret@proxy"', '"http://u:1%23secret@proxy"'),
            ('""', "~"),
        )
    ),
    # Choices
    (
        "egress: {follow: %s}",
        "none",
        "1:10: egress.follow: expected trusted, listed or any (got none)",
        "listed",
    ),
    (
        "modules: {a: {fetch_issuer: %s}}",
        '"true"',
        '1:15: modules.a.fetch_issuer: expected true or false (got "true")',
        "true",
    ),
    (
        "modules: {a: {responder: {query: %s}}}",
        "always",
        "1:27: modules.a.responder.query: expected true or false (got always)",
        "true",
    ),
    *(
        (
            "modules: {a: {crl: {query: %s}}}",
            bad,
            f"1:21: modules.a.crl.query: expected never, fallback or always (got {bad})",
            good,
        )
        for bad, good in (("true", "always"), ("false", "never"), ("~", '"fallback"'))
    ),
    (
        "modules: {a: {crl: {query: %s}}}",
        "on",
        "1:21: modules.a.crl.query: expected true or false, or text in quotes (got on)",
        "always",
    ),
    (
        "modules: {a: {responder: {method: %s}}}",
        "GET",
        "1:27: modules.a.responder.method: expected auto, get or post (got GET)",
        "get",
    ),
    (
        "modules: {a: {responder: {nonce: %s}}}",
        "1",
        "1:27: modules.a.responder.nonce: expected true or false (got 1)",
        "true",
    ),
    (
        "modules: {a: {responder: {hash: %s}}}",
        "sha384",
        "1:27: modules.a.responder.hash: expected sha1 or sha256 (got sha384)",
        "sha256",
    ),
    ("modules: {a: {chain: %s}}", "root", "1:15: modules.a.chain: expected leaf or all (got root)", "all"),
    (
        "modules: {a: {prober: %s}}",
        "http",
        "1:15: modules.a.prober: expected tls, responder, crl or file (got http)",
        "tls",
    ),
    (
        "modules: {a: {staple: {policy: %s}}}",
        "Must",
        "1:24: modules.a.staple.policy: expected auto, must, always or never (got Must)",
        "must",
    ),
    (
        "modules: {a: {staple: {policy: %s}}}",
        "no",
        "1:24: modules.a.staple.policy: expected true or false, or text in quotes (got no)",
        "never",
    ),
    (
        "modules: {a: {tls_config: {min_version: %s}}}",
        "SSL3",
        "1:28: modules.a.tls_config.min_version: expected TLS10, TLS11, TLS12 or TLS13 (got SSL3)",
        "TLS10",
    ),
    (
        "modules: {a: {tls_config: {min_version: TLS13, max_version: %s}}}",
        "TLS12",
        "1:15: modules.a.tls_config: min_version TLS13 is above max_version TLS12",
        "TLS13",
    ),
    # Names
    (
        "modules: {a: {tls_config: {server_name: %s}}}",
        '"a b"',
        f'1:28: modules.a.tls_config.server_name: expected a host name: {NO_HOST} (got "a b")',
        "a.b",
    ),
    (
        "modules: {a: {tls_config: {server_name: %s}}}",
        '""',
        '1:28: modules.a.tls_config.server_name: expected a host name: the host is missing (got "")',
        '"::1"',
    ),
    (
        "modules: {%s: {}}",
        "a b",
        '1:11: modules["a b"]: a module\'s name has only ASCII letters, digits and _ . -',
        "a.b",
    ),
    ("modules: {%s: {}}", '""', '1:11: modules[""]: a module\'s name has only ASCII letters, digits and _ . -', '"1"'),
    # Keys
    (
        "egress: {%s}",
        "requests_per_second: 10",
        f"1:10: egress.requests_per_second: {UNKNOWN_IN_EGRESS}",
        "follow: any",
    ),
    (
        "modules: {a: {responder: {%s}}}",
        "url: []",
        f"1:27: modules.a.responder.url: {UNKNOWN_IN_RESPONDER}",
        "urls: []",
    ),
    (
        "modules: {a: {crl: {%s}}}",
        "method: get",
        "1:21: modules.a.crl.method: unknown key; known here are query, urls, timeout, refresh",
        "query: always",
    ),
    ("store: {%s}", "folder: a", "1:9: store.folder: unknown key; known here are path", "path: a"),
    (
        "%s: {}",
        "probes",
        f"1:1: probes: unknown key; {KNOWN}",
        "probe",
    ),
    (
        "probe: {%s}",
        "period: 1s",
        "1:9: probe.period: unknown key; known here are interval, concurrency",
        "interval: 1s",
    ),
    (
        "modules: {a: {staple: {%s}}}",
        "files: a",
        "1:24: modules.a.staple.files: unknown key; known here are policy, handshakes, retry_missing, file",
        "policy: must",
    ),
    *(
        ("modules: {a: {staple: {file: %s}}}", bad, f"1:24: modules.a.staple.file: {told} (got {got})", "a.ocsp")
        for bad, told, got in (
            ('""', "expected the path of a file", '""'),
            ("[a]", TEXT, "a list"),
            ('"a\\0"', "expected the path of a file", '"a\\x00"'),
        )
    ),
    *(
        (
            "modules: {a: {prober: file, certificates: [%s]}}",
            bad,
            f"1:44: modules.a.certificates[0]: {told} (got {bad})",
            '"*.pem"',
        )
        for bad, told in (('""', GLOB), ("1", TEXT), ("certs/", GLOB))
    ),
    (
        TARGETS,
        "url: a",
        "1:26: targets[0].url: unknown key; known here are targets, module, interval, labels",
        "module: tls",
    ),
    ("targets: [{%s}]", "module: tls", "1:11: targets[0].targets: this key is missing", "targets: []"),
    (
        "probe: {}\n%s: {}",
        "probe",
        "2:1: probe: this key stands here twice, first on line 1",
        "probe_endpoint",
    ),
    ("modules: {a: {}, %s: {}}", '"a"', "1:18: modules.a: this key stands here twice, first on line 1", '"b"'),
    ("modules: {%s: {}}", "1", "1:11: modules: a key is text; put it in quotes (got 1)", '"1"'),
    ("modules: {%s: {}}", "yes", "1:11: modules: a key is text; put it in quotes (got yes)", '"yes"'),
    (
        "modules: {%s: {}}",
        "2026-11-20",
        "1:11: modules: a key is text; put it in quotes (got 2026-11-20)",
        '"2026-11-20"',
    ),
    ("modules: {%s: {}}", "~", "1:11: modules: a key is text; put it in quotes (got ~)", "a"),
    ("modules: {? %s : {}}", "[a]", "1:13: modules: a key is text; put it in quotes (got a list)", "a"),
    (
        "modules: {a: &a {timeout: 1s}, b: %s}",
        "{<<: *a}",
        "1:36: modules.b: merge keys (<<) are not accepted; an alias may stand for a whole value",
        "*a",
    ),
    # Types
    ("%s", "[]", f"1:1: {MAPPING} (got a list)", "{}"),
    ("%s", "text", f"1:1: {MAPPING} (got text)", "{}"),
    ("probe: %s", "5", f"1:1: probe: {MAPPING} (got 5)", "{}"),
    ("modules: %s", "[a]", f"1:1: modules: {MAPPING} (got a list)", "{a: }"),
    ("modules: {a: %s}", "tls", f"1:11: modules.a: {MAPPING} (got tls)", "{prober: tls}"),
    ("targets: %s", "{}", "1:1: targets: expected a list (got a mapping)", "[]"),
    ("targets: [%s]", "a", f"1:11: targets[0]: {MAPPING} (got a)", "{targets: [a]}"),
    ("targets: [{targets: %s}]", "a", "1:12: targets[0].targets: expected a list (got a)", "[a]"),
    ("targets: [{targets: [%s]}]", "5", f"1:22: targets[0].targets[0]: {TEXT} (got 5)", "a5"),
    ("targets: [{targets: [%s]}]", "10:30", f"1:22: targets[0].targets[0]: {WHOLE} (got 10:30)", '"a:30"'),
    (TARGETS, "module: 5", f"1:26: targets[0].module: {TEXT} (got 5)", "module: tls"),
    # Tags and aliases
    (
        "probe: {concurrency: %s}",
        "!!python/name:os.system 5",
        "1:9: probe.concurrency: the tag !!python/name:os.system is not accepted; leave it out (got 5)",
        "!!int 5",
    ),
    ("probe: %s", "!probe {}", "1:1: probe: the tag !probe is not accepted; leave it out", "{}"),
    ("targets: %s", "!!set []", "1:1: targets: the tag !!set is not accepted; leave it out", "[]"),
    ("probe: &a {}\nprobe_endpoint: %s", "*b", "2:17: the alias *b names nothing that stands before it", "*a"),
    ("probe: &a {%s}", "interval: *a", "1:22: the alias *a names nothing that stands before it", "interval: &b 1s"),
    (
        "modules: {a: &a {timeout: %s}, b: *a}",
        "5",
        f"1:18: modules.a.timeout: {DURATION} (got 5)\nf.yaml:1:18: modules.b.timeout: {DURATION} (got 5)",
        "5s",
    ),
    # What TLS is asked for
    (
        "modules: {a: {key_types: %s}}",
        "[rsa, ecdsa, rsa]",
        "1:15: modules.a.key_types: rsa stands here twice",
        "[rsa, ecdsa, any]",
    ),
    ("modules: {a: {key_types: %s}}", "[]", "1:15: modules.a.key_types: expected a list of one at least", "[rsa]"),
    ("modules: {a: {key_types: %s}}", "", "1:15: modules.a.key_types: expected a list of one at least", "[any]"),
    ("modules: {a: {key_types: %s}}", "rsa", "1:15: modules.a.key_types: expected a list (got rsa)", "[rsa]"),
    (
        "modules: {a: {key_types: [rsa, %s]}}",
        "ec",
        "1:32: modules.a.key_types[1]: expected any, rsa or ecdsa (got ec)",
        "ecdsa",
    ),
    ("modules: {a: {addresses: %s}}", "any", "1:15: modules.a.addresses: expected first or all (got any)", "all"),
    ("modules: {a: {ip_protocol: %s}}", "4", "1:15: modules.a.ip_protocol: expected any, ip4 or ip6 (got 4)", "ip4"),
    ("modules: {a: {tls_config: {alpn: %s}}}", "h2", f"{ALPN}: expected a list (got h2)", "[h2]"),
    ("modules: {a: {tls_config: {alpn: %s}}}", "[h2, h2]", f"{ALPN}: h2 stands here twice", "[h2, http/1.1]"),
    ("modules: {a: {tls_config: {alpn: %s}}}", f"[{', '.join('abcdefghijklmnopq')}]", MANY_ALPN, "[]"),
    ("modules: {a: {tls_config: {alpn: [%s]}}}", '""', NO_ALPN, "a"),
    ("modules: {a: {tls_config: {alpn: [%s]}}}", "ä" * 128, NO_ALPN, "ä" * 127),
    (
        "modules: {a: {tls_config: {send_server_name: %s}}}",
        '""',
        '1:28: modules.a.tls_config.send_server_name: expected true or false (got "")',
        "false",
    ),
    # Targets and modules
    (
        "targets: [{targets: [%s]}]",
        "https://user:secret@a",
        '1:22: targets[0].targets[0]: target "https://***@a": a user name or password has no place in a target; '
        + NO_TARGET,
        "https://a",
    ),
    (
        "targets: [{targets: [%s]}]",
        "smtps://a",
        '1:22: targets[0].targets[0]: target "smtps://a": the scheme "smtps" is not known; known are https, tls, smtp, '
        "lmtp, imap, pop3, ftp, ldap, xmpp-client, xmpp-server, postgres, mysql, sieve, nntp, irc, nats; " + NO_TARGET,
        "smtp://a",
    ),
    (TARGETS, "module: web", '1:26: targets[0].module: unknown module "web"; known are ' + BUILT_IN, "module: tls"),
    (
        "modules: {web: }\n" + TARGETS,
        "module: wbe",
        '2:26: targets[0].module: unknown module "wbe"; known are web, ' + BUILT_IN,
        "module: web",
    ),
    (
        "targets: [{targets: [a, b, %s]}]",
        "a",
        "1:28: targets[0].targets[2]: the same target, module and labels as targets[0].targets[0] on line 1",
        "a:443",
    ),
    (
        'targets:\n- {targets: [a], labels: {b: c, d: ""}}\n- {targets: [a], module: tls, labels: {%s}}',
        "b: c",
        "3:14: targets[1].targets[0]: the same target, module and labels as targets[0].targets[0] on line 2",
        "b: d",
    ),
    (
        "modules: {web: }\ntargets: [{targets: [a]}, {targets: [a], module: %s}]",
        "tls",
        "2:38: targets[1].targets[0]: the same target, module and labels as targets[0].targets[0] on line 2",
        "web",
    ),
    # Labels
    (TARGETS, "labels: {job: a}", f'1:35: targets[0].labels.job: the label name "job" {RESERVED}', "labels: {jobs: a}"),
    (
        TARGETS,
        "labels: {target: a}",
        f'1:35: targets[0].labels.target: the label name "target" {RESERVED}',
        "labels: {t: a}",
    ),
    (TARGETS, "labels: {__a: b}", f'1:35: targets[0].labels.__a: the label name "__a" {RESERVED}', "labels: {_a: b}"),
    (TARGETS, "labels: {1a: b}", f'1:35: targets[0].labels.1a: {BAD_LABEL} (got "1a")', "labels: {a1: b}"),
    (TARGETS, "labels: {ä: b}", f'1:35: targets[0].labels["ä"]: {BAD_LABEL} (got "ä")', "labels: {ae: b}"),
    (TARGETS, "labels: {a.b: c}", f'1:35: targets[0].labels["a.b"]: {BAD_LABEL} (got "a.b")', "labels: {a_b: c}"),
    (TARGETS, "labels: {a: 5}", f"1:35: targets[0].labels.a: {TEXT} (got 5)", 'labels: {a: "5"}'),
    (TARGETS, "labels: {a: true}", f"1:35: targets[0].labels.a: {TEXT} (got true)", "labels: {a: truth}"),
    (
        TARGETS,
        "labels: {a: 2026-11-20}",
        "1:35: targets[0].labels.a: expected text in quotes where YAML would read a date (got 2026-11-20)",
        'labels: {a: "2026-11-20"}',
    ),
    (
        TARGETS,
        f"labels: {{a: {'b' * 257}}}",
        "1:35: targets[0].labels.a: a label value has at most 256 characters (got 257)",
        f"labels: {{a: {'b' * 256}}}",
    ),
    (TARGETS, "labels: [a]", f"1:26: targets[0].labels: {MAPPING} (got a list)", "labels: "),
)
