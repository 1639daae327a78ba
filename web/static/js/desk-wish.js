// A queue's wish, and the form that it stands in: the same both ways, so that what is saved is what is asked.
const TICKS = ["mine", "assigned", "doubtful", "low_rating", "without_place"];
const LISTS = { state: "states", category: "categories" };

/** What the filters ask for, as the API takes it. Days are counted by the API, when it is asked. */
export function wishOf(fields, boundaries, area) {
  const wish = { words: fields.words.value.trim() };
  for (const name of TICKS) wish[name] = fields[name].checked;
  if (boundaries.length) wish.boundaries = boundaries;
  for (const [field, name] of Object.entries(LISTS)) if (fields[field].value) wish[name] = [fields[field].value];
  for (const name of ["office", "channel"]) if (fields[name].value) wish[name] = fields[name].value;
  if (fields.order.value) wish.oldest_first = true;
  const [, kind, days] = fields.age.value.match(/^(new|old)(\d+)$/) ?? [];
  if (kind) wish[kind === "new" ? "newer_days" : "older_days"] = Number(days);
  if (area) wish.area = area;
  return wish;
}

/** The filters as a wish has them. */
export function fill(fields, wish) {
  fields.words.value = wish.words ?? "";
  for (const name of TICKS) fields[name].checked = Boolean(wish[name]);
  for (const [field, name] of Object.entries(LISTS)) fields[field].value = wish[name]?.[0] ?? "";
  for (const name of ["office", "channel"]) fields[name].value = wish[name] ?? "";
  fields.order.value = wish.oldest_first ? "oldest" : "";
  fields.age.value = wish.newer_days ? `new${wish.newer_days}` : wish.older_days ? `old${wish.older_days}` : "";
}
