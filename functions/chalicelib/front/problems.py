"""What can be wrong with something a client sent: codes, and the words for them.

One table: every code with its message (English msgids, translated through gettext).
A message says what was wrong, with which value, and what to do. Who raises a
problem gives code, field and values; words are made only when they are shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a message for translation without translating it yet."""
    return message


MESSAGES: Mapping[str, str] = {
    "missing": N_("“%(field)s” is missing. Please fill it in."),
    "unknown_field": N_("“%(field)s” is not a field we know. Check its spelling or leave it out."),
    "repeated": N_("“%(field)s” was sent %(count)s times. Send it once."),
    "not_a_number": N_("“%(value)s” is not a number. Use digits and a point, such as -6.1754."),
    "not_a_date": N_(
        "“%(value)s” is not a date we can read. Write it like 2026-11-23T08:30:00+07:00 or 2026-11-23T01:30:00Z."
    ),
    "not_a_choice": N_("“%(value)s” is not one of the choices. Choose one of: %(choices)s."),
    "not_yes_or_no": N_("“%(value)s” is neither yes nor no. Send true or false."),
    "attributes_wrong": N_("“attributes” must be an object with a text or a list of texts for each code."),
    "not_text": N_("“%(field)s” must be text."),
    "out_of_range": N_("%(value)s is out of range. It must be between %(least)s and %(most)s."),
    "too_short": N_("Please tell a little more: at least %(least)s characters. You wrote %(length)s."),
    "too_long": N_("That is too long: at most %(most)s characters. You wrote %(length)s. Please shorten it."),
    "position_missing": N_(
        "Where is it? Drop a pin on the map, or choose the kelurahan and name a landmark."
    ),
    "position_half": N_("A position needs both latitude and longitude; one of them is missing."),
    "position_swapped": N_(
        "Latitude %(latitude)s and longitude %(longitude)s look swapped. Please exchange them."
    ),
    "outside_jakarta": N_(
        "This place is outside Jakarta, so no office here can act on it. Check the pin, "
        "or report it to the local government of that place."
    ),
    "kelurahan_unknown": N_("There is no kelurahan with the code “%(value)s”. Choose one from the list."),
    "kelurahan_mismatch": N_(
        "The pin is not in the kelurahan “%(value)s”. "
        "Move the pin, or leave the kelurahan to us: it follows from the pin."
    ),
    "landmark_missing": N_("Without a pin we need a landmark, such as a shop, a school or a crossing."),
    "email_wrong": N_("“%(field)s” does not look like an e-mail address. Check it, or leave it empty."),
    "phone_wrong": N_("“%(field)s” does not look like a phone number. Check it, or leave it empty."),
    "photo_too_many": N_("You sent %(count)s photos. At most %(most)s fit a report; choose the clearest."),
    "photo_not_a_photo": N_("Photo %(number)s is not a photo we can read. Send a JPEG, PNG or WebP."),
    "photo_heic": N_(
        "Photo %(number)s is in HEIC format. In the camera's settings choose “Most compatible”, or send a JPEG."
    ),
    "photo_too_large": N_("Photo %(number)s is too large. Send one of at most %(most)s MB."),
    "photo_too_many_pixels": N_("Photo %(number)s has too many pixels. Send a smaller one."),
    "photo_too_small": N_("Photo %(number)s is too small to show anything. Send a larger one."),
    "photo_broken": N_("Photo %(number)s is damaged. Take it again or choose another."),
    "upload_unknown": N_("Photo %(number)s did not arrive, or waited too long. Please send it again."),
    "body_too_large": N_("The report with its photos is too large. Send fewer or smaller photos."),
    "body_unreadable": N_("The report could not be read as %(content_type)s. Please send it again."),
    "content_type": N_(
        "“%(value)s” is not a form we read. "
        "Send application/json, application/x-www-form-urlencoded or multipart/form-data."
    ),
    "idempotency_key": N_(
        "The header Idempotency-Key takes 8 to 128 letters, digits, - or _; yours is different."
    ),
    "idempotency_reused": N_(
        "This Idempotency-Key was used for a different report. Use a new key for a new report."
    ),
    "busy": N_("Many reports are coming in just now. Please send it again in a minute; nothing was lost."),
    "head_too_large": N_("The request has too many or too long headers."),
    "request_unreadable": N_("This is not a request we can read."),
    "too_often": N_(
        "That was very often from your connection. Please try again in %(seconds)s seconds; what you wrote is kept."
    ),
    "slower": N_(
        "Many reports come from your connection just now. Nothing was lost: "
        "please wait %(seconds)s seconds, then send it again."
    ),
    "trapped": N_(
        "A field that nobody can see was filled in, as programs do. "
        "It is empty again: please send the report once more."
    ),
    "report_id": N_("“%(value)s” is not a report number. It has 8 letters and digits, such as 7K3M-9QX2."),
    "find_empty": N_("Type a report's number, or the name of a kelurahan, kecamatan or landmark."),
    "find_nothing": N_("Nothing is called “%(value)s” here. Try fewer letters, or look on the map."),
    "report_unknown": N_("There is no public report with the number %(value)s. Check the number."),
    "receipt_unknown": N_("This device has no key for the report %(value)s, or it has expired."),
    "window_reversed": N_("start_date %(start)s is after end_date %(end)s. Exchange them."),
    "too_many_ids": N_("You named %(count)s requests at once. Name at most %(most)s."),
    "service_unknown": N_(
        "There is no service with the code “%(value)s”. The list of services names them all."
    ),
    "jurisdiction_unknown": N_("There is no jurisdiction “%(value)s” here. Leave jurisdiction_id out."),
    "address_missing": N_("Where is it? Send lat and long, or address_string, or address_id."),
    "format_unknown": N_("There is no format “%(value)s” here. End the address in .xml or .json."),
    "media_address": N_(
        "“%(value)s” is not an address photos are fetched from. Use a public http or https address."
    ),
    "media_unreachable": N_("The photo at “%(value)s” could not be fetched in time. Check the address."),
    "media_not_image": N_("What lies at “%(value)s” is not an image. Check the address."),
    "media_too_large": N_("The photo at “%(value)s” is too large. At most %(most)s MB are fetched."),
    "api_key_missing": N_("This needs an api_key. The discovery document says how to get one."),
    "api_key_wrong": N_("This api_key is unknown, or it was revoked. Check it, or ask for a new one."),
    "api_key_right": N_("This api_key may not do that: it lacks the right “%(value)s”."),
    "api_key_place": N_("This api_key may not act on reports of that place."),
    "rate": N_("At most %(most)s requests a minute are taken. Try again in %(seconds)s seconds."),
    "update_reused": N_("The update_id “%(value)s” was used for a different update. Use a new one."),
    "move_not_allowed": N_("A report in the state “%(value)s” cannot be moved like that."),
    "move_too_late": N_("A report can be opened again for %(most)s days after it was done. Report it anew."),
    "move_text_missing": N_("This needs a description that the public can read."),
    "move_duplicate": N_("Name the other report that tells the same, in duplicate_of."),
    "signature_missing": N_("The signature is missing. Sign the body as the documentation says."),
    "signature_wrong": N_("The signature does not fit the body, the secret or the time. Sign it anew."),
    "sign_in": N_("Please sign in first."),
    "sign_in_off": N_("Nobody can sign in here yet: no sign-in provider is set up."),
    "token_wrong": N_("This sign-in is not valid here. Please sign in again."),
    "token_expired": N_("Your session has ended. Please sign in again; what you wrote is kept."),
    "officer_unknown": N_(
        "You are signed in, but no officer's account here is yours. Ask your administrator."
    ),
    "officer_disabled": N_("This officer's account was closed. Ask your administrator."),
    "not_yours": N_("Your role or your boundaries do not allow this."),
    "out_of_reach": N_("“%(value)s” is outside your boundaries."),
    "report_not_yours": N_("There is no report %(value)s within your boundaries."),
    "contact_hidden": N_("The reporter left no contact, or did not allow you to see it."),
    "client_unknown": N_("There is no client “%(value)s” within your boundaries. The list names them all."),
    "changed_meanwhile": N_(
        "Somebody else changed this report while you were at it. See what is new, then decide."
    ),
    "nothing_changed": N_("Nothing would change. Correct something first."),
    "office_unknown": N_("The report cannot go to “%(value)s”. Choose another office from the list."),
    "officer_not_here": N_(
        "It can only be given to somebody of the office where it is. Choose from the list."
    ),
    "nowhere_back": N_("There is no office that it could be sent back to."),
    "area_wrong": N_("The area %(value)s."),
    "entry_wrong": N_("This cannot be saved: %(value)s."),
    "entry_unknown": N_("There is no entry “%(value)s” here. Look at the list again."),
    "entries_too_many": N_("There are too many entries. Take some out first."),
    "edited_meanwhile": N_(
        "Somebody else changed this list while you were at it. Look at it again, then save."
    ),
    "rule_not_tried": N_("Try this rule on past reports first; then it can go live."),
    "account_unknown": N_("There is no account “%(value)s” within your boundaries."),
    "account_own": N_(
        "You cannot change your own role or boundaries, nor close your own account. Ask another admin."
    ),
    "account_beyond": N_("“%(value)s” is beyond your own rights: you cannot give it."),
    "account_email": N_(
        "A sign-in provider is set up here: an account needs an e-mail address for the invitation."
    ),
    "account_email_taken": N_("“%(value)s” has an account already."),
    "provider_busy": N_(
        "The sign-in provider does not answer just now. Nothing was changed; try again in a minute."
    ),
    "views_too_many": N_("You have saved %(most)s views; that is the most. Forget one first."),
    "view_too_large": N_("The drawn area is too large to be saved. Simplify it."),
    "deed_wrong": N_("The request cannot be read: %(value)s."),
    "channel_unknown": N_("There is no channel “%(value)s” that takes messages here."),
    "key_wrong": N_(
        "This key does not open this report. Check the number and the key; both are on your receipt."
    ),
    "key_needed": N_("This page opens with the report's key. It was shown when the report was sent."),
    "rate_not_closed": N_("This report is not finished yet. You can rate it when it is."),
    "rated_already": N_(
        "You have rated this already. After it was opened and closed again you can rate anew."
    ),
    "reopen_too_late": N_(
        "A report can be opened again within %(days)s days of done; that time is over. Please send a new report."
    ),
    "reopen_not_done": N_(
        "Only a report that is done can be opened again. You can still add words or photos."
    ),
    "addition_empty": N_("Please write something or choose a photo."),
    "additions_too_many": N_("You have added %(most)s times already; that is the most a report takes."),
    "question_closed": N_("This question was answered already, or there is no such question."),
    "support_closed": N_("This report is closed. If the problem is still there, please send a new report."),
    "device_wrong": N_("“device” must be 16 to 128 characters: any random text that your app keeps."),
    "follow_off": N_("Messages of this kind are not sent here."),
    "follow_nothing": N_("Choose what to follow: a report, an area, a category in an area, or a circle."),
    "follow_area": N_(
        "“%(value)s” cannot be followed whole. Choose a kelurahan or kecamatan; a larger area with a category."
    ),
    "follow_how": N_("Leave an e-mail address, or allow push messages in this browser."),
    "follow_too_often": N_(
        "We have written to this address several times within the hour. Look for our mail, also in the "
        "spam folder, or come back in %(seconds)s seconds."
    ),
    "follow_too_many": N_("One address follows at most %(most)s things. End one of them first."),
    "follow_token": N_(
        "This link is not whole, or what it led to has ended. Nothing is sent to you any more by it."
    ),
    "follow_push": N_("This is no push subscription of a browser that is known here."),
    "not_found": N_("There is nothing at this address. Check it for a typing mistake."),
    "method_not_allowed": N_("This address does not take %(value)s requests."),
    "internal": N_("Something went wrong on our side. Please try again in a few minutes."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its code, the field it belongs to ("" for the whole), and values for the words."""

    code: str
    field: str = ""
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def message(self, language: str) -> str:
        """The problem in words, in the reader's language (`id` or `en`)."""
        from web.i18n import translation

        text = translation(language).gettext(MESSAGES[self.code])
        return text % {"field": self.field, **{k: _bounded(v) for k, v in self.values.items()}}


class Refused(Exception):
    """What was sent cannot be taken; `problems` say why; `status` and `headers` are HTTP's that fit."""

    def __init__(
        self, problems: Sequence[Problem], status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(", ".join(f"{p.code}({p.field})" for p in problems))
        self.problems = tuple(problems)
        self.status = status
        self.headers = dict(headers or {})


def preferred(accept_language: str) -> str:
    """`id` or `en`: which of the two an Accept-Language header (RFC 9110) likes better; `id` when neither."""
    weights: dict[str, float] = {}
    for part in accept_language[:400].lower().split(","):
        tag, _, parameters = part.strip().partition(";")
        try:
            weight = float(parameters.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        language = tag.partition("-")[0].strip()
        weights[language] = max(weights.get(language, 0.0), weight)
    return "en" if weights.get("en", 0.0) > weights.get("id", 0.0) else "id"


def _bounded(value: Any) -> Any:
    """A value as it may be quoted back: never longer than a line."""
    return value if not isinstance(value, str) or len(value) <= 60 else value[:57] + "…"
