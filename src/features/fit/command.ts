/** The command that finds the smallest file within a divergence: fit. */
import { flag, option, under } from "core/entry/mod.ts";
import { planTensors } from "core/study/plan_file.ts";
import type { Context } from "core/command/context.ts";
import { isStandardOutput } from "core/command/destination.ts";
import { nextText, outputOf } from "core/command/outlet.ts";
import { calibrationOptions, type Flags, studyOptions } from "core/command/options.ts";
import { studyCommand } from "core/command/perform.ts";
import { expectAny } from "core/command/relations.ts";
import { keepFit, keptName, nextLines } from "./fitted.ts";
import { aimsOf, type FitAim } from "./limits.ts";
import { LIMITS, TARGETS } from "./result.ts";
import { fitStudy } from "./study.ts";
import { promiseText } from "./words.ts";

const fitCommand = (context: Context) =>
  studyCommand(context, fitStudy, {
    name: "fit",
    says: "find the smallest file within a limit, and confirm it",
    options: {
      ...fitStudy.checks,
      ...under("Results:", { all: option(flag, "print every layer's types and every confirmed plan") }),
      ...calibrationOptions(),
      ...studyOptions("fit", () => "file"),
    },
    first:
      "kld perplexity loss accuracy tasks file parameters kvBytes speed targets format text samples length calibrationText all json figure dryRun",
    example: "fit smollm2-135m --kld 0.05",
  }, {
    more(_flags, command) {
      expectAny(command, [...LIMITS, ...TARGETS].map((of) => `--${of}`));
      return () => ({});
    },
    faces: ({ json, cache, results, all, ...aim }: Flags & FitAim & { readonly all?: boolean }, ref) => {
      const { limits, target } = aimsOf(aim);
      return {
        promise: promiseText([...limits, ...target ? [target] : []]),
        async output(fit, done) {
          const output = outputOf(context, fit, { all, done });
          if (!fit.plan) return output;
          if (json && !isStandardOutput(json)) {
            const beside = await planTensors(json, fit.plan);
            return { ...output, beside, ...nextText(nextLines(fit, ref, json)) };
          }
          const kept = cache ? await keepFit(fit, results!, keptName(fit)) : null;
          return kept === null ? output : { ...output, ...nextText(nextLines(fit, ref, kept)) };
        },
      };
    },
  });

export const commands = { "Every day:": [fitCommand], place: 1 };
