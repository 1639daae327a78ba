// Small helpers of the desk: elements, the shapes of states, what is kept while a session ends.

/** An element with attributes and children; text is always text, never markup. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A drawing of the page's own sheet. */
export function icon(name, kind = "i") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", kind);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

export { stateWord } from "./reports.js";

/** What somebody wrote stays until it was sent, also when the session ends in between. */
export const drafts = {
  read(key) {
    try {
      return JSON.parse(sessionStorage.getItem(`draft:${key}`)) ?? {};
    } catch {
      return {};
    }
  },
  write(key, value) {
    sessionStorage.setItem(`draft:${key}`, JSON.stringify(value));
  },
  drop(key) {
    sessionStorage.removeItem(`draft:${key}`);
  },
};
