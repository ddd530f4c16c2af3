"""YAML text → Config, or every fault in it with file, line and column."""

from ocsp_exporter.config.document import Fault
from ocsp_exporter.config.loading import (
    BUILT_IN_MODULES,
    DEFAULT_CONFIG,
    Config,
    json_schema,
    load_config,
    parse_config,
)
from ocsp_exporter.config.reading import ConfigError
from ocsp_exporter.config.schema import DEFAULT_MODULE

__all__ = [
    "BUILT_IN_MODULES",
    "DEFAULT_CONFIG",
    "DEFAULT_MODULE",
    "Config",
    "ConfigError",
    "Fault",
    "json_schema",
    "load_config",
    "parse_config",
]
