/** The faults of a script, the list of those that change nothing, and a run on a project of two files. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import equal from "./equal.json" with { type: "json" };
import { broken, mutantsOf } from "./mutants.ts";
import { isMirror } from "./mutate.ts";
import { printed, ran, unless } from "../tools.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const script = `import { x } from "./x.ts";
type T = 1 | 2;
export function f(a: number, values: number[]): number {
  if (a < 2 && values.length > 0) return a > 1 ? -a : 3;
  values.push(a);
  throw new Error(String(a + 1));
}
`;

Deno.test("faults turn comparisons, move numbers, swap operators, leave out branches and calls", () => {
  const found = mutantsOf(script).map(({ line, change }) => `${line}: ${change}`);
  assert.deepEqual(found, [
    "4: a < 2 && values.length > 0 → false",
    "4: a < 2 && values.length > 0 → true",
    ...["4: && → ||", "4: < → <=", "4: < → >=", "4: 2 → 3", "4: > → >=", "4: > → <=", "4: 0 → 1"],
    ...["4: a > 1 ? -a : 3 → -a", "4: a > 1 ? -a : 3 → 3", "4: > → >= (2)", "4: > → <= (2)", "4: 1 → 2"],
    ...["4: -a → a", "4: 3 → 4", "5: values.push(a); → ;"],
  ]);
  for (const mutant of mutantsOf(script)) {
    assert.notEqual(broken(script, mutant), script, mutant.change);
    assert.equal(script.split("\n")[mutant.line - 1].trim(), mutant.text);
  }
});

Deno.test("a number of which only the sign counts is not moved; a sorted list is left as it was", () => {
  assert.deepEqual(mutantsOf("a.sort((x, y) => x < y ? -1 : 1);").map(({ change }) => change), [
    "a.sort((x, y) => x < y ? -1 : 1); → ;",
    "a.sort((x, y) => x < y ? -1 : 1) → a",
    ...["x < y ? -1 : 1 → -1", "x < y ? -1 : 1 → 1", "< → <=", "< → >=", "-1 → 1"],
  ]);
});

Deno.test("every listed fault that changes nothing is one of its file, with a reason", async () => {
  const known = new Map<string, Set<string>>();
  for (const { file, line, change, why } of equal) {
    if (!known.has(file)) {
      const mutants = mutantsOf(await Deno.readTextFile(join(root, file)));
      known.set(file, new Set(mutants.map(({ text, change }) => `${text} ${change}`)));
    }
    assert.ok(known.get(file)!.has(`${line} ${change}`), `${file} has no fault "${change}" in: ${line}`);
    assert.ok(why.length > 10, `${file}: ${change} has no reason`);
  }
});

Deno.test("tests that lie as a source does run first", () => {
  assert.ok(isMirror("src/core/run/plan/trie.ts", "tests/core/run/trie_test.ts"));
  assert.ok(isMirror("src/core/measure/statistics/change.ts", "tests/core/measure/statistics_test.ts"));
  assert.ok(!isMirror("src/core/run/plan/trie.ts", "tests/core/measure/trie_test.ts"));
  assert.ok(!isMirror("src/core/run/plan/trie.ts", "tests/core/run/chain_test.ts"));
});

const hasGit = await printed("git", ["rev-parse", "--git-dir"], { cwd: root }).then(() => true, () => false);

unless(hasGit ? null : "no git")(
  "a run prints what its test does not see, and leaves the working tree as it is",
  async () => {
    const file = "src/core/result/keeping/key.ts";
    const before = await Deno.readTextFile(join(root, file));
    const line = before.split("\n").findIndex((text) => text.includes(".slice(0, 16)")) + 1;
    const args = ["run", "-A", "tests/mutate/mutate.ts", file, "--line", `${line}`, "--tests"];
    const { code, out } = await ran(Deno.execPath(), [...args, "tests/runner/item_test.ts"], { cwd: root });
    assert.equal(code, 1);
    assert.ok(out.includes(`${file}:${line}: 16 → 17\n    return createHash`), out);
    assert.match(out, / +3 +0 +0 +3 {2}src/);
    assert.equal(await Deno.readTextFile(join(root, file)), before);
    // A test that fails before any fault would see all of them.
    const without = await ran(Deno.execPath(), [...args, "tests/mutate/none_test.ts"], { cwd: root });
    assert.equal(without.code, 2);
    assert.match(without.err, /found no test that passes without a fault/);
  },
);
