"""A headless Chromium: how it is started, and what people do in MLflow's UI. Runs in a pod of the image ``chromium``.

Programs of this folder are sent to the pod after this text.
"""

import base64
import json
import sys
import time
from typing import Any

from selenium import webdriver  # type: ignore[import-not-found, unused-ignore]
from selenium.common.exceptions import TimeoutException  # type: ignore[import-not-found, unused-ignore]
from selenium.webdriver.common.by import By  # type: ignore[import-not-found, unused-ignore]
from selenium.webdriver.support.ui import WebDriverWait  # type: ignore[import-not-found, unused-ignore]

PATIENCE = 120


def start(*arguments: str) -> Any:
    """Start a browser that has never been anywhere."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",  # a restricted pod may make no namespaces
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,800",
        "--user-data-dir=/tmp/profile",
        *arguments,
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    browser.set_page_load_timeout(PATIENCE)
    return browser


def shown(browser: Any, path: str) -> Any:
    """Return the element of this XPath as soon as it is shown."""

    def found(_: Any) -> Any:
        return next((item for item in browser.find_elements(By.XPATH, path) if item.is_displayed()), None)

    try:
        return WebDriverWait(browser, PATIENCE).until(found)
    except TimeoutException as error:
        error.msg = f"{path} is not shown at {browser.current_url}: {text_of(browser)!r}\n{complaints(browser)}"
        raise


def complaints(browser: Any) -> str:
    """Return what the console says, and the requests that failed or were not answered."""
    said = [f"{item['level']}: {item['message']}" for item in browser.get_log("browser")]
    events = [json.loads(item["message"])["message"] for item in browser.get_log("performance")]
    asked: dict[str, str] = {}
    for event in events:
        told = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            asked[told["requestId"]] = f"{told['request']['method']} {told['request']['url']}: no answer"
        elif event["method"] == "Network.responseReceived":
            asked[told["requestId"]] = f"{told['response']['url']}: {told['response']['status']}"
        elif event["method"] == "Network.loadingFailed":
            asked[told["requestId"]] = f"{asked.get(told['requestId'])}: {told['errorText']}"
    return "\n".join([*said, *(line for line in asked.values() if not line.endswith((": 200", ": 304")))])


def text_of(browser: Any) -> str:
    """Return what can be read."""
    return str(browser.find_element(By.TAG_NAME, "body").text)[:2000]


def create_experiment(browser: Any, url: str, name: str) -> None:
    """Make an experiment as people do: the button, the form, and its page afterwards."""
    browser.get(f"{url}/#/experiments")
    shown(browser, "//button[normalize-space()='Create' or normalize-space()='New experiment']").click()
    shown(browser, "//*[@role='dialog']//input[contains(@placeholder, 'experiment name')]").send_keys(name)
    shown(browser, "//*[@role='dialog']//button[normalize-space()='Create']").click()
    shown(browser, f"//*[contains(text(), '{name}')]")
    time.sleep(2)  # what the page still draws


def answer(browser: Any, **seen: Any) -> None:
    """Print what was seen, with a picture of the page."""
    picture = base64.b64encode(browser.get_screenshot_as_png()).decode()
    print(json.dumps({**seen, "url": browser.current_url, "text": text_of(browser), "picture": picture}))  # noqa: T201


def arguments() -> list[str]:
    """Return what the program was told, on standard input where no process list shows it."""
    told: list[str] = json.load(sys.stdin)
    return told
