"""The section of the schema registry."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, model_validator

from pipeline.config.section import Section


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address such as http://registry:8081")
    if "@" in parts.netloc:
        raise ValueError("an address without a name in it: that belongs into `username` and `password`")
    return url.rstrip("/")


class SchemaRegistry(Section):
    """A registry with Confluent's API. With it records in Kafka begin with its id of their schema, as other programs
    expect it (Confluent wire format); without it with the fingerprint of Avro's single-object encoding. Both are read.
    """

    SHORT: ClassVar = "url"

    url: Annotated[str, AfterValidator(_address)] | None = None
    """Its address, such as `http://registry:8081`, or `http://apicurio:8080/apis/ccompat/v7`."""

    username: str | None = None
    """Name of the user, where it asks for one."""

    password: SecretStr | None = None
    """Password of the user: `${env:NAME}` or `${file:PATH}` keeps it out of this file."""

    @model_validator(mode="after")
    def _complete(self) -> SchemaRegistry:
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` belong together")
        if self.username is not None and self.url is None:
            raise ValueError("`username` and `password` mean nothing without `url`")
        return self
