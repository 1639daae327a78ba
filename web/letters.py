"""What followers read: the words of every message in both languages, as text, simple HTML and one sentence.

Takes what happened as plain data and gives letters; knows no address, sends nothing, reads no clock.
Words are decided here, the layout stands in templates/letter.html and letter.txt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from web import i18n
from web.render import Renderer
from web.vocabulary import N_, REASONS, STATES, kota_name, written_id

if TYPE_CHECKING:
    from gettext import GNUTranslations

    from jinja2 import Environment, Template

QUOTED = 300
"""Characters of a public text that a letter quotes; the rest is on the page."""
DIGESTED = 30
"""Lines of a digest; more are counted."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What somebody follows. `name` is of the area; `kind` is report, kelurahan, kecamatan, kota, city or circle."""

    kind: str
    name: str = ""
    report: str = ""
    category: str = ""
    radius_m: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened to a report. `what` is a key of SENTENCES; of a private one only the number is told."""

    what: str
    report: str
    category: str = ""
    kelurahan: str = ""
    kota: str = ""
    state: str = ""
    office: str = ""
    to_office: str = ""
    text: str = ""
    reason: str = ""
    percent: int | None = None
    planned: date | None = None
    private: bool = False
    own: bool = False
    """Told to who sent the report."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that a letter leads to, absolute. `act` is the button's; the others end or manage."""

    act: str
    end: str = field(default="", repr=False)
    manage: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter in every form it is sent in; `short` is one sentence for a push message."""

    subject: str
    text: str
    html: str
    short: str


SENTENCES = {
    "arrived": N_("A new report came in."),
    "handed": N_("The report was handed on to %(to_office)s."),
    "coordination": N_("The offices are agreeing on who will do it."),
    "progress": N_("The work is being done."),
    "done": N_("The work is finished."),
    "rejected": N_("The report was rejected."),
    "duplicate": N_("The same problem was already reported; the other report goes on."),
    "reopened": N_("The report was opened again."),
    "placed": N_("An office corrected the place of the report."),
    "asked": N_("%(office)s asks the reporter a question."),
    "noted": N_("There is a note on the report."),
    "late": N_("The day planned for the work, %(planned)s, has passed and the report is not done yet."),
}


@dataclass(frozen=True)
class Letters:
    """Writes letters. Templates are compiled once."""

    renderer: Renderer

    def confirmation(self, followed: Followed, links: Links, language: str, *, hours: int) -> Letter:
        """Asks whether who reads this mailbox really wants to follow."""
        words = i18n.translation(language)
        what = self.name(followed, language)
        return self._letter(
            language,
            subject=words.gettext("Please confirm: follow %(what)s") % {"what": what},
            paragraphs=(
                words.gettext("Somebody, hopefully you, asked to follow %(what)s at this address.")
                % {"what": what},
                words.gettext(
                    "Nothing is sent before you say yes. The button is good for %(hours)s hours; "
                    "if it was not you, ignore this mail."
                )
                % {"hours": hours},
            ),
            button=words.gettext("Yes, I want to follow"),
            links=links,
        )

    def news(self, news: News, followed: Sequence[Followed], links: Links, language: str) -> Letter:
        """One thing that happened."""
        words = i18n.translation(language)
        number = written_id(news.report)
        if news.private:
            told = words.gettext(
                "There is news of your report %(id)s. Open it with your key: it is private, so it is not told here."
            )
            return self._letter(
                language,
                subject=words.gettext("News of your report %(id)s") % {"id": number},
                paragraphs=(told % {"id": number},),
                button=words.gettext("Open the report"),
                links=links,
                reasons=self._reasons(followed, language),
            )
        sentence = self._sentence(news, words, language)
        paragraphs = [sentence, *self._details(news, words, language)]
        if news.what == "late":
            paragraphs.append(
                words.gettext("We say so plainly: the promise was not kept. The page shows what is known.")
            )
        if news.own and news.what == "asked":
            paragraphs.append(words.gettext("Open the report with your key to answer."))
        if news.own and news.what in {"done", "rejected"}:
            paragraphs.append(
                words.gettext("Open the report with your key to say whether you are satisfied.")
            )
        return self._letter(
            language,
            subject=f"{self._title(news, language)}: {self._word(news, words)} ({number})",
            paragraphs=paragraphs,
            quote=_shortened(news.text),
            button=words.gettext("Open the report"),
            links=links,
            reasons=self._reasons(followed, language),
            short=sentence,
        )

    def digest(
        self,
        rows: Sequence[tuple[News, str]],
        followed: Sequence[Followed],
        links: Links,
        language: str,
        *,
        more: int = 0,
    ) -> Letter:
        """What happened since the last digest: (news, address of its page), and how many more there were."""
        words = i18n.translation(language)
        total = len(rows) + more
        subject = words.ngettext("%(n)s piece of news", "%(n)s pieces of news", total) % {
            "n": i18n.number(total, language)
        }
        lines = tuple(
            (
                words.gettext("News of your report %(id)s") % {"id": written_id(news.report)}
                if news.private
                else f"{self._title(news, language)} ({written_id(news.report)})",
                "" if news.private else self._sentence(news, words, language),
                url,
            )
            for news, url in rows[:DIGESTED]
        )
        left = total - len(lines)
        paragraphs = (
            [words.ngettext("%(n)s more is not listed here.", "%(n)s more are not listed here.", left)]
            if left
            else []
        )
        return self._letter(
            language,
            subject=words.gettext("Your day in Jakarta: %(news)s") % {"news": subject},
            paragraphs=[text % {"n": i18n.number(left, language)} for text in paragraphs],
            lines=lines,
            button=words.gettext("Open the map"),
            links=links,
            reasons=self._reasons(followed, language),
            short="; ".join(line[0] for line in lines[:3]),
        )

    def name(self, followed: Followed, language: str) -> str:
        """What is followed, as part of a sentence."""
        words = i18n.translation(language)
        if followed.kind == "report":
            return words.gettext("report %(id)s") % {"id": written_id(followed.report)}
        names: dict[str, Callable[[], str]] = {
            "kelurahan": lambda: words.gettext("kelurahan %(name)s") % {"name": followed.name},
            "kecamatan": lambda: words.gettext("kecamatan %(name)s") % {"name": followed.name},
            "kota": lambda: kota_name(followed.name),
            "city": lambda: words.gettext("all of Jakarta"),
            "circle": lambda: (
                words.gettext("%(metres)s metres around your place")
                % {"metres": i18n.number(followed.radius_m, language)}
            ),
        }
        where = names[followed.kind]()
        if not followed.category:
            return where
        return words.gettext("%(category)s in %(place)s") % {
            "category": self._category(followed.category, language),
            "place": where,
        }

    def _category(self, code: str, language: str) -> str:
        known = self.renderer.categories.get(code)
        return known.names[language] if known else code

    def _title(self, news: News, language: str) -> str:
        category = self._category(news.category, language)
        return f"{category}, {news.kelurahan}" if news.kelurahan else category

    def _word(self, news: News, words: GNUTranslations) -> str:
        if news.what == "late":
            return words.gettext("later than planned")
        if news.what == "asked":
            return words.gettext("a question")
        if news.what == "arrived":
            return words.gettext("new report")
        return words.gettext(STATES[news.state].word)

    def _sentence(self, news: News, words: GNUTranslations, language: str) -> str:
        values = {
            "office": news.office,
            "to_office": news.to_office,
            "planned": i18n.day(news.planned, language) if news.planned else "",
        }
        return words.gettext(SENTENCES[news.what]) % values

    def _details(self, news: News, words: GNUTranslations, language: str) -> list[str]:
        found = []
        if news.reason in REASONS:
            found.append(words.gettext(REASONS[news.reason]))
        if news.percent is not None:
            found.append(words.gettext("%(n)s%% done") % {"n": news.percent})
        if news.planned and news.what != "late":
            found.append(f"{words.gettext('Planned to be finished on')} {i18n.day(news.planned, language)}.")
        return found

    def _reasons(self, followed: Sequence[Followed], language: str) -> str:
        words = i18n.translation(language)
        names = "; ".join(self.name(each, language) for each in followed)
        return words.gettext("You get this because you follow: %(what)s.") % {"what": names}

    def _letter(
        self,
        language: str,
        *,
        subject: str,
        paragraphs: Sequence[str],
        button: str,
        links: Links,
        lines: Sequence[tuple[str, str, str]] = (),
        quote: str = "",
        reasons: str = "",
        short: str = "",
    ) -> Letter:
        plain = " ".join(subject.split())
        context = {
            "subject": plain,
            "paragraphs": tuple(paragraphs),
            "lines": tuple(lines),
            "quote": quote,
            "button": button,
            "links": links,
            "reasons": reasons,
        }
        html, text = self._templates[language]
        return Letter(
            plain,
            re.sub(r"\n{3,}", "\n\n", text.render(context)).strip() + "\n",
            html.render(context),
            short or next(iter(paragraphs), ""),
        )

    @cached_property
    def _templates(self) -> dict[str, tuple[Template, Template]]:
        return {
            language: (
                self._environment(language, escape=True).get_template("letter.html"),
                self._environment(language, escape=False).get_template("letter.txt"),
            )
            for language in i18n.LANGUAGES
        }

    @staticmethod
    def _environment(language: str, *, escape: bool) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        from web.render import HERE

        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=escape,  # noqa: S701 (plain text is not HTML)
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
        )
        words = i18n.translation(language)
        environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
        environment.globals["language"] = language
        return environment


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= QUOTED else flat[: QUOTED - 1].rstrip() + "…"
