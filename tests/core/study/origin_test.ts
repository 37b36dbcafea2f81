/** The key of a result has all that its numbers depend on: with an option changed, a study uses nothing that was kept for the other value. */
import assert from "node:assert/strict";
import { type Result, resultText } from "core/result/mod.ts";
import { studyChecks } from "core/study/options.ts";
import { studies } from "core/study/studies.ts";
import { run } from "core/study/study.ts";
import { openConfig, openSeries } from "core/subject/mod.ts";
import "features/mod.ts";
import { profile } from "features/profile/mod.ts";
import { writeSeries } from "../../features/training/training.ts";
/**
 * By study, options that all its runs have, then changes: one at least for each option of its own; null takes an option away. TEXT and OTHER
 * stand for two texts, PROFILE for a profile.
 */
import table from "./changes.json" with { type: "json" };
import { withTiny } from "./tiny.ts";

type Options = Readonly<Record<string, unknown>>;

/** Speeds are not kept. */
const UNKEPT = ["speed"];
/** Options that need data sets which tests do not have, those of times, which are never the same twice, and of GGUF. */
const UNTRIED = ["suite", "shots", "time", "speed", "context", "typesBy"];

Deno.test("with any option of its own changed, each study has the bytes of a run that found nothing kept", () =>
  withTiny(async ({ model, folder, options: { results, ...options } }) => {
    const text = options.text as string;
    await Deno.writeTextFile(`${text}.2`, (await Deno.readTextFile(text)).split(" ").reverse().join(" "));
    await writeSeries(`${folder}/run`, [1, 8]);
    const [config, checkpoints] = [await openConfig(folder), await openSeries(`${folder}/run`)];
    const subjects: Options = { checkpoints, "random-init": config };
    const standing: Options = { TEXT: text, OTHER: `${text}.2`, PROFILE: await profile(model, options) };
    const optionsIn = (changed: Options) =>
      JSON.parse(JSON.stringify(changed), (_, value) => standing[value] ?? value ?? undefined) as Options;
    for (const [name, study] of studies().filter(([name]) => !UNKEPT.includes(name))) {
      const [base, ...changes] = (table as Record<string, Options[]>)[name] ?? [];
      const lacking = Object.keys(study.checks).filter((option) =>
        ![...Object.keys(studyChecks), ...UNTRIED].includes(option) &&
        changes.every((change) => !(option in change))
      );
      assert.deepEqual(lacking, [], `${name}: a change of each in tests/core/study/changes.json`);
      const ran = async (change: Options, results?: string) => {
        const own = optionsIn({ ...options, ...base, ...change });
        const made = await run(study, subjects[name] ?? model, { ...own, results });
        return [made].flat().map((one) => Object(one).kind ? resultText(one as Result) : JSON.stringify(one));
      };
      const kept = `${results}/${name}`;
      await ran({}, kept);
      for (const change of changes) {
        assert.deepEqual(await ran(change, kept), await ran(change), `${name}: ${JSON.stringify(change)}`);
      }
    }
  }));
