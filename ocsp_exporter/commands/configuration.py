"""Reading the configuration for a command."""

from pathlib import Path

import click

from ocsp_exporter.config import DEFAULT_CONFIG, Config, ConfigError, load_config


class ConfigurationFaults(click.ClickException):
    """All faults of a configuration, shown one a line beginning with its place, as editors and grep read them."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature; it never passes one
        """Write the faults to stderr."""
        click.echo(self.message, err=True)


def read(config_file: Path | None) -> Config:
    """Return the configuration, the built-in one where there is no file. Raises ConfigError."""
    return DEFAULT_CONFIG if config_file is None else load_config(config_file)


def load(config_file: Path | None) -> Config:
    """Return the configuration as `read` does, for a command. Raises ConfigurationFaults."""
    try:
        return read(config_file)
    except ConfigError as error:
        raise ConfigurationFaults(str(error)) from error
