"""Log in by the form of an OpenID Connect provider, and make an experiment."""

from browse import answer, arguments, create_experiment, shown, start  # type: ignore[import-not-found]

url, path, user, password, name = arguments()
# The provider's authority is the test's own, and it remembers whom another test has logged in.
browser = start("--ignore-certificate-errors", "--incognito")
try:
    browser.get(url + path)
    shown(browser, "//input[@name='name']").send_keys(user)
    shown(browser, "//input[@name='password']").send_keys(password)
    before = browser.current_url
    shown(browser, "//button[@type='submit']").click()
    create_experiment(browser, url, name)
    answer(browser, before=before)
finally:
    browser.quit()
