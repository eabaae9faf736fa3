"""How secrets reach drivers that take them nowhere else: files in memory, and a launcher for URIs.

The secrets themselves come into the pod as environment variables of the containers that need them, and of
no other: the migration's credentials are not in the server's container.
"""

from __future__ import annotations

import attrs

from cdk8s_mlflow.container import Container, config_file, helper_resources, script
from cdk8s_mlflow.needs import (
    CREDENTIALS_DIRECTORY,
    FILES_DIRECTORY,
    TRUST_FILE,
    CredentialFile,
    EnvVar,
    Needs,
    SecretUse,
    merge,
)
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.volumes import ConfigMapKey, EmptyDir, Mount, SecretKey, key_file

# OpenSSL and httpx, requests, boto3, curl, gRPC: each has a name of its own for the same thing.
_BUNDLE_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)
_AUTHORITIES = "/run/mlflow/authorities"
_PREPARED = "/run/mlflow/prepared"


def with_credentials(
    init_containers: tuple[Container, ...], containers: tuple[Container, ...]
) -> tuple[tuple[Container, ...], tuple[Container, ...], tuple[Container, ...]]:
    """Return the preparing container (if one is needed), and the containers with their credentials in place."""
    everything = (*init_containers, *containers)
    readers = [container for container in everything if _reads(container.needs)]
    return (
        (_prepare(readers),) if readers else (),
        tuple(_launched(_reading(container)) for container in init_containers),
        tuple(_launched(_reading(container)) for container in containers),
    )


def _reads(needs: Needs) -> bool:
    return bool(needs.credential_files) or _trusts(needs)


def _trusts(needs: Needs) -> bool:
    return bool(needs.authorities) or needs.trust_file


def _volume(container: Container, path: str, *, read_only: bool) -> Mount:
    source = EmptyDir(size_limit="2Mi", medium="Memory")
    return Mount(volume=f"credentials-{container.name}", source=source, path=path, read_only=read_only)


def _reading(container: Container) -> Container:
    """Return the container with its own credential files mounted."""
    needs = container.needs
    if not _reads(needs):
        return container
    mount = _volume(container, CREDENTIALS_DIRECTORY, read_only=True)
    trust = tuple(EnvVar(name, TRUST_FILE) for name in _BUNDLE_VARIABLES) if needs.authorities else ()
    return attrs.evolve(container, needs=merge(needs, Needs(mounts=(mount,), env=trust)))


def _prepare(readers: list[Container]) -> Container:
    """Return the container that writes every reader's files into that reader's own volume."""
    files = [(reader, file) for reader in readers for file in reader.needs.credential_files]
    variables = _variables([use for _, file in files for use in file.secrets.values()])
    authorities = list(dict.fromkeys(key for reader in readers for key in reader.needs.authorities))
    settings = {
        "files": [_written(reader, file, variables) for reader, file in files],
        "authorities": [f"{_AUTHORITIES}/{index}/ca.crt" for index in range(len(authorities))],
        "bundles": [f"{_PREPARED}/{reader.name}/ca-bundle.crt" for reader in readers if _trusts(reader.needs)],
    }
    return Container(
        name="prepare",
        command=("python", f"{FILES_DIRECTORY}/prepare.py"),
        needs=Needs(
            env=tuple(EnvVar(variable, use) for variable, use in variables.items()),
            files=(script("prepare.py"), config_file("credentials.json", settings)),
            mounts=(
                *(_volume(reader, f"{_PREPARED}/{reader.name}", read_only=False) for reader in readers),
                *(_authority(index, key) for index, key in enumerate(authorities)),
            ),
        ),
        resources=helper_resources("64Mi", "128Mi"),
    )


def _authority(index: int, key: SecretKey | ConfigMapKey) -> Mount:
    path = f"{_AUTHORITIES}/{index}"
    return Mount(volume=f"authority-{index}", source=key_file(key, "ca.crt"), path=path, read_only=True)


def _written(reader: Container, file: CredentialFile, variables: dict[str, SecretUse]) -> Manifest:
    return {
        "path": f"{_PREPARED}/{reader.name}/{file.name}",
        "text": file.text,
        "variables": {name: _variable_of(use, variables) for name, use in file.secrets.items()},
        "url_encoded": list(file.url_encoded),
        "escapes": dict(file.escapes),
        "latin1": list(file.latin1),
    }


def _launched(container: Container) -> Container:
    """Return the container started by the launcher, if one of its variables needs that."""
    launched, tokens = container.needs.launched, container.needs.tokens
    if not launched and not tokens:
        return container
    uses = [use for variable in launched for use in variable.secrets.values()]
    variables = _variables([*uses, *(token.client_secret for token in tokens)])
    settings = {
        variable.name: {
            "text": variable.text,
            "variables": {name: _variable_of(use, variables) for name, use in variable.secrets.items()},
        }
        for variable in launched
    } | {
        token.variable: {
            "discovery_url": token.discovery_url,
            "client_id": token.client_id,
            "parameters": dict(token.parameters),
            "variables": {"client_secret": _variable_of(token.client_secret, variables)},
        }
        for token in tokens
    }
    settings_file = config_file(f"launch-{container.name}.json", settings)
    needs = Needs(
        env=tuple(EnvVar(variable, use) for variable, use in variables.items()),
        files=(script("launch.py"), settings_file),
    )
    launcher = ("python", f"{FILES_DIRECTORY}/launch.py", f"{FILES_DIRECTORY}/{settings_file.name}")
    return attrs.evolve(container, command=(*launcher, *container.command), needs=merge(container.needs, needs))


def _variables(uses: list[SecretUse]) -> dict[str, SecretUse]:
    """Return a variable for each different secret."""
    return {f"CREDENTIAL_{index}": use for index, use in enumerate({use.purpose: use for use in uses}.values())}


def _variable_of(use: SecretUse, variables: dict[str, SecretUse]) -> str:
    return next(variable for variable, known in variables.items() if known.purpose == use.purpose)
