// Where the visitor is, when asked for, and a report from any spot: a long press, a right click or the context key.
import { element } from "./dom.js";
import { Circle, CircleMarker, still } from "./leaflet.js";
import { _, root } from "./words.js";

export default class Here {
  constructor(city) {
    this.city = city;
  }

  /** Ask the device, once, because `button` was pressed. The position stays in this browser. */
  locate(button) {
    const { city } = this;
    if (!navigator.geolocation) {
      city.say(_("This device does not tell its position. Search for your kelurahan instead."));
      return;
    }
    button.disabled = true;
    city.say(_("Looking for your position …"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        button.disabled = false;
        this.arrived(coords);
      },
      ({ code, PERMISSION_DENIED }) => {
        button.disabled = false;
        city.say(
          code === PERMISSION_DENIED
            ? _("Your position was not shared, and that is fine. Search for your kelurahan instead.")
            : _("Your position was not found. Search for your kelurahan instead."),
        );
      },
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 30000 },
    );
  }

  arrived({ latitude, longitude, accuracy }) {
    const { city } = this;
    const at = [latitude, longitude];
    if (!city.boundsOf("").contains(at)) {
      city.say(_("You seem to be outside Jakarta. This map ends there."));
      return;
    }
    this.circle?.remove();
    this.dot?.remove();
    this.circle = new Circle(at, { radius: accuracy, className: "accuracy", weight: 1.5, interactive: false }).addTo(city.map);
    this.dot = new CircleMarker(at, { radius: 6, className: "me", weight: 3, interactive: false }).addTo(city.map);
    city.say("");
    const zoom = accuracy > 400 ? 15 : 16;
    city.act(() => city.map.setView(at, zoom, { animate: !still }));
  }

  /** A spot that was pressed: offer to report there. */
  spot({ lat, lng }) {
    const { city } = this;
    const { card } = city;
    this.mark?.remove();
    this.mark = new CircleMarker([lat, lng], { radius: 9, className: "pressed", weight: 3, interactive: false }).addTo(city.map);
    const close = element("button", { type: "button", class: "mapcard-close", "aria-label": _("Close") }, "×");
    const shut = () => {
      card.hidden = true;
      this.mark.remove();
      city.box.focus({ preventScroll: true });
    };
    close.addEventListener("click", shut);
    card.onkeydown = (event) => {
      if (event.key === "Escape") shut();
    };
    const link = element("a", { class: "button", href: `${root}/lapor/#${lat.toFixed(5)},${lng.toFixed(5)}` }, _("Report this spot"));
    card.replaceChildren(element("p", { class: "pressed-spot" }, link), close);
    card.hidden = false;
    link.focus({ preventScroll: true });
  }
}
