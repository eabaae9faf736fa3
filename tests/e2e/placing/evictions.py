"""The Eviction API, as ``kubectl drain`` and autoscalers use it."""

from __future__ import annotations

import json

from e2e.kubectl import Pod, attempt


def evict(pod: Pod) -> str:
    """Ask for a pod's eviction; return nothing, or the words with which it was refused."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
    }
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
    done = attempt("create", "--raw", path, "-f", "-", stdin=json.dumps(body))
    return done.stderr.strip() if done.returncode else ""
