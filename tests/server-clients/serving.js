// A server of its own in a temporary folder, as the tests use it.
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const program = process.env.SILLOK_PROGRAM;
export const password = "correct horse battery";
export const json = { "Content-Type": "application/json" };

export const temporary = () => mkdtempSync(join(tmpdir(), "sillok-clients-"));
export const remove = (folder) => rmSync(folder, { recursive: true, force: true });

// A port that is free now.
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

export function makeHome(folder, settings = "") {
  const home = join(folder, "home");
  execFileSync(program, ["init", "--home", home]);
  appendFileSync(join(home, "sillok.toml"), settings);
  return home;
}

// Resolves once it says where it listens: { base, secret (of the first link, if there is one), said(), process, stop() }.
export async function serve(home, { port = 0, more = [] } = {}) {
  const child = spawn(program, ["serve", "--home", home, "--listen", `127.0.0.1:${port}`, ...more], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  await new Promise((resolve, reject) => {
    child.stderr.on("data", (bytes) => {
      said += bytes;
      if (/serves .*\n(.*\n)*.*(quotes|administrator|console)/.test(said) && said.endsWith("\n")) resolve();
    });
    child.on("exit", (status) => reject(new Error(`the server ended with ${status}: ${said}`)));
  });
  child.removeAllListeners("exit");
  return {
    base: said.match(/https?:\/\/127\.0\.0\.1:\d+/)[0],
    secret: said.match(/#\/first\/(\S+)/)?.[1],
    said: () => said,
    process: child,
    stop: (signal = "SIGTERM") => {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill(signal);
      return ended;
    },
  };
}

// The first administrator, and headers of his session.
export async function administrator(server) {
  const made = await fetch(`${server.base}/api/first`, { method: "POST", headers: json, body: JSON.stringify({ secret: server.secret, name: "admin", password }) });
  if (!made.ok) throw new Error(await made.text());
  const { csrf } = await made.json();
  return { ...json, Cookie: made.headers.get("set-cookie").split(";")[0], "X-CSRF-Token": csrf };
}

export const audit = async (server, headers, kind) => (await (await fetch(`${server.base}/api/audit?kind=${kind}&limit=100`, { headers })).json()).entries;
