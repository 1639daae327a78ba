// What the phone keeps: drafts, the queue of reports to send, and its own reports. Used by pages and the service worker.
const NAME = "cctv-warga";
const VERSION = 1;
/** Stores and what their records are found by. */
const STORES = { drafts: "name", queue: "key", reports: "id" };

let opened;

function open() {
  opened ??= opening(VERSION)
    .catch((error) => {
      // A newer build has been here: its database holds what this one needs, and perhaps more.
      if (error?.name === "VersionError") return opening(undefined);
      throw error;
    })
    .catch((error) => {
      opened = undefined;
      throw error;
    });
  return opened;
}

function opening(version) {
  return new Promise((done, failed) => {
    const request = indexedDB.open(NAME, version);
    request.onupgradeneeded = () => {
      for (const [store, keyPath] of Object.entries(STORES)) {
        if (!request.result.objectStoreNames.contains(store)) request.result.createObjectStore(store, { keyPath });
      }
    };
    request.onerror = () => failed(request.error);
    request.onblocked = () => failed(new Error("the database is held by an older page"));
    request.onsuccess = () => {
      const database = request.result;
      // Another build wants to change the stores: make way at once.
      database.onversionchange = database.onclose = () => {
        database.close();
        opened = undefined;
      };
      done(database);
    };
  });
}

/** Everything in a store. */
export async function all(store) {
  const database = await open();
  return answered(database.transaction(store).objectStore(store).getAll());
}

/** One record, or undefined. */
export async function get(store, key) {
  const database = await open();
  return answered(database.transaction(store).objectStore(store).get(key));
}

/** Write and remove together, or not at all: changes are ["put", store, record] or ["remove", store, key]. */
export async function change(...changes) {
  const database = await open();
  const transaction = database.transaction([...new Set(changes.map(([, store]) => store))], "readwrite");
  for (const [deed, store, what] of changes) transaction.objectStore(store)[deed === "put" ? "put" : "delete"](what);
  return new Promise((done, failed) => {
    transaction.oncomplete = () => done();
    transaction.onerror = transaction.onabort = () => failed(transaction.error);
  });
}

function answered(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
