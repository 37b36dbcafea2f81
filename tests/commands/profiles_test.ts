/** `lamina plan` and `compare` as a person runs them, on profiles that are there already. */
import assert from "node:assert/strict";
import { readResult, writeResult } from "../../src/result/mod.ts";
import { compare, makePlan } from "../../src/study/mod.ts";
import { withFolder } from "../support.ts";
import { profile as synthetic } from "../show/synthetic.ts";
import { lamina, ok } from "./cli.ts";
import { words } from "../tools.ts";

/** A folder with a profile of four layers; the first MLP was dropped. */
function withProfile(use: (file: string, folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const file = `${folder}/profile.json`;
    await writeResult(file, synthetic({ layers: 4, mlp: [0] }));
    await use(file, folder);
  });
}

const targets = [
  ["attention", "importance"],
  ["mlp", "magnitude"],
  ["block", "deepest"],
  ["joint", "random"],
] as const;

for (const [target, by] of targets) {
  Deno.test(`plan: two of ${target} by ${by}, as JSON on stdout, in a file, and as a table`, () =>
    withProfile(async (file, folder) => {
      const args = words`plan ${file} --target ${target} --drop 2 --by ${by}
        ${by === "random" ? ["--seed", "7"] : []}`;
      const expected = makePlan(await readResult(file, "profile"), { target, drop: 2, by, seed: 7 });
      const [printed, table, written] = await Promise.all([
        lamina(...args),
        lamina(...args, "--table"),
        lamina(...args, "--json", `${folder}/plan.json`),
      ]);
      assert.deepEqual([printed.code, table.code, written.code], [0, 0, 0], printed.err + table.err);
      assert.deepEqual(JSON.parse(printed.out), expected);
      assert.deepEqual(await readResult(`${folder}/plan.json`, "plan"), expected);
      assert.equal(written.out, table.out);
    }));
}

Deno.test("plan: the check by removals that is named is one that can be run", () =>
  withProfile(async (file) => {
    const profile = JSON.parse(await Deno.readTextFile(file));
    profile.attention.largestRelativeMagnitude[0] = 100;
    await Deno.writeTextFile(file, JSON.stringify(profile));
    const plan = (count: string) => lamina("plan", file, "--target", "attention", "--drop", count);
    assert.match((await plan("1")).err, /these go last: attention 0 .* --upto 1` checks by removals/);
    assert.deepEqual([(await plan("0")).code, (await plan("0")).err], [0, ""]);
  }));

Deno.test("compare: a line a kind of module, the very numbers of its JSON", () =>
  withProfile(async (file, folder) => {
    const other = `${folder}/other.json`;
    const { mlp, ...same } = synthetic({ layers: 4 });
    const turned = { ...mlp, importance: mlp.importance.toReversed() };
    await writeResult(other, { ...same, mlp: turned } as typeof same);
    const json = `${folder}/compare.json`;
    const { out } = await ok("compare", file, other, "--json", json);
    const [a, b] = [await readResult(file, "profile"), await readResult(other, "profile")];
    const expected = compare(a, b);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(json)), JSON.parse(JSON.stringify(expected)));
    assert.match(out, /^MLP +−1\.000 +0\.404 +0 of 1/m);
    const piped = await lamina("compare", file, other, "--json", "-");
    assert.deepEqual(JSON.parse(piped.out), JSON.parse(JSON.stringify(expected)));
  }));
