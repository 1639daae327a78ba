"""Settings: typed, with defaults; a value that cannot be used is named, with what it takes."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from chalicelib import settings
from hypothesis import given
from hypothesis import strategies as st


def test_without_an_environment_everything_has_its_default():
    chosen = settings.read({})
    assert chosen == settings.Settings()
    assert (chosen.engine, chosen.port, chosen.demo) == ("sqlite", 8000, True)


def test_empty_values_count_as_absent():
    assert settings.read({"PORT": "", "DATA_DIR": "   ", "DEMO": ""}) == settings.Settings()


def test_values_are_read_by_their_type():
    chosen = settings.read(
        {"PORT": " 9000 ", "DEMO": "No", "DATA_DIR": "elsewhere", "SITE_URL": "https://x.example"}
    )
    assert (chosen.port, chosen.demo, chosen.data_dir) == (9000, False, "elsewhere")
    assert chosen.data_path == Path("elsewhere").resolve()


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_a_switch_is_on_in_many_words(word: str):
    assert settings.read({"DEMO": word}).demo is True


@pytest.mark.parametrize("word", ["0", "False", "no", "OFF"])
def test_a_switch_is_off_in_many_words(word: str):
    assert settings.read({"DEMO": word}).demo is False


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "http", "takes a whole number from 1 to 65535"),
        ("PORT", "0", "takes a whole number from 1 to 65535"),
        ("PORT", "65536", "takes a whole number"),
        ("PORT", "8000.5", "takes a whole number"),
        ("PORT", "--8", "takes a whole number"),
        ("DEMO", "perhaps", "takes 1 or 0"),
        ("ENGINE", "oracle", "takes sqlite or dynamodb"),
        ("MAX_BODY_BYTES", "99999999", "takes a whole number from 10000 to 4500000"),
        ("CONTACT_DAYS", "0", "takes a whole number from 1 to 365"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_it_takes(name: str, value: str, said: str):
    with pytest.raises(settings.SettingsError) as refused:
        settings.read({name: value})
    assert f"{name}={value!r}" in str(refused.value)
    assert said in str(refused.value)


def test_every_wrong_setting_is_named_at_once():
    with pytest.raises(settings.SettingsError) as refused:
        settings.read({"PORT": "x", "DEMO": "x", "ENGINE": "x", "BASEMAP_TILES": "https://t/{z}/{x}/{y}.png"})
    for name in ("PORT", "DEMO", "ENGINE", "BASEMAP_ATTRIBUTION"):
        assert name in str(refused.value)


@given(st.sampled_from(["PORT", "DEMO", "ENGINE", "TIDY_INTERVAL_MS"]), st.text(max_size=12))
def test_whatever_a_value_is_it_is_read_or_named(name: str, value: str):
    try:
        settings.read({name: value})
    except settings.SettingsError as error:
        assert name in str(error)


def test_every_setting_has_a_meaning_and_a_default_that_reads_back():
    for name, written, meaning in settings.names():
        assert meaning.strip()
        assert settings.read({name: written}) == settings.Settings(), name


def test_where_to_turn_outside_the_city_is_words_with_or_without_an_address():
    words = {"OUTSIDE_TEXT": "Lapor ke pemerintah setempat"}
    assert (
        settings.read({**words, "OUTSIDE_URL": "https://lapor.example/?a=1"}).outside_text
        == words["OUTSIDE_TEXT"]
    )
    with pytest.raises(settings.SettingsError, match="OUTSIDE_TEXT is missing"):
        settings.read({"OUTSIDE_URL": "https://lapor.example/"})
    for address in ("javascript:alert(1)", "lapor.example", 'https://x/"><script>'):
        with pytest.raises(settings.SettingsError, match="OUTSIDE_URL"):
            settings.read({**words, "OUTSIDE_URL": address})


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises((FrozenInstanceError, AttributeError)):
        settings.read({}).port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"MAIL": "pigeon"}, "takes folder, smtp, ses or off"),
        ({"MAIL": "smtp", "MAIL_FROM": "a@b.id"}, "SMTP_HOST is missing"),
        ({"MAIL": "ses", "MAIL_FROM": "a@b.id"}, "SITE_URL is missing"),
        ({"MAIL_FROM": "kabar"}, "write it like"),
        ({"MAIL_FROM": "a@b.id\r\nBcc: c@d.id"}, "write it like"),
        ({"SMTP_TLS": "perhaps"}, "takes starttls, tls or none"),
        ({"PUSH_CONTACT": "me@b.id"}, "mailto: or https://"),
    ],
)
def test_mail_that_could_not_be_sent_stops_the_start(env: dict[str, str], said: str):
    with pytest.raises(settings.SettingsError, match=re.escape(said)):
        settings.read(env)


def test_without_settings_one_machine_keeps_messages_and_a_deployment_sends_none():
    here, there = settings.read({}), settings.read({"ENGINE": "dynamodb"})
    assert (here.mail_way, here.push_way) == ("folder", "folder")
    assert (there.mail_way, there.push_way) == ("off", "off")
    assert settings.read({"ENGINE": "dynamodb", "PUSH_CONTACT": "mailto:a@b.id"}).push_way == "push"
