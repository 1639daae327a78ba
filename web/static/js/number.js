// Reading a report's number as people type it.

/** The id that a person meant: any case, with or without dash, O for 0, I and L for 1; null when it is none. */
export function readId(text) {
  const code = text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return /^[0-9A-HJKMNP-TV-Z]{8}$/.test(code) ? code : null;
}
