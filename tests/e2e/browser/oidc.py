"""Log in by the form of an OpenID Connect provider, and make an experiment."""

from browse import PATIENCE, answer, arguments, create_experiment, shown, start  # type: ignore[import-not-found]
from selenium.webdriver.support.ui import WebDriverWait  # type: ignore[import-not-found, unused-ignore]

url, path, user, password, name = arguments()
# The provider's authority is the test's own, and it remembers whom another test has logged in.
browser = start("--ignore-certificate-errors", "--incognito")
try:
    browser.get(url + path)
    shown(browser, "//input[@name='name']").send_keys(user)
    shown(browser, "//input[@name='password']").send_keys(password)
    before = browser.current_url
    shown(browser, "//button[@type='submit']").click()
    # The way back goes over several pages; to leave it halfway would be to stay logged out.
    WebDriverWait(browser, PATIENCE).until(
        lambda page: page.current_url.startswith(url) and "/callback" not in page.current_url
    )
    create_experiment(browser, url, name)
    answer(browser, before=before)
finally:
    browser.quit()
