// What the chosen kind of problem asks further: the other kinds' questions are hidden and not sent.
const parts = [...document.querySelectorAll("[data-asks]")];

/** Show the questions of a category's code; with none chosen, no questions. */
export function askFor(code) {
  for (const part of parts) {
    part.hidden = part.dataset.asks !== code;
    part.disabled = part.hidden;
  }
}
