"""The language a page is read in."""

from playwright.sync_api import Page


def speak(page: Page, language: str) -> None:
    """Switch to `language`, `en` or `zh`, where the page is in the other, and return when the new page is whole.

    A click alone returns as soon as the next page begins: what is then looked for at once may not be there yet.
    """
    wanted = page.get_by_role("button", name="English" if language == "en" else "中文", exact=True)
    if wanted.count():
        with page.expect_navigation():
            wanted.click()
