"""Reads the e-mail address and phone number that a reporter leaves, into the one form that is stored.

Only the writing is judged, without network: whether anybody answers there, a message will show.
"""

from __future__ import annotations

import unicodedata

MAX_EMAIL = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
MAX_PHONE = 40  # E.164 has 15 digits; the rest is for the ways people space them
REGION = "ID"  # where a number without a country code belongs


class ContactError(ValueError):
    """A contact that can't be used: `field` as the API calls it, `code` saying why.

    Codes: `missing`, `too_long`, `control_characters` (line breaks would forge mail headers) and `invalid`.
    """

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


def email(value: str) -> str:
    """The address in ASCII: domain in lower case and, if international, as RFC 5891 writes it (xn--).

    Addresses with other letters before the @ are refused: they reach few mail servers, and a reporter
    who waits for an answer had better know. Raises ContactError.
    """
    text = _bounded("contact_email", value, MAX_EMAIL)
    from email_validator import EmailNotValidError, validate_email  # imported only when there is an address

    try:
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise ContactError("contact_email", "invalid") from error
    return valid.ascii_email or valid.normalized


def phone(value: str) -> str:
    """The number as E.164, `+6281234567890`; without a country code it is Indonesian. Raises ContactError."""
    # Address books copy numbers with invisible marks of writing direction; only digits leave from here.
    if len(value) <= 2 * MAX_PHONE:
        value = "".join(character for character in value if unicodedata.category(character) != "Cf")
    text = _bounded("contact_phone", value, MAX_PHONE)
    if any(
        character.isalpha() for character in text
    ):  # neither 0800-HALO nor extensions: a message can't use them
        raise ContactError("contact_phone", "invalid")
    import phonenumbers

    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException as error:
        raise ContactError("contact_phone", "invalid") from error
    if number.extension or not phonenumbers.is_valid_number(number):
        raise ContactError("contact_phone", "invalid")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _bounded(field: str, value: str, most: int) -> str:
    if len(value) > most:
        raise ContactError(field, "too_long")
    # Cc: line breaks and the like. Cf: invisible marks, also those that turn the direction of writing.
    # Zl, Zp: line and paragraph separators. Cs: half of a surrogate pair, which can't be stored.
    if any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs") for character in value):
        raise ContactError(field, "control_characters")
    text = value.strip()
    if not text:
        raise ContactError(field, "missing")
    return text
