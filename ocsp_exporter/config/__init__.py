"""YAML text → Config, or every fault in it with file, line and column."""

from ocsp_exporter.config.document import Fault
from ocsp_exporter.config.loading import (
    BUILT_IN_MODULES,
    DEFAULT_CONFIG,
    Config,
    ConfigError,
    json_schema,
    load_config,
    parse_config,
    show_config,
)
from ocsp_exporter.config.module_schema import DEFAULT_MODULE
from ocsp_exporter.config.showing import complete as shown_of

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
    "show_config",
    "shown_of",
]
