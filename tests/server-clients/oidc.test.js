// Signing in by OpenID Connect: against oidc-provider as it is, and against a provider that sends whatever a test wants.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { Browser } from "./browser.js";
import { administrator, audit, freePort, json, makeHome, password, remove, serve, temporary } from "./serving.js";

const clientSecret = "a-secret-of-32-characters-or-more";

function settings({ issuer, port, more = "" }) {
  return `
[sign_in.oidc]
title = "Agency account"
issuer = "${issuer}"
client_id = "sillok"
secret_file = "oidc.secret"
address = "http://127.0.0.1:${port}"
scopes = "openid profile groups"
rules = [
  { group = "finance-staff", level = "S", groups = ["finance"] },
  { group = "auditors", role = "auditor" },
]
${more}`;
}

async function serving(folder, issuer, more = "") {
  const port = await freePort();
  const home = makeHome(folder, settings({ issuer, port, more }));
  writeFileSync(join(home, "oidc.secret"), `${clientSecret}\n`, { mode: 0o600 });
  return { home, port, start: () => serve(home, { port }) };
}

// Processes of the server, by the kernel's word.
const children = (pid) => readdirSync("/proc").filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/stat`))
  .filter((name) => { try { return readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1].split(" ")[1] === String(pid); } catch { return false; } });
const statusOf = (pid, field) => readFileSync(`/proc/${pid}/status`, "utf8").match(new RegExp(`^${field}:\\s+(\\S+)`, "m"))[1];

// -------------------------------------------------------------------------------------------
// oidc-provider

const people = {
  kim: { preferred_username: "kim", name: "김기록", groups: ["finance-staff", "everybody"] },
  admin: { preferred_username: "admin", name: "Not the administrator", groups: [] },
};

async function realProvider(port, sillok) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "sillok", client_secret: clientSecret, redirect_uris: [`http://127.0.0.1:${sillok}/api/sign-in/oidc/return`], post_logout_redirect_uris: [`http://127.0.0.1:${sillok}/`] }],
    claims: { openid: ["sub"], profile: ["preferred_username", "name"], groups: ["groups"] },
    scopes: ["openid", "profile", "groups"],
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: `sub-of-${id}`, ...people[id] }) }),
    cookies: { keys: ["for tests"] },
  });
  const server = provider.listen(port, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  return { issuer, close: () => { server.closeAllConnections(); server.close(); } };
}

// Through the provider's own pages of login and consent.
async function signInAt(browser, base, name, until = () => false) {
  let { url, reply } = await browser.follow(`${base}/api/sign-in/oidc`, until);
  for (let i = 0; i < 4 && reply && url.pathname.startsWith("/interaction/"); ++i) {
    const page = await reply.text();
    const prompt = page.match(/name="prompt" value="(\w+)"/)[1];
    const action = new URL(page.match(/action="([^"]+)"/)[1], url);
    const form = new URLSearchParams(prompt === "login" ? { prompt, login: name, password: "any" } : { prompt });
    ({ url, reply } = await browser.follow(action, until, { method: "POST", body: form, headers: { "Content-Type": "application/x-www-form-urlencoded" } }));
  }
  return { url, reply };
}

test("oidc-provider: sign in, what one is here, sign out", async (t) => {
  const folder = temporary();
  const at = await freePort();
  const place = await serving(folder, `http://127.0.0.1:${at}`, "sign_out_there = true\n");
  const provider = await realProvider(at, place.port);
  const server = await place.start();
  t.after(async () => {
    provider.close();
    assert.equal(await server.stop(), 0);
    remove(folder);
  });
  assert.deepEqual(await (await fetch(`${server.base}/api/sign-in`)).json(), { oidc: { title: "Agency account" }, ldap: null });

  // Nobody is an administrator yet: a provider's member does not close the door behind himself.
  const early = await signInAt(new Browser(), server.base, "kim");
  assert.equal(early.url.hash, "#/sign-in?error=denied");
  const admin = await administrator(server);

  const browser = new Browser();
  const { url } = await signInAt(browser, server.base, "kim");
  assert.equal(url.href, `${server.base}/`);
  assert.ok(browser.has("sillok") && !browser.has("sillok-sign-in"));
  const session = await (await browser.request(`${server.base}/api/session`)).json();
  assert.equal(session.person.name, "kim");
  assert.equal(session.person.title, "김기록");
  assert.equal(session.person.label, "S:finance");
  assert.equal(session.person.role, "member");
  assert.equal(session.person.source, "oidc");

  // He has no password here, and gets none.
  assert.equal((await fetch(`${server.base}/api/session`, { method: "POST", headers: json, body: JSON.stringify({ name: "kim", password }) })).status, 401);
  assert.equal((await fetch(`${server.base}/api/people/kim`, { method: "PATCH", headers: admin, body: JSON.stringify({ password }) })).status, 409);

  // A local person's name is not to be had by choosing it at the provider.
  const taken = await signInAt(new Browser(), server.base, "admin");
  assert.equal(taken.url.hash, "#/sign-in?error=name_taken");

  // Groups that are gone there are gone here at the next sign-in, and with them the sessions from before.
  people.kim.groups = ["auditors"];
  const second = new Browser();
  await signInAt(second, server.base, "kim");
  assert.equal((await browser.request(`${server.base}/api/session`)).status, 401);
  const now = await (await second.request(`${server.base}/api/session`)).json();
  assert.equal(now.person.label, "O");
  assert.equal(now.person.role, "auditor");
  people.kim.groups = ["finance-staff"];

  const left = await second.request(`${server.base}/api/session`, { method: "DELETE", headers: { "X-CSRF-Token": now.csrf } });
  assert.equal(left.status, 200);
  const on = new URL((await left.json()).continue);
  assert.equal(on.origin, provider.issuer);
  assert.equal((await second.request(on)).status, 200);
  assert.equal((await second.request(`${server.base}/api/session`)).status, 401);

  // Disabled here: no provider opens the door.
  assert.equal((await fetch(`${server.base}/api/people/kim`, { method: "PATCH", headers: admin, body: JSON.stringify({ disabled: true }) })).status, 200);
  assert.equal((await signInAt(new Browser(), server.base, "kim")).url.hash, "#/sign-in?error=denied");

  const entries = await audit(server, admin, "sign-in");
  assert.ok(entries.some((e) => e.person === "kim" && e.details.ok === true && e.details.with === "oidc"), JSON.stringify(entries[0]));
  assert.ok(entries.some((e) => e.details.ok === false && /not sign in by this account/.test(e.details.reason)));
  assert.ok((await audit(server, admin, "person")).some((e) => e.subject === "kim" && e.details.act === "add" && e.details.label === "S:finance"));
  assert.ok((await audit(server, admin, "sign-out")).some((e) => e.person === "kim"));
});

test("oidc-provider: people whom an administrator registered, and nobody else", async (t) => {
  const folder = temporary();
  const at = await freePort();
  const place = await serving(folder, `http://127.0.0.1:${at}`, 'people = "registered"\n');
  const provider = await realProvider(at, place.port);
  const server = await place.start();
  t.after(async () => {
    provider.close();
    await server.stop();
    remove(folder);
  });
  const admin = await administrator(server);
  assert.equal((await signInAt(new Browser(), server.base, "kim")).url.hash, "#/sign-in?error=denied");
  const added = await fetch(`${server.base}/api/people`, { method: "POST", headers: admin, body: JSON.stringify({ name: "kim", source: "oidc", label: "C", role: "curator" }) });
  assert.equal(added.status, 201);
  const browser = new Browser();
  await signInAt(browser, server.base, "kim");
  const { person } = await (await browser.request(`${server.base}/api/session`)).json();
  assert.deepEqual([person.label, person.role], ["C", "curator"]);
});

// -------------------------------------------------------------------------------------------
// A provider that says what a test wants

class Forger {
  tokens = {}; // overrides of the next ID token: claims, header, or the whole `make`
  discovery = {};
  userinfo = null;
  seen = [];
  #codes = new Map();

  async start() {
    this.rsa = await generateKeyPair("RS256", { extractable: true });
    this.ec = await generateKeyPair("ES256", { extractable: true });
    this.jwks = async () => [
      { ...(await exportJWK(this.rsa.publicKey)), kid: "r1", use: "sig", alg: "RS256" },
      { ...(await exportJWK(this.ec.publicKey)), kid: "e1", use: "sig" },
    ];
    this.server = createServer((request, reply) => this.#answer(request, reply).catch((error) => reply.writeHead(500).end(String(error))));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.issuer = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
  claims(nonce) {
    const now = Math.floor(Date.now() / 1000);
    return { iss: this.issuer, sub: "s-1", aud: "sillok", iat: now, exp: now + 300, nonce, preferred_username: "lee", name: "이담당", groups: ["finance-staff"], ...this.tokens.claims };
  }
  async idToken(nonce) {
    const claims = this.claims(nonce);
    if (this.tokens.make) return this.tokens.make(claims);
    const header = { alg: "RS256", kid: "r1", ...this.tokens.header };
    return new SignJWT(claims).setProtectedHeader(header).sign(this.tokens.key ?? this.rsa.privateKey);
  }
  // What the browser is sent back with; the code remembers the nonce.
  authorize(url) {
    const code = `code-${this.#codes.size}`;
    this.#codes.set(code, url.searchParams.get("nonce"));
    this.seen.push(Object.fromEntries(url.searchParams));
    return `${url.searchParams.get("redirect_uri")}?code=${code}&state=${encodeURIComponent(url.searchParams.get("state"))}&iss=${encodeURIComponent(this.issuer)}`;
  }
  async #answer(request, reply) {
    const send = (body, status = 200) => reply.writeHead(status, json).end(JSON.stringify(body));
    if (request.url === "/.well-known/openid-configuration") {
      return send({ issuer: this.issuer, authorization_endpoint: `${this.issuer}/auth`, token_endpoint: `${this.issuer}/token`, jwks_uri: `${this.issuer}/jwks`,
        ...(this.userinfo && { userinfo_endpoint: `${this.issuer}/me` }), ...this.discovery });
    }
    if (request.url === "/jwks") return send({ keys: await this.jwks() });
    if (request.url === "/me") return send(this.userinfo);
    if (request.url === "/token") {
      let body = "";
      for await (const piece of request) body += piece;
      const form = new URLSearchParams(body);
      this.exchanged = { form, authorization: request.headers.authorization };
      return send({ access_token: "at", token_type: "Bearer", id_token: await this.idToken(this.#codes.get(form.get("code"))) });
    }
    return send({}, 404);
  }
}

let forger, place, server, admin, folder;
before(async () => {
  folder = temporary();
  forger = await new Forger().start();
  place = await serving(folder, forger.issuer);
  server = await place.start();
  admin = await administrator(server);
});
after(async () => {
  assert.equal(await server.stop(), 0);
  forger.stop();
  remove(folder);
});

// From the button to where the browser ends up.
async function attempt(overrides = {}, browser = new Browser()) {
  forger.tokens = overrides;
  const begun = await browser.request(`${server.base}/api/sign-in/oidc`);
  assert.equal(begun.status, 302);
  const to = new URL(begun.headers.get("location"));
  const back = await browser.request(forger.authorize(to));
  assert.equal(back.status, 302);
  return { browser, location: back.headers.get("location"), to };
}
const lastReason = async () => (await audit(server, admin, "sign-in"))[0].details.reason;
const refusedToken = async (overrides, why) => {
  const { browser, location } = await attempt(overrides);
  assert.equal(location, "/#/sign-in?error=denied");
  assert.match(await lastReason(), why);
  assert.ok(!browser.has("sillok"));
};
const now = () => Math.floor(Date.now() / 1000);

test("what is sent to the provider: PKCE, state, nonce, the secret in its place", async () => {
  const { browser, location, to } = await attempt();
  assert.equal(location, "/");
  assert.ok(browser.has("sillok"));
  const asked = Object.fromEntries(to.searchParams);
  assert.equal(asked.response_type, "code");
  assert.equal(asked.code_challenge_method, "S256");
  assert.match(asked.code_challenge, /^[\w-]{43}$/);
  assert.ok(asked.state.length >= 43 && asked.nonce.length >= 43 && asked.state !== asked.nonce);
  const { createHash } = await import("node:crypto");
  assert.equal(createHash("sha256").update(forger.exchanged.form.get("code_verifier")).digest("base64url"), asked.code_challenge);
  assert.equal(forger.exchanged.authorization, `Basic ${Buffer.from(`sillok:${clientSecret}`).toString("base64")}`);
  assert.equal(forger.exchanged.form.get("client_secret"), null);
  const { person } = await (await browser.request(`${server.base}/api/session`)).json();
  assert.deepEqual([person.name, person.label], ["lee", "S:finance"]);
});

test("ES256 is taken", async () => {
  assert.equal((await attempt({ header: { alg: "ES256", kid: "e1" }, key: forger.ec.privateKey })).location, "/");
});

test("algorithms that prove nothing are refused", async () => {
  await refusedToken({ make: (claims) => new UnsecuredJWT(claims).encode() }, /signed with 'none'/);
  await refusedToken({ make: (claims) => new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(clientSecret)) }, /signed with 'HS256'/);
  const pem = await exportSPKI(forger.rsa.publicKey);
  await refusedToken({ make: (claims) => new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "r1" }).sign(new TextEncoder().encode(pem)) }, /signed with 'HS256'/);
});

test("signatures of others are refused", async () => {
  const stranger = await generateKeyPair("RS256");
  await refusedToken({ key: stranger.privateKey }, /signature is wrong/);
  await refusedToken({ key: stranger.privateKey, header: { kid: "unknown" } }, /no key of the provider fits/);
  await refusedToken({ make: async (claims) => {
    const good = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "r1" }).sign(forger.rsa.privateKey);
    const [head, , signature] = good.split(".");
    return [head, Buffer.from(JSON.stringify({ ...claims, sub: "another" })).toString("base64url"), signature].join(".");
  } }, /signature is wrong/);
});

test("claims that are not for this sign-in are refused", async () => {
  await refusedToken({ claims: { nonce: "another" } }, /another request/);
  await refusedToken({ claims: { nonce: undefined } }, /another request/);
  await refusedToken({ claims: { iss: "https://evil.example" } }, /not by the issuer/);
  await refusedToken({ claims: { aud: "another" } }, /another program/);
  await refusedToken({ claims: { aud: ["sillok", "another"] } }, /another program/);
  await refusedToken({ claims: { aud: ["sillok", "another"], azp: "another" } }, /another program/);
  await refusedToken({ claims: { iat: now() - 600, exp: now() - 120 } }, /expired/);
  await refusedToken({ claims: { exp: undefined } }, /expired/);
  await refusedToken({ claims: { iat: now() + 600, exp: now() + 900 } }, /in the future/);
  await refusedToken({ claims: { nbf: now() + 600 } }, /not valid yet/);
  await refusedToken({ claims: { sub: undefined } }, /of whom it speaks/);
  await refusedToken({ claims: { preferred_username: undefined } }, /does not say 'preferred_username'/);
  assert.equal((await attempt({ claims: { aud: ["sillok", "another"], azp: "sillok" } })).location, "/");
});

test("an answer counts once, for the browser that asked", async () => {
  forger.tokens = {};
  const browser = new Browser();
  const begun = await browser.request(`${server.base}/api/sign-in/oidc`);
  const back = forger.authorize(new URL(begun.headers.get("location")));
  const stolen = await new Browser().request(back);
  assert.equal(stolen.headers.get("location"), "/#/sign-in?error=again");
  const wrongState = new Browser();
  await wrongState.request(`${server.base}/api/sign-in/oidc`);
  assert.equal((await wrongState.request(back)).headers.get("location"), "/#/sign-in?error=again");
  assert.equal((await browser.request(back)).headers.get("location"), "/");
  assert.equal((await browser.request(back)).headers.get("location"), "/#/sign-in?error=again");
});

test("another issuer's answer, and a refusal, are told", async () => {
  const browser = new Browser();
  const begun = await browser.request(`${server.base}/api/sign-in/oidc`);
  const back = new URL(forger.authorize(new URL(begun.headers.get("location"))));
  back.searchParams.set("iss", "https://evil.example");
  assert.equal((await browser.request(back)).headers.get("location"), "/#/sign-in?error=denied");
  const again = await browser.request(`${server.base}/api/sign-in/oidc`);
  const state = new URL(again.headers.get("location")).searchParams.get("state");
  assert.equal((await browser.request(`${server.base}/api/sign-in/oidc/return?error=access_denied&state=${state}`)).headers.get("location"), "/#/sign-in?error=denied");
});

test("the same subject under another name stays who he was here", async () => {
  const { browser } = await attempt({ claims: { preferred_username: "lee.renamed", name: "이담당" } });
  assert.equal((await (await browser.request(`${server.base}/api/session`)).json()).person.name, "lee");
  await refusedTaken();
});
async function refusedTaken() {
  const { location } = await attempt({ claims: { sub: "s-2", preferred_username: "LEE" } });
  assert.equal(location, "/#/sign-in?error=name_taken");
}

test("the process that asks is confined, and ends with the server", async () => {
  const [keeper] = children(server.process.pid).filter((pid) => children(pid).length > 0);
  const [worker] = children(keeper);
  for (const pid of [keeper, worker]) {
    assert.equal(statusOf(pid, "Seccomp"), "2");
    assert.equal(statusOf(pid, "NoNewPrivs"), "1");
  }
  // One that dies is replaced: signing in goes on.
  process.kill(Number(worker), "SIGSEGV");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal((await attempt()).location, "/");
  await server.stop("SIGKILL");
  for (let i = 0; i < 100 && existsSync(`/proc/${keeper}`); ++i) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(!existsSync(`/proc/${keeper}`));
  server = await place.start();
});

test("keys that the provider renews are fetched; what it names elsewhere is not", async () => {
  assert.equal((await attempt()).location, "/");
  const renewed = await generateKeyPair("RS256", { extractable: true });
  const old = forger.jwks;
  forger.jwks = async () => [{ ...(await exportJWK(renewed.publicKey)), kid: "r2", use: "sig" }];
  await new Promise((resolve) => setTimeout(resolve, 10_500)); // keys are asked for again no more often than every 10 s
  assert.equal((await attempt({ key: renewed.privateKey, header: { kid: "r2" } })).location, "/");
  forger.jwks = old;
});

test("a provider that calls itself otherwise, or names endpoints elsewhere, is not used", async () => {
  forger.discovery = { issuer: "https://evil.example" };
  await server.stop();
  server = await place.start();
  let begun = await fetch(`${server.base}/api/sign-in/oidc`, { redirect: "manual" });
  assert.equal(begun.headers.get("location"), "/#/sign-in?error=provider");
  assert.match(await lastReason(), /calls itself/);
  forger.discovery = { token_endpoint: "http://127.0.0.1:9/token" };
  const { location } = await attempt();
  assert.equal(location, "/#/sign-in?error=denied");
  assert.match(await lastReason(), /not among those configured/);
  forger.discovery = {};
  await server.stop();
  // What the ID token leaves out comes from the userinfo endpoint, of the same person only.
  forger.userinfo = { sub: "another", preferred_username: "admin" };
  server = await place.start();
  assert.equal((await attempt({ claims: { preferred_username: undefined } })).location, "/#/sign-in?error=provider");
  assert.match(await lastReason(), /another person/);
  forger.userinfo = { sub: "s-1", preferred_username: "lee" };
  assert.equal((await attempt({ claims: { preferred_username: undefined } })).location, "/");
  forger.userinfo = null;
});

test("a secret that others may read, or a setting that is none, is said at the start", async () => {
  await server.stop();
  chmodSync(join(place.home, "oidc.secret"), 0o640);
  await assert.rejects(place.start(), /chmod 600/);
  chmodSync(join(place.home, "oidc.secret"), 0o600);
  const toml = readFileSync(join(place.home, "sillok.toml"), "utf8");
  writeFileSync(join(place.home, "sillok.toml"), toml.replace("\nclient_id", "\nclient_name"));
  await assert.rejects(place.start(), /client_(name is no setting|id is missing)/);
  writeFileSync(join(place.home, "sillok.toml"), toml);
  server = await place.start();
});
