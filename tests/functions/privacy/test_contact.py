"""What a reporter may leave as a contact, and the one form it is stored in."""

from __future__ import annotations

import subprocess
import sys

import pytest
from chalicelib.privacy.contact import ContactError, email, phone
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("siti@example.com", "siti@example.com"),
        ("  Siti.Aminah+lapor@Example.COM ", "Siti.Aminah+lapor@example.com"),
        ("siti@bücher.example.com", "siti@xn--bcher-kva.example.com"),
        ("o'neil@example.co.id", "o'neil@example.co.id"),
    ],
)
def test_an_address_is_stored_in_ascii_with_its_domain_in_lower_case(written: str, stored: str) -> None:
    assert email(written) == stored
    assert email(stored) == stored


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "missing"),
        ("   ", "missing"),
        ("siti", "invalid"),
        ("siti@", "invalid"),
        ("@example.com", "invalid"),
        ("siti@localhost", "invalid"),
        ("siti@example..com", "invalid"),
        ("siti@@example.com", "invalid"),
        ("Siti <siti@example.com>", "invalid"),
        ("siti@example.com, budi@example.com", "invalid"),
        ("siti@[127.0.0.1]", "invalid"),
        ("сити@example.com", "invalid"),
        ("a" * 65 + "@example.com", "invalid"),
        ("a@" + "b" * 260 + ".com", "too_long"),
        ("siti@example.com\r\nBcc: all@example.com", "control_characters"),
        ("siti@example.com\n", "control_characters"),
        ("siti@exam\0ple.com", "control_characters"),
        ("siti@example.com\u2028", "control_characters"),
        ("siti\u202emoc@example.com", "control_characters"),
        ("siti\ud800@example.com", "control_characters"),
    ],
)
def test_an_address_that_cannot_be_used_says_why(written: str, code: str) -> None:
    with pytest.raises(ContactError) as caught:
        email(written)
    assert (caught.value.field, caught.value.code) == ("contact_email", code)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("081234567890", "+6281234567890"),
        ("0812-3456-7890", "+6281234567890"),
        ("+62 812 3456 7890", "+6281234567890"),
        ("6281234567890", "+6281234567890"),
        ("(021) 555 0123", "+62215550123"),
        ("+65 9123 4567", "+6591234567"),
        ("٠٨١٢٣٤٥٦٧٨٩٠", "+6281234567890"),
        ("\u202a+62 812-3456-7890\u202c", "+6281234567890"),
    ],
)
def test_a_number_is_stored_with_its_country_code(written: str, stored: str) -> None:
    assert phone(written) == stored
    assert phone(stored) == stored


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "missing"),
        ("\u200b", "missing"),
        ("112", "invalid"),
        ("12345", "invalid"),
        ("nomor saya", "invalid"),
        ("0812-HALOJKT", "invalid"),
        ("0812 3456 7890 ext 12", "invalid"),
        ("+999 123 456 789", "invalid"),
        ("0" * 41, "too_long"),
        ("\u200b" * 81, "too_long"),
        (" " * 60 + "081234567890" + "\u200b" * 9 + "1", "too_long"),
        ("081234567890\r\nBcc: x", "control_characters"),
    ],
)
def test_a_number_that_cannot_be_used_says_why(written: str, code: str) -> None:
    with pytest.raises(ContactError) as caught:
        phone(written)
    assert (caught.value.field, caught.value.code) == ("contact_phone", code)


@given(st.text(max_size=300))
def test_whatever_is_stored_is_plain_ascii_without_line_breaks(written: str) -> None:
    for read in (email, phone):
        try:
            stored = read(written)
        except ContactError:
            continue
        assert stored.isascii()
        assert stored.isprintable()
        assert read(stored) == stored


@given(st.emails())
def test_common_addresses_are_taken_or_refused_with_a_code(written: str) -> None:
    try:
        assert email(email(written)) == email(written)
    except ContactError as error:
        assert error.code in ("invalid", "too_long")


def test_importing_the_module_imports_no_library() -> None:
    code = (
        "import sys; import chalicelib.privacy.contact;"
        "sys.exit(bool({'email_validator', 'phonenumbers'} & sys.modules.keys()))"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
