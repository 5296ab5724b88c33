"""The API server's certificate: its own authority, made once, so that clients can know it before the server runs."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_YEARS = timedelta(days=3650)
_NAMES = ("localhost", "kubernetes", "kubernetes.default.svc", "stand-in-1")
_SCOPE = {
    "digital_signature": True, "key_cert_sign": True, "key_encipherment": False, "content_commitment": False,
    "data_encipherment": False, "key_agreement": False, "crl_sign": False, "encipher_only": False,
    "decipher_only": False,
}  # fmt: skip


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key for signing."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """``EC PRIVATE KEY``, without a password: the only form of an EC key that the API server reads."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def certificate_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """For 127.0.0.1 and the names of the cluster, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "prism4k control plane")])
    now = datetime.now(UTC)
    alternatives: list[x509.GeneralName] = [x509.DNSName(one) for one in _NAMES]
    alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**_SCOPE), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
