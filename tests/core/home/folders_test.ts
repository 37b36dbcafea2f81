/** Where things are kept: on every system, in a checkout and in an installed copy. */
import assert from "node:assert/strict";
import { isAbsolute, resolve } from "node:path";
import { displayed, folderOf, type Kept, keptIn, type Machine, root, usuallyIn } from "core/home/mod.ts";
import { onUnix, words } from "../../tools.ts";

/** Folders of a made-up machine. */
function foldersOf(
  { variables = {}, ...machine }: Partial<Omit<Machine, "variable">> & { variables?: Record<string, string> },
  ...kept: Kept[]
): string[] {
  const usual = { root: "/lamina", installed: true, os: "linux", home: "/home/ann" } as const;
  const variable = (name: string) => variables[name];
  return kept.map((one) => keptIn(one, { ...usual, ...machine, variable }));
}

Deno.test("a checkout keeps everything in its data folder, beside its notebooks", () => {
  const variables = { XDG_CACHE_HOME: "/c", XDG_DATA_HOME: "/d" };
  assert.deepEqual(
    foldersOf({ installed: false, variables }, "cache", "results", "cuda", "venv", "notebooks").map(slashed),
    ["data/cache", "data/results", "data/cuda", "data/venv", "notebooks"].map((f) => `/lamina/${f}`),
  );
});

Deno.test("an installed copy keeps everything in the user's folders, by the custom of the system", () => {
  const system = (os: Machine["os"]) => foldersOf({ os }, "cache", "results", "venv").map(slashed);
  assert.deepEqual(
    system("linux"),
    words`/home/ann/.cache/lamina /home/ann/.local/share/lamina/results
    /home/ann/.local/share/lamina/venv`,
  );
  assert.deepEqual(system("darwin"), [
    "/home/ann/Library/Caches/lamina",
    "/home/ann/Library/Application Support/lamina/results",
    "/home/ann/Library/Application Support/lamina/venv",
  ]);
  const windows = "/home/ann/AppData/Local/lamina";
  assert.deepEqual(system("windows"), ["cache", "results", "venv"].map((name) => `${windows}/${name}`));
});

onUnix("XDG's variables are followed where they are absolute, as their specification says", () => {
  const named = (XDG_CACHE_HOME: string, XDG_DATA_HOME: string) =>
    foldersOf({ variables: { XDG_CACHE_HOME, XDG_DATA_HOME } }, "cache", "results");
  assert.deepEqual(named("/c", "/d"), ["/c/lamina", "/d/lamina/results"]);
  const usual = ["/home/ann/.cache/lamina", "/home/ann/.local/share/lamina/results"];
  assert.deepEqual(named("c", "./d"), usual);
  assert.deepEqual(named("", ""), usual);
});

Deno.test("LAMINA_CACHE and LAMINA_RESULTS win everywhere; a relative one counts from the current folder", () => {
  for (const installed of [true, false]) {
    const variables = {
      LAMINA_CACHE: "there",
      LAMINA_RESULTS: "r",
      XDG_CACHE_HOME: "/c",
      XDG_DATA_HOME: "/d",
    };
    const [cache, results, cuda] = foldersOf({ installed, variables }, "cache", "results", "cuda");
    assert.deepEqual([cache, results], [resolve("there"), resolve("r")]);
    assert.doesNotMatch(cuda, /there/);
    const machine = { root: "/lamina", installed, os: "linux", home: "/h", variable: () => "x" } as const;
    assert.notEqual(usuallyIn("cache", machine), resolve("x"));
  }
});

Deno.test("this copy is a checkout, and its folders are shown from its root", async () => {
  assert.ok((await Deno.stat(`${root}/deno.json`)).isFile);
  assert.ok(isAbsolute(folderOf("venv")));
  assert.equal(slashed(displayed(folderOf("venv"))), "data/venv");
  assert.equal(displayed(`${root}-other`).endsWith("-other"), true);
});

const slashed = (path: string) => path.replaceAll("\\", "/");
