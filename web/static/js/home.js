// The front page first shows its drawing; the map that moves comes when the page is done loading.
const figure = document.getElementById("peta");

const start = () => import("./map.js").then((module) => module.start(figure)).catch(() => {});

const soon = () => ("requestIdleCallback" in window ? requestIdleCallback(start, { timeout: 1500 }) : setTimeout(start, 200));

if (document.readyState === "complete") soon();
else addEventListener("load", soon, { once: true });
