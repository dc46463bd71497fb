// TLS with a certificate of one's own: openssl's and curl's clients against `sillok serve --tls-cert --tls-key`.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { makeHome, remove, serve, temporary } from "./serving.js";

let folder, home, server, port;

function makeCertificate(name) {
  const [key, file] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", file, "-days", "2",
    "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], { stdio: "ignore" });
  return { key, file };
}
const use = ({ key, file }) => {
  for (const [from, to] of [[key, "server.key"], [file, "server.pem"]]) {
    copyFileSync(from, join(folder, `${to}.new`));
    renameSync(join(folder, `${to}.new`), join(folder, to)); // as certbot and cert-manager do: another file of that name
  }
};
const handshake = (...more) => spawnSync("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", join(folder, "server.pem"), "-verify_return_error", ...more], { input: "", encoding: "utf8" });
const curl = (...more) => spawnSync("curl", ["--silent", "--show-error", "--cacert", join(folder, "server.pem"), ...more], { encoding: "utf8" });
const shown = () => spawnSync("openssl", ["s_client", "-connect", `127.0.0.1:${port}`], { input: "", encoding: "utf8" }).stdout.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/)?.[0];

before(async () => {
  folder = temporary();
  home = makeHome(folder);
  use(makeCertificate("first"));
  server = await serve(home, { more: ["--tls-cert", join(folder, "server.pem"), "--tls-key", join(folder, "server.key")] });
  port = new URL(server.base).port;
});
after(async () => {
  assert.equal(await server.stop(), 0);
  remove(folder);
});

test("TLS 1.3 is spoken, and nothing older", () => {
  assert.match(server.base, /^https:/);
  const good = handshake("-tls1_3");
  assert.match(good.stdout, /New, TLSv1\.3, Cipher is TLS_/);
  assert.match(good.stdout, /Verify return code: 0 \(ok\)/);
  for (const old of ["-tls1_2", "-tls1_1", "-tls1"]) {
    const refused = handshake(old, "-cipher", "ALL:@SECLEVEL=0");
    assert.notEqual(refused.status, 0, old);
    assert.doesNotMatch(refused.stdout, /Cipher is (TLS_|ECDHE)/, old);
  }
  const ready = curl(`${server.base}/readyz`, "--dump-header", "-");
  assert.equal(ready.status, 0, ready.stderr);
  assert.match(ready.stdout, /ok\n$/);
  assert.match(ready.stdout, /strict-transport-security: max-age=31536000/i);
  assert.equal(curl("--tls-max", "1.2", `${server.base}/readyz`).status, 35);
});

test("the certificate is the one given, and a stranger's is not believed", () => {
  assert.equal(new X509Certificate(shown()).fingerprint256, new X509Certificate(readFileSync(join(folder, "server.pem"))).fingerprint256);
  assert.equal(spawnSync("curl", ["--silent", `${server.base}/readyz`]).status, 60);
});

test("plain HTTP on the port is told so", () => {
  const plain = curl(`http://127.0.0.1:${port}/readyz`, "--write-out", " %{http_code}");
  assert.equal(plain.status, 0, plain.stderr);
  assert.match(plain.stdout, /https:\/\/\n 400$/);
});

test("whoever says nothing, or nonsense, holds nobody up", async () => {
  const silent = Array.from({ length: 50 }, () => connect(port, "127.0.0.1"));
  const nonsense = connect(port, "127.0.0.1");
  nonsense.write(Buffer.from([0x16, 3, 1, 0xff, 0xff, 1, 2, 3, 4, 5]));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(curl(`${server.base}/readyz`).status, 0);
  for (const socket of [...silent, nonsense]) socket.destroy();
});

test("cookies are for TLS alone", async () => {
  const made = curl(`${server.base}/api/first`, "-H", "Content-Type: application/json", "--data", JSON.stringify({ secret: server.secret, name: "admin", password: "correct horse battery" }), "--dump-header", "-");
  assert.match(made.stdout, /set-cookie: sillok=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Secure/i);
});

test("SIGHUP takes up a renewed certificate; a broken one leaves the old in use", async () => {
  const said = async (words) => {
    for (let i = 0; i < 100 && !words.test(server.said()); ++i) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(server.said(), words);
  };
  const before = shown();
  use(makeCertificate("second"));
  assert.equal(shown(), before, "not before it is told");
  server.process.kill("SIGHUP");
  await said(/The certificate was read again/);
  assert.notEqual(shown(), before);
  assert.equal(new X509Certificate(shown()).subject, "CN=second");
  assert.equal(curl(`${server.base}/readyz`).status, 0);
  const good = readFileSync(join(folder, "server.pem"));
  writeFileSync(join(folder, "server.pem"), "no certificate");
  server.process.kill("SIGHUP");
  await said(/The certificate in use stays: .*no certificate can be read/);
  writeFileSync(join(folder, "server.pem"), good);
  assert.equal(curl(`${server.base}/readyz`).status, 0);
});

test("a key that does not fit, or half of the pair, is said at the start", async () => {
  const other = makeCertificate("other");
  await assert.rejects(serve(home, { more: ["--tls-cert", join(folder, "server.pem"), "--tls-key", other.key] }), /no private key that fits/);
  await assert.rejects(serve(home, { more: ["--tls-cert", join(folder, "server.pem")] }), /--tls-cert requires --tls-key/);
});
