/** Commands that choose what to drop, and what takes its place: fit, order, sweep, repair. */
import { AIMS } from "./result.ts";
import { promiseText } from "./words.ts";
import { aimOf } from "./aims.ts";
import { planTensors } from "core/study/plan_file.ts";
import { fitStudy } from "./study.ts";
import type { Context } from "core/command/context.ts";
import { isStandardOutput } from "core/command/destination.ts";
import { keepFit, nextLines } from "./fitted.ts";
import { nextText, outputOf } from "core/command/outlet.ts";
import { calibrationOptions, type Flags, randomAmong, studyOptions } from "core/command/options.ts";
import { studyCommand } from "core/command/perform.ts";
import { expectOne } from "core/command/relations.ts";

const fitCommand = (context: Context) =>
  studyCommand(context, fitStudy, {
    name: "fit",
    says: "find the largest plan that keeps a promise, and confirm it",
    options: {
      ...fitStudy.checks,
      ...calibrationOptions(),
      ...studyOptions("fit", ({ repair }) => repair === undefined ? "file" : "plan"),
    },
    first:
      "loss perplexity accuracy tasks parameters kvBytes file speed targets repair format time text samples length calibrationText json dryRun",
    relations: { seed: { needs: randomAmong(false) } },
    example: "fit smollm2-135m --perplexity 10%",
  }, {
    more(_flags, command) {
      expectOne(command, AIMS.map((aim) => `--${aim}`));
      return () => ({});
    },
    faces: ({ json, cache, results, ...aim }: Flags & Parameters<typeof aimOf>[0], ref) => ({
      promise: promiseText(aimOf(aim)),
      async output(fit, done) {
        const output = outputOf(context, fit, { done });
        if (!fit.plan) return output;
        if (json && !isStandardOutput(json)) {
          const beside = await planTensors(json, fit.plan);
          return { ...output, beside, ...nextText(nextLines(fit, ref, json)) };
        }
        const kept = cache ? await keepFit(fit, results!) : null;
        return kept === null ? output : { ...output, ...nextText(nextLines(fit, ref, kept)) };
      },
    }),
  });

export const commands = { "Every day:": [fitCommand], place: 1 };
