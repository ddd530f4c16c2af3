"""What the tables of keys are made of."""

from pydantic import BaseModel, ConfigDict


class Keys(BaseModel):
    """The keys of one mapping in the file; any other key in it is a fault."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, field_title_generator=lambda name, _: name)
