"""YAML text → Config or WebConfig, or every fault in it with file, line and column."""

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
from ocsp_exporter.config.web import (
    RateLimit,
    ServerTLS,
    WebConfig,
    files_named_in,
    parse_web_config,
    read_web_document,
)

__all__ = [
    "BUILT_IN_MODULES",
    "DEFAULT_CONFIG",
    "DEFAULT_MODULE",
    "Config",
    "ConfigError",
    "Document",
    "Fault",
    "RateLimit",
    "ServerTLS",
    "WebConfig",
    "files_named_in",
    "json_schema",
    "load_config",
    "parse_config",
    "parse_web_config",
    "read_text",
    "read_web_document",
    "show_config",
    "show_module",
]
