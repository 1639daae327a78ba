// What the service worker does with push messages: shows each, and opens its page when it is tapped.
self.addEventListener("push", (event) => {
  let told;
  try {
    told = event.data.json();
  } catch {
    return; // not from us
  }
  const shown = {
    body: String(told.body ?? ""),
    lang: told.lang === "en" ? "en" : "id",
    icon: "/aset/ikon-192.png",
    tag: String(told.url ?? ""),
    data: { url: String(told.url ?? "/") },
  };
  event.waitUntil(self.registration.showNotification(String(told.title ?? "CCTV Warga"), shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const address = new URL(event.notification.data?.url ?? "/", self.location.origin);
  // A message leads nowhere but to this site.
  const target = address.origin === self.location.origin ? address.href : self.location.origin;
  event.waitUntil(
    self.clients.matchAll({ type: "window" }).then((open) => {
      const there = open.find((client) => client.url === target);
      return there ? there.focus() : self.clients.openWindow(target);
    }),
  );
});
