// Elements and icons, made in one line each; what the map's scripts share.
export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

/** An icon by the address of its symbol, `#s-waiting` on the page or `/aset/ikon.svg#name`; not read aloud. */
export const icon = (href, className = "") => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  if (className) svg.setAttribute("class", className);
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", href);
  svg.append(use);
  return svg;
};

/** Text as HTML that shows it. */
export const escaped = (text) => element("i", {}, text).innerHTML;
