"""The words of the console, Chinese and English: one file a language, the same keys in both.

A key may have a form for one thing beside the general one (`found.one`); Chinese needs none. Places are `{named}`.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import orjson

LANGUAGES = ("zh", "en")


class Catalogue:
    """The words of one language; called with a key it answers the text with its places filled in."""

    def __init__(self, language: str, words: Mapping[str, str]) -> None:
        self.language = language
        self.words = words

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key`. Raises KeyError for a key that is not there: a missing word is a fault of ours."""
        if values.get("n") == 1 and f"{key}.one" in self.words:
            key = f"{key}.one"
        text = self.words[key]
        return text.format(**values) if values else text

    def known(self, key: str, fallback: str) -> str:
        """The text of `key`, or `fallback` for words that come from elsewhere (an issue's code, a schedule's name)."""
        return self.words.get(key, fallback)


@cache
def catalogue(language: str) -> Catalogue:
    """The words of `language`."""
    return Catalogue(language, orjson.loads(files("hub.console.i18n").joinpath(f"{language}.json").read_bytes()))
