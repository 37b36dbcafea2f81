/**
 * What stays when code moves: every graph of every fixture and how often it runs, the files of exports, the golden results, the keys
 * under which results are kept. A change that is meant to alter one of them says so, and writes them anew, which prints what altered:
 *
 *     deno run -A tests/fixtures/make_replay.ts
 *
 * So does a release: keys depend on the version. Hashes are of what is compiled, written and kept, and know nothing of the functions that
 * make it. `deno task test:all` runs all studies, engines and formats on all fixtures; `deno task test` takes by turns a third of the studies on
 * one fixture for each kind of module, and a part of the engines and formats on every fixture.
 */
import assert from "node:assert/strict";
import { fixtureNames } from "../fixtures/read.ts";
import { everyNth, isThorough } from "../support.ts";
import { exportsOf } from "./exports.ts";
import { builtGraphs, graphsOfFixture, KINDS_OF_MODULE, type Some } from "./graphs.ts";
import { computedAgain, divisions } from "./kept.ts";
import { changes, goldenHashes, graphName, type Replay, replayFile } from "./replay.ts";

const replay: Replay = JSON.parse(await Deno.readTextFile(replayFile));
const AGAIN = "Where this is meant, write them anew: deno run -A tests/fixtures/make_replay.ts";

/** The entries that are found too, where not all have their turn. */
const among = (before: Readonly<Record<string, readonly string[]>>, found: object) =>
  isThorough ? before : Object.fromEntries(Object.entries(before).filter(([label]) => label in found));

function expectSame(found: readonly string[]): void {
  assert.ok(found.length === 0, `\n${[...found, AGAIN].join("\n")}`);
}

Deno.test("every fixture is kept", () => {
  assert.deepEqual(Object.keys(replay.recorded), fixtureNames);
  assert.deepEqual(Object.keys(replay.built), fixtureNames);
  assert.deepEqual(Object.keys(replay.exports), fixtureNames);
});

for (const [turn, name] of (isThorough ? fixtureNames : KINDS_OF_MODULE).entries()) {
  Deno.test(`${name}: every study compiles the graphs that it did, and runs them as often`, async () => {
    const names = new Map(Object.entries(replay.graphs));
    const found = await graphsOfFixture(name, names, (all) => everyNth(all, 3, turn));
    const altered = changes(among(replay.recorded[name], found), found, graphName(names));
    expectSame(altered.map((line) => `${name}, ${line}`));
  });
}

for (const [turn, name] of fixtureNames.entries()) {
  const some: Some = (all) => everyNth(all, 2, turn);

  Deno.test(`${name}: every graph is built as it was, for every engine`, async () => {
    const before = replay.built[name];
    const quick = await builtGraphs(name, some);
    if (changes(among(before, quick), quick).length === 0) return;
    const names = new Map<string, string>();
    const found = await builtGraphs(name, some, names);
    expectSame(changes(among(before, found), found, graphName(names)).map((line) => `${name}, ${line}`));
  });

  Deno.test(`${name}: exports have the bytes that they had`, async () => {
    const found = await exportsOf(name, some);
    expectSame(changes(among(replay.exports[name], found), found).map((line) => `${name}, ${line}`));
  });
}

Deno.test("golden results are those that they were", async () => {
  const listed = (hashes: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(hashes).map(([kind, hash]) => [kind, [hash]]));
  expectSame(changes(listed(replay.results), listed(await goldenHashes())));
});

Deno.test("results that were kept are found, and nothing is computed again", async () => {
  expectSame(await computedAgain(replay.kept));
});

Deno.test("divided studies have the keys that they had", async () => {
  assert.deepEqual(await divisions(), replay.divisions);
});
