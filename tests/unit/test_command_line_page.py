"""docs/command-line.md says what is so."""

import re
from pathlib import Path

import click

from ocsp_exporter.cli import main
from ocsp_exporter.config import parse_config

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()


def test_every_option_of_serve_is_there() -> None:
    """And none is that it does not have."""
    serve = main.commands["serve"]
    options = {name for each in serve.params if isinstance(each, click.Option) for name in each.opts}
    table = PAGE.partition("## `serve`")[2].partition("It ends on")[0]
    assert set(re.findall(r"`(--[a-z.-]+)", table)) == options


def test_its_configuration_is_valid() -> None:
    """What is copied from there is a configuration."""
    [example] = re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)
    allowed = parse_config(example, "f.yaml", Path("/nonexistent")).probe_endpoint_allowed
    assert (len(allowed.names), len(allowed.networks)) == (1, 2)
