"""What the tables of keys are made of."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ocsp_exporter.config.values import show_duration, show_size


class Keys(BaseModel):
    """The keys of one mapping in the file; any other key in it is a fault."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        field_title_generator=lambda name, _: name,
        hide_input_in_errors=True,  # it may be a secret
    )


def seconds(default: float, description: str) -> Any:  # noqa: ANN401  # as pydantic's own Field
    """Make a field for a duration, whose default the JSON Schema shows as it is written."""
    return Field(default=default, description=description, json_schema_extra={"default": show_duration(default)})


def size(default: int, description: str) -> Any:  # noqa: ANN401  # as pydantic's own Field
    """Make a field for a size, whose default the JSON Schema shows as it is written."""
    return Field(default=default, description=description, json_schema_extra={"default": show_size(default)})
