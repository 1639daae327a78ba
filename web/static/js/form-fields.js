// The report form's element and its fields by name, for every script of the form.
export const form = document.getElementById("laporan");

export const field = (name) => form.elements.namedItem(name);

/** The chosen category's radio button, or null. */
export const category = () => form.querySelector("input[name=category]:checked");

/** Tick a part of the form when it is filled in, for the eye alone. */
export function ticked(section, done) {
  document.getElementById(section).classList.toggle("done", done);
}
