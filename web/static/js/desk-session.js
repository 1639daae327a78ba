// Signing in with code and PKCE, and asking the API as the officer who did. Tokens live as long as the tab.
import { _, language, root } from "./words.js";

const KEPT = "desk-session";
const ASKED = "desk-sign-in";
let provider;
let refreshing;

export class Refusal extends Error {
  constructor(status, answer) {
    super(answer?.errors?.map((error) => error.message).join(" ") || _("Something went wrong. Please try again."));
    this.status = status;
    this.answer = answer;
    this.code = answer?.errors?.[0]?.code ?? "";
  }
}

/** There is no connection: what was asked may or may not have happened; asking again with the same key is safe. */
export class Offline extends Error {
  constructor() {
    super(_("No connection. What you wrote is still here: try again when you are back online."));
  }
}

/** The session is over and could not be renewed. */
export class SignedOut extends Error {
  constructor() {
    super(_("Your session has ended. Please sign in again; what you wrote is kept."));
  }
}

const read = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
const here = () => `${location.origin}${root}/petugas/`;

export async function findProvider() {
  provider ??= await answerOf(await reach("/api/staff/session", { headers: { "Accept-Language": language } }));
  return provider;
}

export const signedIn = () => Boolean(read());

/** Off to the provider; whoever comes back finds the report that was open. */
export async function signIn() {
  const { authorize_url: url, client_id: client } = await findProvider();
  const verifier = random(48);
  const state = random(16);
  sessionStorage.setItem(ASKED, JSON.stringify({ verifier, state, hash: location.hash }));
  const asked = new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: here(),
    scope: "openid",
    state,
    code_challenge: await challenge(verifier),
    code_challenge_method: "S256",
    ui_locales: language,
  });
  location.assign(`${url}?${asked}`);
}

/** Finish a sign-in that came back with a code. Returns what was wrong, in words, or null. */
export async function comeBack() {
  const got = new URLSearchParams(location.search);
  if (!got.has("code") && !got.has("error")) return null;
  const asked = JSON.parse(sessionStorage.getItem(ASKED) ?? "null");
  sessionStorage.removeItem(ASKED);
  // The code is used once and is no address to come back to.
  history.replaceState(null, "", `${location.pathname}${asked?.hash ?? ""}`);
  if (!asked || got.get("state") !== asked.state || !got.has("code")) return _("Signing in did not work. Please try again.");
  const kept = await exchange({
    grant_type: "authorization_code",
    code: got.get("code"),
    redirect_uri: here(),
    code_verifier: asked.verifier,
  });
  return kept ? null : _("Signing in did not work. Please try again.");
}

/** End the session here and at the provider, which would otherwise let the next person in without a password. */
export async function signOut() {
  const kept = read();
  const { logout_url: revoke, end_session_url: end, client_id: client } = await findProvider().catch(() => ({}));
  sessionStorage.clear();
  if (kept?.refresh && revoke) {
    const body = new URLSearchParams({ token: kept.refresh, client_id: client });
    await fetch(revoke, { method: "POST", body }).catch(() => null);
  }
  // Amazon Cognito calls the way back logout_uri, OpenID Connect post_logout_redirect_uri.
  return end ? `${end}?${new URLSearchParams({ client_id: client, logout_uri: here(), post_logout_redirect_uri: here() })}` : here();
}

async function exchange(fields) {
  const { token_url: url, client_id: client } = await findProvider();
  const got = await reach(url, { method: "POST", body: new URLSearchParams({ ...fields, client_id: client }) });
  if (!got.ok) return false;
  const tokens = await got.json();
  const kept = { access: tokens.access_token, refresh: tokens.refresh_token ?? read()?.refresh };
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
  return true;
}

/** Ask the API. `key` makes a deed happen once, however often it is sent. Throws Refusal, Offline, SignedOut. */
export async function ask(path, { body, key } = {}) {
  for (const last of [false, true]) {
    const kept = read();
    if (!kept) throw new SignedOut();
    const headers = { Authorization: `Bearer ${kept.access}`, "Accept-Language": language, Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const got = await reach(path, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (got.status === 401 && !last) {
      refreshing ??= renew(kept).finally(() => {
        refreshing = undefined;
      });
      if (await refreshing) continue;
      sessionStorage.removeItem(KEPT);
      throw new SignedOut();
    }
    return answerOf(got);
  }
  throw new SignedOut();
}

const renew = (kept) => (kept.refresh ? exchange({ grant_type: "refresh_token", refresh_token: kept.refresh }) : false);

async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new Offline();
  }
}

async function answerOf(got) {
  const answer = await got.json().catch(() => null);
  if (got.status === 401) throw new SignedOut();
  if (!got.ok) throw new Refusal(got.status, answer);
  return answer;
}

function random(bytes) {
  return base64(crypto.getRandomValues(new Uint8Array(bytes)));
}

async function challenge(verifier) {
  return base64(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
