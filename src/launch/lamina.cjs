#!/usr/bin/env node
// Lamina is written in TypeScript: this starts it on the Deno that npm ships.
const { spawn } = require("node:child_process");
const { existsSync, readdirSync, statSync } = require("node:fs");
const { constants, homedir } = require("node:os");
const { dirname, join, resolve } = require("node:path");

for (const name of ["HOME", "DENO_DIR"]) { // where Deno would print a backtrace
  const value = process.env[name];
  let path = resolve(value || "/");
  while (!existsSync(path) && path !== dirname(path)) path = dirname(path);
  if (existsSync(path) && !statSync(path).isDirectory()) {
    console.error(`lamina: Cannot start: ${name} is ${value}, expected a folder`);
    process.exit(1);
  }
}

// The downloads of a first start in one line; Deno alone would print one for each package.
const usual = { darwin: join(homedir(), "Library", "Caches"), win32: process.env.LOCALAPPDATA || homedir() };
const caches = usual[process.platform] || process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
const cache = process.env.DENO_DIR || join(caches, "deno");
const npm = join(cache, "npm");
if (!existsSync(npm) || !readdirSync(npm).some((name) => existsSync(join(npm, name, "onnxruntime-node")))) {
  console.error(`lamina: the first start downloads packages, which take 0.6 GB in ${cache}`);
}

const deno = require("deno/install_api.cjs").runInstall(); // its path, also where npm ran no install script
const folder = join(__dirname, "..", "..");
const own = [`--config=${join(folder, "deno.json")}`, `--lock=${join(folder, "deno.lock")}`, "--frozen"];
const command = [
  "run",
  "-A",
  "--quiet",
  "--v8-flags=--max-semi-space-size=2",
  ...own,
  join(folder, "src", "cli.ts"),
];
const child = spawn(deno, [...command, ...process.argv.slice(2)], { stdio: "inherit" });
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
child.on("error", (error) => {
  console.error(`lamina: Cannot start ${deno}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
