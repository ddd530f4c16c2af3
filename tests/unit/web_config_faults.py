"""The table of what may be wrong in a web configuration, in a folder that has the files of `test_web_config`."""

from typing import Final

MAPPING = "expected a mapping of keys to values"
TEXT = "expected text; put it in quotes if it is meant so"
CERTIFICATES = "expected certificates, in PEM or one in DER"
PRIVATE_KEY = "expected a private key, in PEM and not encrypted"
KNOWN = "known here are tls_server_config, http_server_config, basic_auth_users, rate_limit"
KNOWN_TLS = (
    "known here are cert, cert_file, key, key_file, client_auth_type, client_ca, client_ca_file, client_allowed_sans, "
    "min_version, max_version, cipher_suites, prefer_server_cipher_suites, curve_preferences"
)
KNOWN_HEADERS = (
    "known here are Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, "
    "Strict-Transport-Security"
)
HEADER = "the value of a header has ASCII characters only, on one line, and no blanks around it"
CLIENT_AUTH = "expected one of NoClientCert, RequestClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
ANY_CLIENT_CERT = (
    "lets everybody in who makes a certificate of their own, and is not supported; use RequireAndVerifyClientCert with "
    "client_ca_file"
)
SUITES = (
    "known are TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
)
CURVES = "known are CurveP256, CurveP384, CurveP521, X25519"
DURATION = "expected a duration such as 100ms, 1s or 1m30s, or 0"
HASH = "expected the bcrypt hash of a password, in quotes, such as `htpasswd -nBC 10 NAME` makes (it is not shown here)"
HIDDEN = "expected text in quotes (got what is not shown here)"
GOOD_HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

USERS = "basic_auth_users: {%s}"
HTTP = "http_server_config: {%s}"
HEADERS = "http_server_config: {headers: {%s}}"
LIMIT = "rate_limit: {%s}"
PLAIN_TLS = "tls_server_config: {%s}"
TLS = "tls_server_config: {cert_file: own.pem, key_file: own.key, %s}"
CERT = "1:21: tls_server_config.cert_file"
KEY = "1:41: tls_server_config.key_file"
#: Where the first of further keys stands.
AT = "1:60: tls_server_config"
VERIFIED = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: root.pem"

#: A template, what makes it faulty, the fault (its file is w.yml), and what makes it good.
FAULTS: Final = (
    # The top
    ("%s", "[]", f": {MAPPING} (got a list)", "{}"),
    ("%s: ", "tls_config", f"1:1: tls_config: unknown key; {KNOWN}", "tls_server_config"),
    ("%s: [a]", "tls_server_config", f"1:1: tls_server_config: {MAPPING} (got a list)", "tls_server_config: #"),
    (
        "rate_limit:\n%s: ",
        "rate_limit",
        "2:1: rate_limit: this key stands here twice, first on line 1",
        "basic_auth_users",
    ),
    # Certificate and key
    (TLS, "keyfile: own.key", f"{AT}.keyfile: unknown key; {KNOWN_TLS}", ""),
    (
        PLAIN_TLS,
        "key_file: own.key",
        "1:1: tls_server_config: cert_file is missing (or cert): TLS takes a certificate and its key",
        "key_file: own.key, cert_file: own.pem",
    ),
    (
        PLAIN_TLS,
        "cert_file: own.pem",
        "1:1: tls_server_config: key_file is missing (or key): TLS takes a certificate and its key",
        "cert_file: own.pem, key_file: own.key",
    ),
    (
        "tls_server_config: {cert_file: %s, key_file: own.key}",
        "gone.pem",
        f'{CERT}: the file "FOLDER/gone.pem" cannot be read: No such file or directory; {CERTIFICATES}',
        "own.pem",
    ),
    (
        "tls_server_config: {cert_file: %s, key_file: own.key}",
        '""',
        f'{CERT}: the file "FOLDER" is not a regular file; {CERTIFICATES}',
        "own.pem",
    ),
    (
        "tls_server_config: {cert_file: %s, key_file: own.key}",
        "own.key",
        f'{CERT}: the file "FOLDER/own.key" has no certificate that can be read; {CERTIFICATES}',
        "own.pem",
    ),
    ("tls_server_config: {cert_file: %s, key_file: own.key}", "7", f"{CERT}: {TEXT} (got 7)", "own.pem"),
    (
        "tls_server_config: {cert_file: own.pem, key_file: %s}",
        "own.pem",
        f'{KEY}: the file "FOLDER/own.pem" has no private key that can be read; {PRIVATE_KEY}',
        "own.key",
    ),
    (
        "tls_server_config: {cert_file: own.pem, key_file: %s}",
        "other.key",
        f"{KEY}: this key is not that of the first certificate in cert_file",
        "own.key",
    ),
    (
        PLAIN_TLS,
        "cert: a, key_file: own.key",
        "1:21: tls_server_config.cert: the text has no certificate that can be read; expected certificates, in PEM",
        "cert: , cert_file: own.pem, key_file: own.key",
    ),
    (
        PLAIN_TLS,
        "key: a, cert_file: own.pem",
        f"1:21: tls_server_config.key: the text has no private key that can be read; {PRIVATE_KEY}",
        "key: , cert_file: own.pem, key_file: own.key",
    ),
    (
        PLAIN_TLS,
        "key: [a], cert_file: own.pem",
        f"1:21: tls_server_config.key: {TEXT} (got a list)",
        "key: ~, cert_file: own.pem, key_file: own.key",
    ),
    (
        PLAIN_TLS,
        "key: 0123, cert_file: own.pem",
        f"1:21: tls_server_config.key: {HIDDEN}",
        "key: ~, cert_file: own.pem, key_file: own.key",
    ),
    # Clients
    (
        TLS,
        "client_auth_type: require",
        f"{AT}.client_auth_type: {CLIENT_AUTH} (got require)",
        "client_auth_type: NoClientCert",
    ),
    (TLS, "client_auth_type: [a]", f"{AT}.client_auth_type: {TEXT} (got a list)", "client_auth_type: NoClientCert"),
    (
        TLS,
        "client_auth_type: RequireAnyClientCert",
        f"{AT}.client_auth_type: RequireAnyClientCert {ANY_CLIENT_CERT}",
        VERIFIED,
    ),
    (
        TLS,
        "client_auth_type: RequireClientCert",
        f"{AT}.client_auth_type: RequireClientCert {ANY_CLIENT_CERT}",
        VERIFIED,
    ),
    (
        TLS,
        "client_ca_file: root.pem",
        f"{AT}.client_ca_file: client_ca_file is of no use without client_auth_type: RequireAndVerifyClientCert",
        VERIFIED,
    ),
    (
        TLS,
        f"{VERIFIED.replace('root.pem', 'gone.pem')}",
        (
            '1:106: tls_server_config.client_ca_file: the file "FOLDER/gone.pem" cannot be read: No such file or '
            f"directory; {CERTIFICATES}"
        ),
        VERIFIED,
    ),
    (
        TLS,
        "client_allowed_sans: [a], client_auth_type: VerifyClientCertIfGiven, client_ca_file: root.pem",
        (
            f"{AT}.client_allowed_sans: with client_auth_type VerifyClientCertIfGiven clients without a certificate "
            "are let in; use RequireAndVerifyClientCert"
        ),
        f"client_allowed_sans: [a], {VERIFIED}",
    ),
    (
        TLS,
        "client_allowed_sans: [a]",
        (
            f"{AT}.client_allowed_sans: with client_auth_type NoClientCert clients without a certificate "
            "are let in; use RequireAndVerifyClientCert"
        ),
        f"client_allowed_sans: [a], {VERIFIED}",
    ),
    (
        TLS,
        f"client_allowed_sans: [], {VERIFIED}",
        f"{AT}.client_allowed_sans: expected a list of one at least",
        f"client_allowed_sans: [a], {VERIFIED}",
    ),
    (
        TLS,
        f"client_allowed_sans: a, {VERIFIED}",
        f"{AT}.client_allowed_sans: expected a list (got a)",
        f"client_allowed_sans: [a], {VERIFIED}",
    ),
    (
        TLS,
        f"client_allowed_sans: [1], {VERIFIED}",
        f"1:82: tls_server_config.client_allowed_sans[0]: {TEXT} (got 1)",
        f'client_allowed_sans: ["1"], {VERIFIED}',
    ),
    # Versions, cipher suites, curves
    (
        TLS,
        "min_version: TLS1.2",
        f"{AT}.min_version: expected TLS10, TLS11, TLS12 or TLS13 (got TLS1.2)",
        "min_version: TLS12",
    ),
    (
        TLS,
        "max_version: 1.3",
        f"{AT}.max_version: expected TLS10, TLS11, TLS12 or TLS13 (got 1.3)",
        "max_version: TLS13",
    ),
    (
        TLS,
        "min_version: TLS13, max_version: TLS12",
        "1:1: tls_server_config: min_version TLS13 is above max_version TLS12",
        "min_version: TLS12, max_version: TLS12",
    ),
    (
        TLS,
        "max_version: TLS11",
        "1:1: tls_server_config: min_version TLS12 is above max_version TLS11",
        "min_version: TLS11, max_version: TLS11",
    ),
    (TLS, "cipher_suites: a", f"{AT}.cipher_suites: expected a list (got a)", "cipher_suites: "),
    (
        TLS,
        "cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256]",
        (
            "1:76: tls_server_config.cipher_suites[0]: unknown or insecure cipher suite "
            f'"ECDHE-RSA-AES128-GCM-SHA256"; {SUITES}'
        ),
        "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
    ),
    (
        TLS,
        "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
        (
            "1:76: tls_server_config.cipher_suites[0]: unknown or insecure cipher suite "
            f'"TLS_RSA_WITH_AES_128_CBC_SHA"; {SUITES}'
        ),
        "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]",
    ),
    (
        TLS,
        "max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256]",
        "1:80: tls_server_config.cipher_suites: none of them is for TLS12, which is the max_version",
        "max_version: TLS13, cipher_suites: [TLS_AES_128_GCM_SHA256]",
    ),
    (
        TLS,
        "prefer_server_cipher_suites: 1",
        f"{AT}.prefer_server_cipher_suites: expected true or false (got 1)",
        "prefer_server_cipher_suites: true",
    ),
    (
        TLS,
        "curve_preferences: [P-256]",
        f'1:80: tls_server_config.curve_preferences[0]: unknown curve "P-256"; {CURVES}',
        "curve_preferences: [CurveP256]",
    ),
    (
        TLS,
        "curve_preferences: [X25519, X25519]",
        f"{AT}.curve_preferences: X25519 stands here twice",
        "curve_preferences: [X25519]",
    ),
    # HTTP
    (HTTP, "http3: true", "1:22: http_server_config.http3: unknown key; known here are http2, headers", "http2: true"),
    (HTTP, "http2: 2", "1:22: http_server_config.http2: expected true or false (got 2)", "http2: false"),
    (HTTP, "headers: [a]", f"1:22: http_server_config.headers: {MAPPING} (got a list)", "headers: "),
    (HEADERS, "Server: a", f"1:32: http_server_config.headers.Server: unknown key; {KNOWN_HEADERS}", ""),
    (
        HEADERS,
        "x-frame-options: deny",
        f"1:32: http_server_config.headers.x-frame-options: unknown key; {KNOWN_HEADERS}",
        "X-Frame-Options: deny",
    ),
    (
        HEADERS,
        "X-Frame-Options: DENY",
        "1:32: http_server_config.headers.X-Frame-Options: expected deny or sameorigin (got DENY)",
        "X-Frame-Options: sameorigin",
    ),
    (
        HEADERS,
        "X-Content-Type-Options: sniff",
        "1:32: http_server_config.headers.X-Content-Type-Options: expected nosniff (got sniff)",
        "X-Content-Type-Options: nosniff",
    ),
    (
        HEADERS,
        'X-XSS-Protection: "1\\r\\nSet-Cookie: a"',
        f"1:32: http_server_config.headers.X-XSS-Protection: {HEADER}",
        'X-XSS-Protection: "1; mode=block"',
    ),
    (
        HEADERS,
        'Content-Security-Policy: " a"',
        f"1:32: http_server_config.headers.Content-Security-Policy: {HEADER}",
        'Content-Security-Policy: ""',
    ),
    (
        HEADERS,
        "Strict-Transport-Security: ä",
        f"1:32: http_server_config.headers.Strict-Transport-Security: {HEADER}",
        "Strict-Transport-Security: max-age=1; includeSubDomains",
    ),
    # Users: of their hashes, or what stands in their place, nothing is shown
    (USERS, "a: secret", f"1:20: basic_auth_users.a: {HASH}", f"a: {GOOD_HASH}"),
    (USERS, "a: 0123", f"1:20: basic_auth_users.a: {HIDDEN}", f"a: {GOOD_HASH.replace('2y', '2b')}"),
    (USERS, "a: 1234", f"1:20: basic_auth_users.a: {HASH}", f"a: {GOOD_HASH.replace('2y', '2a')}"),
    (
        "basic_auth_users:\n  a: %s",
        "!secret",
        "2:3: basic_auth_users.a: expected text in quotes (got nothing)",
        f"'{GOOD_HASH}'",
    ),
    (USERS, "a: *secret", "1:23: the alias names nothing that stands before it", f"a: &b {GOOD_HASH}, c: *b"),
    (USERS, "a: [secret]", f"1:20: basic_auth_users.a: {HASH}", f"'': {GOOD_HASH}"),
    (USERS, "a: ", f"1:20: basic_auth_users.a: {HASH}", ""),
    (USERS, f"a: {GOOD_HASH[:-1]}", f"1:20: basic_auth_users.a: {HASH}", f"a: {GOOD_HASH}"),
    (USERS, f"a: {GOOD_HASH}.", f"1:20: basic_auth_users.a: {HASH}", f"a: {GOOD_HASH}"),
    (USERS, f"a: {GOOD_HASH.replace('$10$', '$32$')}", f"1:20: basic_auth_users.a: {HASH}", f"a: {GOOD_HASH}"),
    (USERS, f"a: {GOOD_HASH.replace('zoubF', 'zzzbF')}", f"1:20: basic_auth_users.a: {HASH}", f"a: {GOOD_HASH}"),
    (
        USERS,
        f"a:b: {GOOD_HASH}",
        (
            '1:20: basic_auth_users["a:b"]: a user\'s name has no colon: basic authentication puts one between name '
            "and password"
        ),
        f"a b: {GOOD_HASH}",
    ),
    (
        USERS,
        f"1234: {GOOD_HASH}",
        "1:20: basic_auth_users: a key is text; put it in quotes (got what is not shown here)",
        f'"1234": {GOOD_HASH}',
    ),
    ("basic_auth_users: %s", "secret", f"1:1: basic_auth_users: {MAPPING} (got what is not shown here)", ""),
    # The rate
    (LIMIT, "interval: 1", f"1:14: rate_limit.interval: {DURATION} (got 1)", "interval: 1s, burst: 1"),
    (LIMIT, "interval: 1d", f"1:14: rate_limit.interval: {DURATION} (got 1d)", "interval: 24h, burst: 1"),
    (LIMIT, "interval: -1s", f"1:14: rate_limit.interval: {DURATION} (got -1s)", "interval: 0, burst: 1"),
    (LIMIT, "interval: true", f"1:14: rate_limit.interval: {DURATION} (got true)", 'interval: "0"'),
    (LIMIT, "interval: 1 s", f"1:14: rate_limit.interval: {DURATION} (got 1 s)", "interval: 1.5ms, burst: 1"),
    (LIMIT, "burst: -1", "1:14: rate_limit.burst: expected 0 or more (got -1)", "burst: 0"),
    (LIMIT, "burst: 1.0", "1:14: rate_limit.burst: expected a whole number (got 1.0)", "burst: 1"),
    (
        LIMIT,
        "interval: 1s",
        "1:1: rate_limit: without a burst of 1 or more no request would be answered",
        "interval: 1s, burst: 1",
    ),
)
