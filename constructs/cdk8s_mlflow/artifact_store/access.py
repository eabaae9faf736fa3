"""How clients reach the artifacts."""

from __future__ import annotations

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.values import PositiveInt, Quantity


@frozen(kw_only=True)
class Proxied:
    """Clients send and fetch artifacts through the server, and need no credentials of the store.

    MLflow 3.17 offers its clients signed URLs in any case, and they take them: for each download from S3, and for
    uploads of 500 MB and more. Only a client can decline, by ``MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD=false`` and
    ``MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=false``, as ``client_environment()`` says; a client that cannot reach
    the store must.

    Object stores make the server keep each file in ``/tmp`` while it passes (a volume does not): the size of
    ``/tmp`` follows from the two fields here.
    """

    largest_artifact: Quantity = "2Gi"
    """The largest single file that passes through."""
    concurrent_transfers: PositiveInt = 4
    """How many such files may pass through one pod at once."""


@frozen(kw_only=True)
class Presigned:
    """Files go straight between client and store, by URLs that the server signs for each of them.

    Of S3 every download and uploads from 500 MB on (the clients' ``MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE``); of
    GCS and Azure such uploads only, so that all downloads still pass through the server (raise
    :attr:`largest_artifact`). Clients need no credentials, but must reach the store's address.
    """

    largest_artifact: Quantity = "500Mi"
    """The largest single file that still passes through the server, for the size of ``/tmp``."""
    concurrent_transfers: PositiveInt = 4
    """How many such files may pass through one pod at once."""


@frozen
class Direct:
    """Clients talk to the store itself, with credentials of their own; the server only tells them where.

    MLflow notes the place in each experiment when it is made, and never changes it afterwards.
    """


ArtifactAccess = Proxied | Presigned | Direct
