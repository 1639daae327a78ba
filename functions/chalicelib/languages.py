"""The languages of the site and where their pages start; the words themselves are in web/locale."""

LANGUAGES = {"id": "", "en": "en/"}
"""Language codes and where their pages start."""
