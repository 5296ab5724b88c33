"""Certificates and keys that people paste: are they what they should be, and do they belong together?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from foundation.messages import MessageLike
from foundation.messages import message as _


@dataclass(frozen=True)
class CertificateFacts:
    """What may be shown of a certificate: whose it is and until when."""

    subject: str
    begins_at: datetime
    ends_at: datetime


def read_certificates(pem: str) -> list[CertificateFacts]:
    """The certificates of a PEM text, in order; [] when it holds none that can be read."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnicodeEncodeError):
        return []
    return [
        CertificateFacts(one.subject.rfc4514_string(), one.not_valid_before_utc, one.not_valid_after_utc)
        for one in found
    ]


def problems_of(*, ca_pem: str, client_cert_pem: str, client_key_pem: str) -> dict[str, list[MessageLike]]:
    """Messages by field for texts that are no PEM, or a certificate and a key that do not belong together."""
    found: dict[str, list[MessageLike]] = {}
    if ca_pem and not read_certificates(ca_pem):
        found["ca_pem"] = [_("This is not a certificate: paste the text from -----BEGIN CERTIFICATE----- on.")]
    if client_cert_pem and not read_certificates(client_cert_pem):
        found["client_cert_pem"] = [_("This is not a certificate: paste the text from -----BEGIN CERTIFICATE----- on.")]
    if bool(client_cert_pem) != bool(client_key_pem):
        missing = "client_key_pem" if client_cert_pem else "client_cert_pem"
        found.setdefault(missing, [_("A client certificate and its key go together: give both or none.")])
    if client_key_pem and not found:
        found.update(_problems_of_pair(client_cert_pem, client_key_pem))
    return found


def problems_of_time(certificates: Mapping[str, str]) -> dict[str, list[MessageLike]]:
    """Messages by field for PEM texts in which no certificate is in force now: one of a bundle is enough."""
    found: dict[str, list[MessageLike]] = {}
    now = datetime.now(UTC)
    for name, pem in certificates.items():
        known = read_certificates(pem)
        if not known or any(one.begins_at <= now < one.ends_at for one in known):
            continue
        last = max(known, key=lambda one: one.ends_at)
        day = f"{last.ends_at if last.ends_at <= now else last.begins_at:%Y-%m-%d}"
        if last.ends_at <= now:
            message = _("%(subject)s: the certificate expired on %(day)s.", subject=last.subject, day=day)
        else:
            message = _("%(subject)s: the certificate is in force from %(day)s on.", subject=last.subject, day=day)
        found[name] = [message]
    return found


def _problems_of_pair(certificate: str, key: str) -> dict[str, list[MessageLike]]:
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnicodeEncodeError):
        return {"client_key_pem": [_("This is not a key, or it is locked with a password: paste an open PEM key.")]}
    shape = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if public.public_bytes(*shape) != private.public_key().public_bytes(*shape):
        return {"client_key_pem": [_("This key does not belong to the client certificate.")]}
    return {}
