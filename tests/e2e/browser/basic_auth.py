"""Log in by the browser's own question for a name and a password, and make an experiment."""

from urllib.parse import quote, urlsplit

from browse import answer, arguments, complaints, create_experiment, start  # type: ignore[import-not-found]

url, user, password, name = arguments()
browser = start()
try:
    browser.get(url)
    before = complaints(browser)
    # What a person types into that question; no page can see it, and no driver.
    parts = urlsplit(url)
    browser.get(f"{parts.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}{parts.path}")
    create_experiment(browser, url, name)
    answer(browser, before=before)
finally:
    browser.quit()
