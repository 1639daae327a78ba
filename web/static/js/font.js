// The headings' face comes after the first paint, and not at all where the reader asked for little data.
const dress = () => {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = document.documentElement.dataset.font;
  document.head.append(sheet);
};
if (!navigator.connection?.saveData) {
  if (document.readyState === "complete") dress();
  else addEventListener("load", dress);
}
