"""People in front of a browser: they log in, and make an experiment in the UI."""

from __future__ import annotations

import pytest
from e2e.browser.chromium import browse, start_browser

from .conftest import ADMIN_PASSWORD
from .guarded import EXPERIMENTS, Guarded, ask_once

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_person_logs_in_and_makes_an_experiment(basic: Guarded) -> None:
    """The browser is refused; with a name and a password the UI works, its own requests too."""
    browser = start_browser(basic.installation.namespace)
    name = "made in a browser"
    seen = browse(
        browser, "basic_auth", basic.installation.uri, "admin", ADMIN_PASSWORD, name, picture="basic-auth.png"
    )
    assert f"{basic.installation.uri}/: 401" in seen["before"]
    assert name in seen["text"]
    path = f"{EXPERIMENTS}/get-by-name?experiment_name={name.replace(' ', '%20')}"
    assert ask_once(basic.client, basic.installation.uri, "GET", path, basic.right).status == 200
