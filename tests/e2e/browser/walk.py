"""Walk through pages in a headless Chromium: ``walk.py STEPS``, a JSON list; runs in the pod of the browser.

A step is ``{"open": URL}``, ``{"type": [CSS, TEXT]}``, ``{"click": CSS}``, ``{"press": TEXT}`` (a button of that text),
``{"see": TEXT}`` (wait for it) or ``{"send": [CSS, TEXT]}`` (type and confirm). Prints where that ended, and what it
looks like as PNG in base64.
"""

import json
import sys
from typing import Any

from selenium import webdriver  # type: ignore[import-not-found, unused-ignore]
from selenium.webdriver.common.by import By  # type: ignore[import-not-found, unused-ignore]
from selenium.webdriver.common.keys import Keys  # type: ignore[import-not-found, unused-ignore]
from selenium.webdriver.support import expected_conditions as ec  # type: ignore[import-not-found, unused-ignore]
from selenium.webdriver.support.ui import WebDriverWait  # type: ignore[import-not-found, unused-ignore]

FLAGS = (
    "--headless=new",
    # The pod has no right to make namespaces, and a small /dev/shm.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--ignore-certificate-errors",
    "--window-size=1280,720",
    "--user-data-dir=/tmp/profile",
)
PATIENCE = 120


def browser() -> Any:
    """Start Chromium."""
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    return webdriver.Chrome(options=options)


def step(driver: Any, kind: str, value: Any) -> None:
    """Take one step, and wait for what it needs."""
    wait = WebDriverWait(driver, PATIENCE)
    if kind == "open":
        driver.get(value)
    elif kind == "see":
        wait.until(lambda page: value in page.find_element(By.TAG_NAME, "body").text)
    elif kind == "click":
        wait.until(ec.element_to_be_clickable((By.CSS_SELECTOR, value))).click()
    elif kind == "press":
        found = (By.XPATH, f"//button[contains(., '{value}')] | //a[contains(., '{value}')]")
        wait.until(ec.element_to_be_clickable(found)).click()
    else:
        css, text = value
        field = wait.until(ec.element_to_be_clickable((By.CSS_SELECTOR, css)))
        field.send_keys(text, Keys.RETURN) if kind == "send" else field.send_keys(text)


def main(steps: list[dict[str, Any]]) -> dict[str, str]:
    """Take all steps; the picture is taken even where one failed."""
    driver, failure = browser(), ""
    try:
        for item in steps:
            [(kind, value)] = item.items()
            try:
                step(driver, kind, value)
            except Exception as error:  # noqa: BLE001 - the picture tells more
                failure = (
                    f"{kind} {value}: {type(error).__name__}; {driver.find_element(By.TAG_NAME, 'body').text[:500]}"
                )
                break
        return {
            "url": driver.current_url,
            "title": driver.title,
            "failure": failure,
            "picture": driver.get_screenshot_as_base64(),
        }
    finally:
        driver.quit()


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))  # noqa: T201 - the answer
