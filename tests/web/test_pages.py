"""Every page in both languages: valid, safe, labelled, linked, small, and the same for the same view."""

from __future__ import annotations

import dataclasses
import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web import samples, strict_html
from web.render import LISTED, Renderer
from web.shades import class_breaks, shade
from web.views import Basemap, Counts, FieldError, FormView, HomeView, KelurahanRow
from web.vocabulary import STATES, kota_name, shortened, written_id

LANGUAGES = ("id", "en")
HOSTILE = "<script>alert(1)</script>\"'&`{{7*7}}</textarea></title><!--]]>"


def packed(*texts: str) -> int:
    return sum(len(gzip.compress(text.encode(), 9)) for text in texts)


def every_page(renderer: Renderer, home_view: HomeView, language: str) -> dict[str, str]:
    errors = (
        FieldError("description", "Terlalu pendek."),
        FieldError("latitude", "Di mana?"),
        FieldError("", "Umum"),
    )
    pages = {
        f"report {s}": samples.sample_report(s)
        for s in ("waiting", "in_progress", "done", "rejected", "duplicate")
    }
    return {
        "home": renderer.home(home_view, language),
        "home, nothing open": renderer.home(
            HomeView(tuple(dataclasses.replace(r, counts=Counts({})) for r in home_view.rows), False),
            language,
        ),
        "form": renderer.report_form(FormView({}), language),
        "form again": renderer.report_form(
            FormView({"description": HOSTILE, "category": "jalan"}, errors), language
        ),
        "kelurahan": renderer.kelurahan(samples.sample_kelurahan(60), language),
        "kelurahan, empty": renderer.kelurahan(samples.sample_kelurahan(0), language),
        "search": renderer.search(language),
        "mine": renderer.mine(language),
        "offline": renderer.offline(language),
        "search again": renderer.search(language, HOSTILE, HOSTILE),
        "not found": renderer.not_found(language),
        "receipt": renderer.receipt("7K3M9QX2", "key", samples.PLACE, language),
        "receipt, no place": renderer.receipt("7K3M9QX2", "key", None, language),
        "report without place": renderer.status(
            samples.sample_report(
                "waiting", place=None, longitude=None, latitude=None, accuracy_m=None, photos=(), landmark=""
            ),
            language,
        ),
        **{name: renderer.status(view, language) for name, view in pages.items()},
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_well_formed_and_allowed_by_the_security_policy(
    renderer: Renderer, home_view: HomeView, language: str
) -> None:
    for name, html in every_page(renderer, home_view, language).items():
        page = strict_html.read(html)
        assert page.problems == [], name
        assert page.language == language, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_says_that_boundaries_are_approximate_when_they_are(
    renderer: Renderer, home_view: HomeView, language: str
) -> None:
    exact = dataclasses.replace(renderer, approximate=False)
    words = {"id": "masih perkiraan", "en": "approximate"}[language]
    for name, html in every_page(renderer, home_view, language).items():
        assert words in html, name
    for name, html in every_page(exact, home_view, language).items():
        assert words not in html, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_links_to_itself_in_the_other_language(
    renderer: Renderer, home_view: HomeView, language: str
) -> None:
    other = "en" if language == "id" else "id"
    for name, html in every_page(renderer, home_view, language).items():
        assert re.search(rf'<a href="[^"]*" hreflang="{other}"', html), name


def test_links_within_a_language_stay_in_it(renderer: Renderer, home_view: HomeView) -> None:
    for name, html in every_page(renderer, home_view, "en").items():
        links = strict_html.read(html).links
        pages = [
            link
            for link in links
            if re.match(r"/(lapor|laporan|kelurahan)?/?", link)
            and not re.search(r"\.(json|xml|geojson|csv|kml|jpg)$", link)
        ]
        strays = [
            link
            for link in pages
            if link.startswith("/") and not link.startswith("/en/") and not link.endswith("?language=en")
            if link != "/"
        ]
        own = html.split('hreflang="id" href="https://warga.example')
        allowed = {own[1].split('"')[0]} if len(own) > 1 else set()
        assert set(strays) <= allowed, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_view_gives_the_same_bytes(renderer: Renderer, home_view: HomeView, language: str) -> None:
    again = dataclasses.replace(renderer)
    assert every_page(renderer, home_view, language) == every_page(again, home_view, language)


def test_a_page_shows_absolute_times_in_jakartas_own_time(renderer: Renderer) -> None:
    html = renderer.status(samples.sample_report("waiting"), "id")
    assert '<time datetime="2026-11-20T02:15:00Z">20 November 2026, 09.15 WIB</time>' in html
    assert "09:15 WIB" in renderer.status(samples.sample_report("waiting"), "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", ["waiting", "in_progress", "done", "rejected", "duplicate"])
def test_a_state_is_told_by_word_and_shape_beside_its_colour(
    renderer: Renderer, state: str, language: str
) -> None:
    html = renderer.status(samples.sample_report(state), language)
    word = {
        "waiting": ("Menunggu", "Waiting"),
        "in_progress": ("Proses", "In progress"),
        "done": ("Selesai", "Done"),
        "rejected": ("Ditolak", "Rejected"),
        "duplicate": ("Duplikat", "Duplicate"),
    }[state][LANGUAGES.index(language)]
    shown = f'<use href="#s-{state}"/></svg>{word}</span>'
    assert f'<span class="state {STATES[state].tone}"><svg class="i" aria-hidden="true">{shown}' in html
    assert f'<symbol id="s-{state}"' in html


def test_states_have_shapes_of_their_own() -> None:
    from web.vocabulary import SHAPES

    assert set(SHAPES) == set(STATES)
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_jakartas_state_words_are_those_of_the_design(renderer: Renderer) -> None:
    from web import i18n

    words = [i18n.translation("id").gettext(state.word) for state in STATES.values()]
    assert words == ["Menunggu", "Koordinasi", "Disposisi", "Proses", "Selesai", "Ditolak", "Duplikat"]


def test_examples_are_labelled_wherever_a_person_sees_them(renderer: Renderer, home_view: HomeView) -> None:
    view = samples.sample_kelurahan(12)
    listed = renderer.kelurahan(view, "id")
    assert listed.count('<span class="tag">contoh</span>') == 12
    assert '<span class="tag">contoh</span>' in renderer.status(samples.sample_report(), "id")
    assert "hanya contoh" in renderer.home(home_view, "id")
    assert renderer.feed(view).count("[contoh]") == 12
    true = dataclasses.replace(
        view, reports=tuple(dataclasses.replace(r, example=False) for r in view.reports)
    )
    assert "contoh" not in renderer.kelurahan(true, "id")
    assert "contoh" not in renderer.feed(true)


def test_a_long_list_is_cut_and_the_rest_is_counted(renderer: Renderer) -> None:
    view = samples.sample_kelurahan(400)
    waiting = tuple(dataclasses.replace(r, state="waiting") for r in view.reports)
    full = dataclasses.replace(view, reports=waiting, counts=Counts({"waiting": 1234}))
    html = renderer.kelurahan(full, "id")
    assert html.count('<li class="row">') == LISTED
    assert "1.210 lagi masih terbuka." in html
    assert "laporan.geojson" in html


def test_a_rejection_gives_its_reason_in_words(renderer: Renderer) -> None:
    assert "Masalahnya tidak ditemukan di tempat ini." in renderer.status(
        samples.sample_report("rejected"), "id"
    )


def test_a_refused_form_keeps_what_was_written_and_leads_to_what_is_wrong(renderer: Renderer) -> None:
    values = {
        "category": "pohon",
        "description": "\nBaris pertama\nkedua",
        "latitude": "-6,17",
        "longitude": "106.8",
        "landmark": HOSTILE,
        "kelurahan": renderer.maps.names[next(iter(renderer.maps.names))][0][0],
        "private": "true",
        "contact_email": "a@b",
    }
    html = renderer.report_form(FormView(values, (FieldError("contact_email", "Periksa e-mail."),)), "id")
    page = strict_html.read(html)
    assert page.problems == []
    assert page.fields["landmark"][0]["value"] == HOSTILE
    assert page.fields["latitude"][0]["value"] == "-6,17"
    assert '<a href="#contact_email">Periksa e-mail.</a>' in html
    assert page.fields["contact_email"][0]["aria-invalid"] == "true"
    assert "e-contact_email" in (page.fields["contact_email"][0]["aria-describedby"] or "").split()
    assert [f["value"] for f in page.fields["category"] if "checked" in f] == ["pohon"]
    assert [f["value"] for f in page.fields["private"] if "checked" in f] == ["true"]
    assert f'<option value="{values["kelurahan"]}" selected>' in html
    assert ">\n\nBaris pertama\nkedua</textarea>" in html


def test_the_form_works_without_scripts(renderer: Renderer) -> None:
    html = renderer.report_form(FormView({}), "en")
    page = strict_html.read(html)
    assert '<form id="laporan" action="/api/reports" method="post" enctype="multipart/form-data"' in html
    names = {
        "category", "description", "latitude", "longitude", "accuracy", "landmark", "kelurahan", "private",
        "contact_email", "contact_phone", "contact_shared", "contact_updates", "judul", "language", "photo", "form",
    }  # fmt: skip
    # The search among the kinds has no name: it is not sent.
    asked = {name for name in page.fields if name.startswith("attribute[")}
    assert set(page.fields) == names | asked | {""}
    assert page.fields["language"][0]["value"] == "en"
    assert page.fields["form"][0]["value"] == "html"
    assert [f.get("capture") for f in page.fields["photo"]] == ["environment", None]
    assert re.search(r'<select id="kelurahan".*?</select>', html, re.S).group().count("<option ") == 1 + 267  # type: ignore[union-attr]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=300) | st.sampled_from([HOSTILE, "</script>", "\x00\x0b", "&lt;b&gt;", "%(n)s %d"])
)
def test_whatever_people_write_is_shown_as_text(renderer: Renderer, text: str) -> None:
    plain = strict_html.read(renderer.status(samples.sample_report(description="x", landmark="x"), "id"))
    html = renderer.status(samples.sample_report(description=text, landmark=text), "id")
    page = strict_html.read(html)
    assert page.problems == []
    # The same elements as around a harmless text; only the line for an empty landmark may be missing.
    assert page.tags["script"] == plain.tags["script"]
    assert page.tags["a"] == plain.tags["a"]
    assert plain.tags["p"] - page.tags["p"] in ({0} if text else {1})
    again = renderer.report_form(
        FormView({"description": text, "landmark": text, "contact_email": text}), "id"
    )
    form = strict_html.read(again)
    assert form.problems == []
    assert form.fields["contact_email"][0]["value"] == text.replace("\r\n", "\n")


def real_home(renderer: Renderer) -> HomeView:
    """As with a million reports: numbers of several digits in every kelurahan."""
    rows = [
        KelurahanRow(
            kode,
            name,
            kecamatan,
            kota,
            Counts({"waiting": 350 + len(kode + name) * 7, "done": 3000 + n * 13}),
        )
        for (kota, kecamatan), options in renderer.maps.names.items()
        for n, (kode, name) in enumerate(options)
    ]
    return HomeView(tuple(rows), example=True)


@pytest.mark.polygons
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_front_page_without_scripts_weighs_at_most_20_kb(true_renderer: Renderer, language: str) -> None:
    html = true_renderer.home(real_home(true_renderer), language)
    assert packed(html, *_styles(true_renderer, html)) <= 20 * 1024


@pytest.mark.polygons
def test_a_status_page_weighs_at_most_20_kb_with_its_styles(true_renderer: Renderer) -> None:
    html = true_renderer.status(samples.sample_report("done"), "id")
    assert packed(html, *_styles(true_renderer, html)) <= 20 * 1024


def test_assets_are_named_by_their_content_and_pages_link_only_to_them(
    renderer: Renderer, home_view: HomeView
) -> None:
    assets = dict(renderer.assets())
    hashed = [name for name in assets if name.startswith("aset/") and not name.endswith(".png")]
    assert all(re.search(r"-[0-9A-Z]{8}\.\w+$", name) for name in hashed)
    assert {"robots.txt", "favicon.svg", "favicon.ico", "manifest.webmanifest", "data/kategori.json"} <= set(
        assets
    )
    for name, html in every_page(renderer, home_view, "id").items():
        for link in re.findall(r'(?:href|src|data-words|data-styles)="/(aset/[^"#]*)', html):
            assert link in assets, name


def test_nothing_that_is_published_loads_from_elsewhere(renderer: Renderer) -> None:
    for name, content in renderer.assets():
        if name.endswith((".css", ".html")):
            assert not re.search(rb"url\(['\"]?(https?:)?//|@import", content), name


def test_a_basemap_is_off_until_it_is_set(renderer: Renderer, home_view: HomeView) -> None:
    assert "data-tiles" not in renderer.home(home_view, "id")
    tiles = Basemap("https://ubin.example/{z}/{x}/{y}.png", "Peta <oleh> X")
    html = dataclasses.replace(renderer, basemap=tiles).home(home_view, "id")
    assert 'data-tiles="https://ubin.example/{z}/{x}/{y}.png"' in html
    assert "Peta &lt;oleh&gt; X" in html
    assert tiles.origin == "https://ubin.example"
    assert Basemap().origin == ""
    own = Basemap(pmtiles="/peta/jakarta.pmtiles", attribution="Peta Z")
    html = dataclasses.replace(renderer, basemap=own).report_form(FormView({}), "id")
    assert 'data-pmtiles="/peta/jakarta.pmtiles" data-tiles-by="Peta Z"' in html
    assert own.origin == ""


def test_a_category_without_a_built_icon_is_refused_with_the_way_out(
    built: Path, city: tuple[Path, Any]
) -> None:
    strange = samples.SampleCategory("x", {"id": "X", "en": "X"}, {"id": "", "en": ""}, "no-such-icon")
    with pytest.raises(ValueError, match=r"no-such-icon.*python -m web build"):
        Renderer.open(
            geo_build=city[0],
            categories=[strange],
            approximate=False,
            boundaries_version="1",
            attribution="",
            web_build=built,
        )


def test_an_unbuilt_site_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="python -m web build"):
        Renderer.open(
            geo_build=tmp_path,
            categories=[],
            approximate=False,
            boundaries_version="1",
            attribution="",
            web_build=tmp_path,
        )


def test_an_unknown_language_is_refused(renderer: Renderer) -> None:
    with pytest.raises(ValueError, match="'fr'"):
        renderer.not_found("fr")


def test_small_counts_still_get_a_shade_each() -> None:
    assert class_breaks([0] * 90 + [1] * 100 + [2] * 20 + [3, 4, 5]) == [1, 2, 3, 4, 5]


@given(st.lists(st.integers(0, 5000), max_size=300))
def test_map_classes_ascend_and_every_count_has_a_shade(counts: list[int]) -> None:
    breaks = class_breaks(counts)
    assert breaks[0] == 1
    assert breaks == sorted(set(breaks))
    assert len(breaks) <= 5
    for count in counts:
        assert (shade(count, breaks) == 0) == (count == 0)


@given(st.text(max_size=400), st.integers(10, 150))
def test_a_shortened_text_fits_and_begins_the_same(text: str, length: int) -> None:
    short = shortened(text, length)
    line = " ".join(text.split())
    assert len(short) <= length
    assert short == line or line.startswith(short[:-1])


def test_names_as_people_say_them() -> None:
    assert kota_name("Kota Administrasi Jakarta Pusat") == "Jakarta Pusat"
    assert kota_name("Kabupaten Administrasi Kepulauan Seribu") == "Kepulauan Seribu"
    assert written_id("7K3M9QX2") == "7K3M-9QX2"


def _styles(renderer: Renderer, html: str) -> list[str]:
    names = re.findall(r'<link rel="stylesheet" href="/([^"]+)"', html)
    return [(renderer.web_build / name).read_text("utf-8") for name in names]
