/** Commands over results that are there already, and those that run no model: each gives what the library gives, as a table, JSON and CSV. */
import assert from "node:assert/strict";
import { tableIn } from "core/command/context.ts";
import type { Profile } from "features/profile/mod.ts";
import { type Kind, readResult, type ResultOf, toCSV, writeResult } from "features/by_name.ts";
import { printable } from "core/show/tables/text.ts";
import { compare } from "features/compare/mod.ts";
import { makePlan } from "features/orders/mod.ts";
import { roofline } from "features/speed/mod.ts";
import { info } from "features/info/mod.ts";
import { withFolder } from "../../support.ts";
import { profile as synthetic } from "../../core/show/synthetic.ts";
import { lamina, LOOK, ok, wordsOf } from "../../core/command/cli.ts";

/** A folder with a profile of four layers, of which the first MLP was dropped, and one of other importances. */
function withProfiles(use: (names: { PROFILE: string; OTHER: string }, folder: string) => Promise<void>) {
  return withFolder(async (folder) => {
    const [file, other] = ["profile", "other"].map((name) => `${folder}/${name}.json`);
    const { provenance, ...one } = synthetic({ layers: 4, mlp: [0] });
    const text = { ...provenance.text, hash: "ab".repeat(32) };
    await writeResult(file, { ...one, provenance: { ...provenance, text } } as Profile);
    const { mlp, ...same } = synthetic({ layers: 4 });
    const turned = { ...mlp, importance: mlp.importance.toReversed() };
    await writeResult(other, { ...same, mlp: turned } as typeof same);
    await use({ PROFILE: file, OTHER: other }, folder);
  });
}

const SERIES = "data/series/pre-ln/step04096";

type Made = (profile: Profile, other: Profile) => ResultOf<Kind> | Promise<ResultOf<Kind>>;
/** A line, and what the library makes of the same. */
const rows: Readonly<Record<string, Made>> = {
  "plan PROFILE --target attention --drop 2": (one) => makePlan(one, { target: "attention", drop: 2 }),
  "plan PROFILE --target mlp --drop 2 --by magnitude": (one) =>
    makePlan(one, { target: "mlp", drop: 2, by: "magnitude" }),
  "plan PROFILE --target block --drop 2 --by deepest": (one) =>
    makePlan(one, { target: "block", drop: 2, by: "deepest" }),
  "plan PROFILE --target joint --drop 2 --by random --seed 7": (one) =>
    makePlan(one, { target: "joint", drop: 2, by: "random", seed: 7 }),
  "plan PROFILE --target mlp --parameters 0.2": (one) => makePlan(one, { target: "mlp", parameters: 0.2 }),
  "compare PROFILE OTHER": (one, other) => compare(one, other),
  "merge PROFILE": (one) => one,
  "speed llama-2-70b --device a6000-ada --bits 4": () =>
    roofline("llama-2-70b", { device: "a6000-ada", bits: 4 }),
  "speed OWN --device h100 --batch 1,8 --context 16 --new 4 --drop-attention 1 --drop-mlp 0": () =>
    roofline(SERIES, {
      ...{ device: "h100", batch: [1, 8], input: 16, output: 4 },
      plans: [{ attention: [1], mlp: [0] }],
    }),
  "info OWN": () => info(SERIES),
};

for (const [line, made] of Object.entries(rows)) {
  Deno.test(`${line}: the library's result, as a table, JSON and CSV`, () =>
    withProfiles(async ({ PROFILE, OTHER }, folder) => {
      const [words, json] = [
        wordsOf(line, { PROFILE, OTHER, OWN: SERIES }),
        `${folder}/a.json`,
      ];
      const result = await made(await readResult(PROFILE, "profile"), await readResult(OTHER, "profile"));
      const { out } = await ok(...words, "--json", json);
      const [, ...table] = printable(tableIn({ look: LOOK }, [result]), LOOK).split("\n"); // below the names of models
      assert.ok(out.includes(table.join("\n")), `${out}\nexpected\n${table.join("\n")}`);
      const written = JSON.parse(await Deno.readTextFile(json));
      assert.deepEqual(written, JSON.parse(JSON.stringify(result)));
      assert.deepEqual(JSON.parse((await ok(...words, "--json", "-")).out), written);
      assert.equal((await ok(...words, "--csv", "-")).out, toCSV(result));
    }));
}

Deno.test("plan: JSON where no flag names a face; a table has flags to type; what goes last is named with a check that can be run", () =>
  withProfiles(async ({ PROFILE: file }) => {
    const plan = ["plan", file, "--target", "attention", "--drop"];
    assert.equal((await ok(...plan, "2")).out, (await ok(...plan, "2", "--json", "-")).out);
    assert.match((await ok(...plan, "2", "--table")).out, /\n\n--drop-attention \d,\d\n$/);
    const profile = JSON.parse(await Deno.readTextFile(file));
    profile.attention.largestRelativeMagnitude[0] = 100;
    await Deno.writeTextFile(file, JSON.stringify(profile));
    assert.match(
      (await lamina(...plan, "1")).err,
      /these go last: attention 0 .* --upto 1` checks by removals/,
    );
    assert.equal((await ok(...plan, "0")).err, "");
  }));
