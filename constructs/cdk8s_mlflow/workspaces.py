"""One server for several teams that do not see each other's work."""

from __future__ import annotations

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.values import WorkspaceStoreUri


@frozen(kw_only=True)
class Workspaces:
    """Divide experiments, models and prompts among workspaces. ``--enable-workspaces``.

    What is there already stays in the workspace ``default``, in which clients work that name no other. Without a login
    the division is a convention: everybody may name any workspace. With MLflow's own login (``BasicAuth``,
    ``LdapAuth``, ``CustomAuth``) whoever has no role in a workspace sees nothing of it, the default one included unless
    ``grant_default_workspace_access`` says otherwise.

    **A one-way door**: once another workspace holds an experiment or a model, the server does not start without
    workspaces any more ("Cannot disable workspaces").
    """

    store_uri: WorkspaceStoreUri | None = None
    """Where workspaces are kept by a plugin of the image, such as ``kubernetes://``: in the backend store if left
    out. ``MLFLOW_WORKSPACE_STORE_URI``."""
