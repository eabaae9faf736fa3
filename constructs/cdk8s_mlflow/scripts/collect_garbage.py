"""Remove what users have deleted: ``mlflow gc``, with the database's URI from the environment.

The command takes the URI as an argument only, and a URI may hold a password.
"""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> int:
    """Run ``mlflow gc`` with these further arguments."""
    from mlflow.cli import cli

    uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
    cli(["gc", "--backend-store-uri", uri, *arguments], standalone_mode=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
