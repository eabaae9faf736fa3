"""Print a key file as Google makes it for a service account."""

import json

from cryptography.hazmat.primitives import serialization  # type: ignore[import-not-found, unused-ignore]
from cryptography.hazmat.primitives.asymmetric import rsa  # type: ignore[import-not-found, unused-ignore]

if __name__ == "__main__":
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "tests",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "server@tests.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    print(json.dumps(account))  # noqa: T201 - the answer
