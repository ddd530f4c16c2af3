from pathlib import Path
from textwrap import dedent
from typing import cast

import pytest
import yaml

from ocsp_exporter.config import DEFAULT_CONFIG, parse_config, show_config
from ocsp_exporter.config.showing import complete

NOWHERE = Path("/nonexistent")
EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text()


def show(text: str, folder: Path = NOWHERE) -> str:
    """Give a configuration as it is shown."""
    return show_config(parse_config(text, "f.yaml", folder)).decode("ascii")


@pytest.mark.parametrize(
    "text",
    [
        "",
        EXAMPLE,
        "modules: {a: {staple: {policy: must}}, b: null}",
        "targets: [{targets: [a, 'b:1'], labels: {x: 'yes', y: '0443', z: '2026-01-01'}}]",
        "egress: {allow: ['10.0.0.0/8', a.example], requests_per_second_per_host: 0.5}",
        "probe:\nstore: {path: /var/lib/x}",
        "targets: [{targets: ['\u4f8b\u3048.example', '\u00fc.example'], interval: 90s}]",
        "file_sd_configs: [{files: ['targets/*.yaml']}]\nhttp_sd_configs: [{url: 'https://a.example/x'}]",
        "targets: [{targets: &a [x.example]}, {targets: *a, labels: {team: web}}]",
    ],
)
def test_what_is_shown_is_the_same_configuration(text: str) -> None:
    """What is shown can be loaded, and is the configuration that it was."""
    assert parse_config(show(text), "shown.yaml", NOWHERE) == parse_config(text, "f.yaml", NOWHERE)
    assert show(show(text)) == show(text)


def test_what_was_written_and_the_defaults() -> None:
    """Keys have the values as they were written, and those that were left out their defaults."""
    shown = yaml.safe_load(show("probe: {interval: 90s}\nmodules: {strict: {staple: {policy: must}}}"))

    assert shown["probe"] == {"interval": "90s", "concurrency": 512}
    assert shown["modules"]["strict"]["staple"] == {"policy": "must", "handshakes": 1, "retry_missing": 2}
    assert shown["modules"]["strict"]["clock_skew"] == "5m"
    assert shown["egress"]["deny"][0] == "169.254.0.0/16"
    assert "targets" not in shown
    assert show("").startswith("# Modules built in beside these: tls, smtp, ")
    assert "beside these: smtp" in show("modules: {tls: {timeout: 1s}}")
    assert show_config(DEFAULT_CONFIG).decode() == show("")


def test_a_watched_crl_has_only_its_own_keys() -> None:
    """Of a module that watches a CRL only the keys are shown that may stand there."""
    shown = complete({"modules": {"crl": {"prober": "crl", "issuer_file": "ca.pem"}}})
    modules = shown["modules"]

    assert isinstance(modules, dict)
    assert list(modules["crl"]) == [
        *("prober", "timeout", "crl", "issuer_file", "clock_skew", "max_age_without_next_update")
    ]


def test_the_password_of_a_proxy_is_not_shown() -> None:
    """What stands before the @ in a URL is a secret, wherever the URL stands."""
    text = show("egress: {proxy_url: 'http://user:p@ss:word@proxy.example:3128'}")

    assert "proxy_url: http://***@proxy.example:3128\n" in text
    assert "user" not in text
    assert "word" not in text
    assert "proxy_url: http://proxy.example:3128\n" in show("egress: {proxy_url: 'http://proxy.example:3128'}")


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Password",
        "bearer_token",
        "client_secret",
        "secrets",
        "credentials",
        "api_key",
        "passphrase",
        "apikey",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", ["hunter2"], 4711])
def test_secrets_are_not_shown(key: str, value: object) -> None:
    """What is a secret by the name of its key is not shown, however deep it stands and whatever it is."""
    shown = complete({"http_sd_configs": [{"basic_auth": {"username": "me", key: value, "password_file": "f.txt"}}]})

    [discovery] = cast("list[dict[str, object]]", shown["http_sd_configs"])
    assert discovery["basic_auth"] == {"username": "me", key: "<secret>", "password_file": "f.txt"}


def test_logins_of_discovery_are_not_shown() -> None:
    """Neither a password nor a token of what lists targets is shown; the rest of it is, with its defaults."""
    text = show(
        dedent("""\
            http_sd_configs:
              - url: https://a.example/targets
                basic_auth: {username: me, password: hunter2}
              - url: https://b.example/targets?team=web&key=hunter2
                authorization: {credentials: hunter2}
            """)
    )
    first, second = yaml.safe_load(text)["http_sd_configs"]

    assert "hunter2" not in text
    assert first["basic_auth"] == {"username": "me", "password": "<secret>"}
    assert second["authorization"] == {"type": "Bearer", "credentials": "<secret>"}
    assert (first["url"], first["module"]) == ("https://a.example/targets", "tls")


def test_nothing_but_ascii() -> None:
    """No text in a configuration can hide behind characters that one does not see."""
    text = dedent("""\
        targets:
          - targets: [a.example]
            labels: {team: "a\\u202eb\\x1b[31m\\nc"}
        """)
    assert 'team: "a\\u202Eb\\e[31m\\nc"' in show(text)
