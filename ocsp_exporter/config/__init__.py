"""YAML text → Config, or every fault in it with file, line and column.

That of the web configuration, which only `serve` needs, is in `web`.
"""

from ocsp_exporter.config.document import Document, Fault
from ocsp_exporter.config.loading import (
    BUILT_IN_MODULES,
    DEFAULT_CONFIG,
    Config,
    json_schema,
    load_config,
    parse_config,
    show_config,
)
from ocsp_exporter.config.module_schema import DEFAULT_MODULE
from ocsp_exporter.config.module_showing import show_module
from ocsp_exporter.config.reading import ConfigError, read_text

__all__ = [
    "BUILT_IN_MODULES",
    "DEFAULT_CONFIG",
    "DEFAULT_MODULE",
    "Config",
    "ConfigError",
    "Document",
    "Fault",
    "json_schema",
    "load_config",
    "parse_config",
    "read_text",
    "show_config",
    "show_module",
]
