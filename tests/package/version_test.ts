/** The version is deno.json's, and Deno's release is pyproject.toml's: every other place repeats them. */
import assert from "node:assert/strict";
import { root, version } from "./packages.ts";
import { words } from "../tools.ts";

const read = (path: string) => Deno.readTextFile(root + path);
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found);

Deno.test("the citations name the version", async () => {
  assert.deepEqual(all(await read("CITATION.cff"), /^version: (.*)$/gm), [version]);
});

Deno.test("the changelog begins with what is unreleased; below it releases have their day, the version first", async () => {
  const [first, ...releases] = all(await read("CHANGELOG.md"), /^## (.*)$/gm);
  assert.equal(first, "[Unreleased]");
  for (const release of releases) assert.match(release, /^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/);
  assert.ok((releases[0] ?? `[${version}] - `).startsWith(`[${version}] - `), releases.join());
});

Deno.test("one release of Deno is named everywhere", async () => {
  const [pinned] = all(await read("pyproject.toml"), /"deno==(.*)"/g);
  const files = words`README.md CONTRIBUTING.md docs/package.md .ci/run .devcontainer/devcontainer.json
    src/apps/machines/ray_node.py src/core/home/home.ts src/launch/import.mjs`;
  for (const file of files) {
    const named = all(await read(file), /(?:\bdeno@|DENO = ")(\d[\d.]*\d)/g);
    assert.ok(named.length > 0, file);
    assert.deepEqual(named.filter((release) => release !== pinned), [], file);
  }
});
