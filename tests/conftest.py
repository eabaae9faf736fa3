"""Options and environment of the whole suite."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from cdk8s_mlflow.node import use_node

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Before any test imports cdk8s: jsii takes the first Node that it finds, and warns about an old one.
use_node()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--regenerate``."""
    parser.addoption("--regenerate", action="store_true", help="write the golden files anew (refused in CI)")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to write golden files where nobody would review them."""
    if config.getoption("--regenerate") and os.environ.get("CI"):
        message = "--regenerate is refused in CI: write the golden files locally, and review the diff"
        raise pytest.UsageError(message)


@pytest.fixture(scope="session")
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written rather than compared."""
    return bool(request.config.getoption("--regenerate"))
