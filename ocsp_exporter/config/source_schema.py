"""The keys of a module's sources in a configuration file: how its responder and its CRL are asked."""

from typing import Final, Self

from pydantic import Field, model_validator

from ocsp_exporter import model
from ocsp_exporter.config.keys import Keys, seconds
from ocsp_exporter.config.types import (
    Certificate,
    Certificates,
    Expected,
    Hash,
    Items,
    Method,
    PositiveDuration,
    Query,
    Refresh,
    SerialNumber,
    SourceURLs,
)
from ocsp_exporter.revocation.certificate import serial_number

_RESPONDER: Final = model.ResponderSettings()
_CRL: Final = model.CRLSettings()


class Responder(Keys):
    """How a certificate's OCSP responder is asked, and whose responses are accepted."""

    query: bool = Field(default=_RESPONDER.query, description="Ask the responder for a second opinion.")
    urls: SourceURLs = Field(
        default=list(_RESPONDER.urls),
        description="Where to ask, http or https, one after the other; in place of the URLs in the certificate.",
    )
    method: Method = Field(
        default=_RESPONDER.method,
        description="auto: by GET where the request fits 255 bytes, else by POST, and by the other one when it fails; "
        "get or post: only so.",
    )
    nonce: bool = Field(
        default=_RESPONDER.nonce,
        description="Send a nonce (RFC 9654); a response with another one is not accepted, one without is.",
    )
    hash: Hash = Field(
        default=_RESPONDER.hash, description="The hash that names the certificate in requests: sha1 or sha256."
    )
    timeout: PositiveDuration = seconds(_RESPONDER.timeout, "When a request is given up.")
    refresh: Refresh = seconds(
        _RESPONDER.refresh,
        "When an answer is asked for again at the latest, 2m or more; earlier where half its life is over.",
    )
    trusted_certificates: Items[Certificates] = Field(
        default=[],
        description="Files with certificates, PEM, relative to this file, of responders that may answer for every "
        "issuer (RFC 6960, section 4.2.2.2, first case).",
    )


class KnownAnswer(Keys):
    """What the responder is known to say of a certificate."""

    certificate_file: Certificate | None = Field(
        default=None, description="The certificate, PEM, relative to this file; or in its place the serial."
    )
    serial: SerialNumber | None = Field(
        default=None, description='The serial number of the certificate, as "0x1234" or in decimal.'
    )
    expect: Expected = Field(description="What it says: good, revoked, unknown or unauthorized.")

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.certificate_file is None) is (self.serial is None):
            raise ValueError("a known answer is about either a certificate_file or a serial; give one of them")
        return self

    @property
    def serial_number(self) -> int:
        """The serial number, wherever it stands."""
        return serial_number(self.certificate_file.certificate) if self.certificate_file else self.serial or 0


class CRL(Keys):
    """Whether and how a certificate's CRL is asked."""

    query: Query = Field(
        default=_CRL.query,
        description="never; fallback: where there is no responder, or it gave no verified answer; always.",
    )
    urls: SourceURLs = Field(
        default=list(_CRL.urls),
        description="Where to ask, http or https, one after the other; in place of the URLs in the certificate.",
    )
    timeout: PositiveDuration = seconds(_CRL.timeout, "When a request is given up.")
    refresh: Refresh = seconds(
        _CRL.refresh,
        "When the CRL is asked for again at the latest, 2m or more; earlier where half its life is over.",
    )
