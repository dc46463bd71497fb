// Signing in by LDAP: against slapd, over TLS and STARTTLS, as `sillok serve` does it.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { administrator, audit, freePort, json, makeHome, password, remove, serve, temporary } from "./serving.js";

const slapd = ["/usr/sbin/slapd", "/usr/libexec/slapd"].find(existsSync);
const skip = slapd ? false : "slapd is missing (tools/packages test)";

const ldif = `
dn: dc=agency
objectClass: dcObject
objectClass: organization
dc: agency
o: agency

dn: ou=people,dc=agency
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=agency
objectClass: organizationalUnit
ou: groups

dn: cn=search,dc=agency
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: search
userPassword: search-secret

dn: uid=kim,ou=people,dc=agency
objectClass: inetOrgPerson
uid: kim
cn: 김기록
sn: 김
employeeType: S
userPassword: kim-secret

dn: uid=admin,ou=people,dc=agency
objectClass: inetOrgPerson
uid: admin
cn: Not the administrator
sn: a
userPassword: other-secret

dn: uid=two-a,ou=people,dc=agency
objectClass: inetOrgPerson
uid: two-a
cn: Two
sn: t
mail: two@agency
userPassword: two-secret

dn: uid=two-b,ou=people,dc=agency
objectClass: inetOrgPerson
uid: two-b
cn: Two
sn: t
mail: two@agency
userPassword: two-secret

dn: cn=finance-staff,ou=groups,dc=agency
objectClass: groupOfNames
cn: finance-staff
member: uid=kim,ou=people,dc=agency

dn: cn=others,ou=groups,dc=agency
objectClass: groupOfNames
cn: others
member: uid=two-a,ou=people,dc=agency
`;

let folder, directory, plain, secure, ca, otherCa;

function certificate(name, subject, alternative) {
  const [key, file] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", file, "-days", "2", "-subj", `/CN=${subject}`,
    ...(alternative ? ["-addext", `subjectAltName=${alternative}`] : [])], { stdio: "ignore" });
  return { key, file };
}

before(async () => {
  if (skip) return;
  folder = temporary();
  const own = certificate("ldap", "127.0.0.1", "IP:127.0.0.1");
  ca = own.file;
  otherCa = certificate("other", "another").file;
  [plain, secure] = [await freePort(), await freePort()];
  mkdirSync(join(folder, "db"));
  writeFileSync(join(folder, "slapd.conf"), `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${folder}/slapd.pid
TLSCertificateFile ${own.file}
TLSCertificateKeyFile ${own.key}
database mdb
suffix "dc=agency"
directory ${folder}/db
access to attrs=userPassword by anonymous auth
access to * by dn.exact="cn=search,dc=agency" read by self read
`);
  writeFileSync(join(folder, "all.ldif"), ldif);
  execFileSync(slapd, ["-T", "add", "-f", join(folder, "slapd.conf"), "-l", join(folder, "all.ldif")], { stdio: "pipe" });
  directory = spawn(slapd, ["-f", join(folder, "slapd.conf"), "-h", `ldap://127.0.0.1:${plain} ldaps://127.0.0.1:${secure}`, "-d", "0"], { stdio: "ignore" });
  for (let i = 0; i < 100; ++i) {
    if (spawnSync("bash", ["-c", `exec 3<>/dev/tcp/127.0.0.1/${secure}`]).status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("slapd does not start");
});
after(async () => {
  if (skip) return;
  const ended = new Promise((resolve) => directory.on("exit", resolve));
  directory.kill("SIGTERM");
  await ended;
  remove(folder);
});

const searching = (file = ca) => `
[sign_in.ldap]
title = "Agency directory"
url = "ldaps://127.0.0.1:${secure}"
ca_file = "${file}"
search_base = "ou=people,dc=agency"
search_dn = "cn=search,dc=agency"
search_password_file = "ldap.secret"
group_base = "ou=groups,dc=agency"
rules = [ { group = "finance-staff", level = "O", groups = ["finance"], role = "curator" } ]
level_attribute = "employeeType"
`;

async function serving(t, settings) {
  const place = temporary();
  const home = makeHome(place, settings);
  writeFileSync(join(home, "ldap.secret"), "search-secret\n", { mode: 0o600 });
  const server = await serve(home);
  t.after(async () => {
    assert.equal(await server.stop(), 0);
    remove(place);
  });
  return { server, admin: await administrator(server) };
}
const enter = (server, name, secret) => fetch(`${server.base}/api/session`, { method: "POST", headers: json, body: JSON.stringify({ name, password: secret }) });
const reasons = async (server, admin) => (await audit(server, admin, "sign-in")).map((entry) => entry.details.reason ?? "");

test("search and bind over ldaps: who one is here", { skip }, async (t) => {
  const { server, admin } = await serving(t, searching());
  assert.deepEqual(await (await fetch(`${server.base}/api/sign-in`)).json(), { oidc: null, ldap: { title: "Agency directory" } });
  const entered = await enter(server, "kim", "kim-secret");
  assert.equal(entered.status, 200);
  const { person, csrf } = await entered.json();
  assert.deepEqual([person.name, person.title, person.label, person.role, person.source], ["kim", "김기록", "S:finance", "curator", "ldap"]);
  const headers = { Cookie: entered.headers.get("set-cookie").split(";")[0] };
  assert.equal((await fetch(`${server.base}/api/session`, { headers })).status, 200);
  assert.equal((await fetch(`${server.base}/api/session`, { method: "DELETE", headers: { ...headers, "X-CSRF-Token": csrf } })).status, 204);
  assert.equal((await fetch(`${server.base}/api/session`, { headers })).status, 401);
  const entries = await audit(server, admin, "sign-in");
  assert.ok(entries.some((entry) => entry.person === "kim" && entry.details.ok && entry.details.with === "ldap"));

  // The name as it stands in the directory, however it is typed.
  assert.equal((await (await enter(server, "KIM", "kim-secret")).json()).person.name, "kim");
  // Local people are asked for their local passwords, whatever the directory says of that name.
  assert.equal((await enter(server, "admin", "other-secret")).status, 401);
  assert.equal((await enter(server, "admin", password)).status, 200);
});

test("what is wrong is refused, in one way", { skip }, async (t) => {
  const { server, admin } = await serving(t, searching());
  const wrong = await enter(server, "kim", "wrong");
  assert.equal(wrong.status, 401);
  const { message } = (await wrong.json()).error;
  for (const [name, secret] of [["nobody", "kim-secret"], ["*", "kim-secret"], ["kim)(uid=*", "kim-secret"], ["ki*", "kim-secret"], ["kim\u0000", "kim-secret"]]) {
    const refused = await enter(server, name, secret);
    assert.equal(refused.status, 401, name);
    assert.equal((await refused.json()).error.message, message, name);
  }
  // An empty password binds as nobody, which a directory grants to everybody.
  assert.ok([400, 401].includes((await enter(server, "kim", "")).status));
  assert.ok((await reasons(server, admin)).every((reason) => !/directory/.test(reason)), "none of these was a fault of the directory's");
});

test("two people of one name are neither", { skip }, async (t) => {
  const { server } = await serving(t, searching().replace("[sign_in.ldap]", '[sign_in.ldap]\nsearch_filter = "(|(uid={name})(mail={name}))"'));
  assert.equal((await enter(server, "two-a", "two-secret")).status, 200);
  const refused = await enter(server, "two@agency", "two-secret");
  assert.notEqual(refused.status, 200);
});

test("guessing is slowed down", { skip }, async (t) => {
  const { server } = await serving(t, searching());
  for (let i = 0; i < 5; ++i) assert.equal((await enter(server, "kim", `wrong ${i}`)).status, 401);
  assert.equal((await enter(server, "kim", "kim-secret")).status, 429);
});

test("direct bind over STARTTLS", { skip }, async (t) => {
  const { server } = await serving(t, `
[sign_in.ldap]
url = "ldap://127.0.0.1:${plain}"
starttls = true
ca_file = "${ca}"
bind = "uid={name},ou=people,dc=agency"
`);
  const entered = await enter(server, "kim", "kim-secret");
  assert.equal(entered.status, 200, await entered.clone().text());
  assert.equal((await entered.json()).person.label, "O");
  assert.equal((await enter(server, "kim", "wrong")).status, 401);
  assert.equal((await enter(server, "kim,ou=people", "kim-secret")).status, 401);
});

test("a certificate that is not trusted ends it before a password is sent", { skip }, async (t) => {
  const { server, admin } = await serving(t, searching(otherCa));
  const refused = await enter(server, "kim", "kim-secret");
  assert.equal(refused.status, 503);
  assert.match((await reasons(server, admin))[0], /no TLS that is trusted/);
});

test("a directory that is away is told, and others still get in", { skip }, async (t) => {
  const { server } = await serving(t, searching().replace(`:${secure}"`, `:${await freePort()}"`));
  const refused = await enter(server, "kim", "kim-secret");
  assert.equal(refused.status, 503);
  assert.match((await refused.json()).error.message, /cannot be reached/);
  assert.equal((await enter(server, "admin", password)).status, 200);
});

test("settings that make no sense are said at the start", { skip }, async () => {
  const place = temporary();
  const home = makeHome(place, searching());
  await assert.rejects(serve(home), /ldap.secret/);
  remove(place);
});
