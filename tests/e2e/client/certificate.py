"""Make a self-signed certificate: ``certificate.py HOST`` prints it and its key as PEM."""

import datetime as dt
import json
import sys

from cryptography import x509  # type: ignore[import-not-found, unused-ignore]
from cryptography.hazmat.primitives import hashes, serialization  # type: ignore[import-not-found, unused-ignore]
from cryptography.hazmat.primitives.asymmetric import ec  # type: ignore[import-not-found, unused-ignore]

if __name__ == "__main__":
    host = sys.argv[1]
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    print(json.dumps({"tls.crt": pem, "tls.key": key_pem}))  # noqa: T201 - the answer
