// A button over every pin of the list's page, for keyboards and screen readers: one stop, arrow keys go on.
import { _ } from "./words.js";

export class Spots {
  /** `hears` is {focus(report), leave(), choose(report, byKey)}. */
  constructor(map, hears) {
    this.map = map;
    this.hears = hears;
    this.pane = map.createPane("spots");
    this.pane.setAttribute("role", "group");
    this.pane.setAttribute("aria-label", _("Reports on the map; arrow keys go from one to the next"));
    this.pane.hidden = true;
    this.pane.addEventListener("keydown", (event) => this.walk(event));
    map.on("zoomstart", () => {
      this.pane.hidden = true;
    });
    this.buttons = [];
  }

  /** Show `reports`, each named by `name(report)`. */
  show(reports, name) {
    const kept = this.buttons.find((button) => button === document.activeElement)?.dataset.id;
    this.pane.hidden = reports.length === 0;
    this.buttons = reports.map((report, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "spot";
      button.dataset.id = report.id;
      button.tabIndex = i ? -1 : 0;
      button.setAttribute("aria-label", name(report));
      const { x, y } = this.map.latLngToLayerPoint([report.latitude, report.longitude]);
      button.style.transform = `translate(${x}px, ${y}px)`;
      button.addEventListener("focus", () => this.hears.focus(report));
      button.addEventListener("blur", () => this.hears.leave());
      button.addEventListener("click", (event) => this.hears.choose(report, event.detail === 0));
      return button;
    });
    this.pane.replaceChildren(...this.buttons);
    if (kept) this.go(Math.max(0, this.buttons.findIndex((button) => button.dataset.id === kept)));
  }

  walk(event) {
    const at = this.buttons.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: this.buttons.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.go((to + this.buttons.length) % this.buttons.length);
  }

  go(i) {
    for (const button of this.buttons) button.tabIndex = -1;
    const button = this.buttons[i];
    if (!button) return;
    button.tabIndex = 0;
    button.focus({ preventScroll: true });
  }

  /** Back to the button of a report, where the keyboard was. */
  focus(id) {
    this.go(this.buttons.findIndex((button) => button.dataset.id === id));
  }
}
