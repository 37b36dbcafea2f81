/** Commands over results that are there already: plan, compare, merge. */
import { type Command, Option } from "commander";

import { flag, option } from "core/entry/mod.ts";
import type { DropPlan } from "core/measure/mod.ts";
import { readResult } from "core/result/mod.ts";
import { profileKind } from "../profile/mod.ts";
import { modelOf } from "core/show/words/names.ts";
import { compare } from "./profiles.ts";
import { compareSamples, samplesChecks } from "./samples.ts";
import { SAMPLES } from "core/study/options.ts";
import { certifyStudy } from "./certify.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { type Context, optionsIn, tableIn, withModel } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { DROP_OPTIONS, type DropFlags, dropOf, dropOptions, wantedOf } from "core/command/drops.ts";
import { type Flags, MODEL, studyOptions } from "core/command/options.ts";
import { deliver, type Output, outputOf } from "core/command/outlet.ts";
import { perform, shown } from "core/command/perform.ts";
import { misused } from "core/command/relations.ts";

/** A number of blocks; without one, for logs of lm-eval, of which it takes one as its value where that comes next. */
type CompareFlags =
  & Flags
  & DropFlags
  & { readonly samples?: number | string | true; readonly all?: boolean };
const isBare = (samples: unknown) => samples !== undefined && typeof samples !== "number";
const LOGS = { needs: { option: "samples", is: "without a number", holds: isBare } };

const compareCommand = (context: Context): Command =>
  declared({
    name: "compare",
    says: "certify what a smaller model or a plan costs, token by token",
    takes: {
      "<a>": `${MODEL}; or a profile (.json); with --samples, a file or folder of lm-eval's --log_samples`,
      "[b]": "another one, which is compared with the first; without it, the first under a plan",
    },
    options: {
      ...{ ...dropOptions, ...certifyStudy.checks, ...samplesChecks, ...studyOptions("certificate") },
      samples: new Option(
        "--samples [n]",
        `number of text blocks (default: ${SAMPLES}); without a number: compare answers that lm-eval logged`,
      ).argParser((text) => /^\d+$/.test(text) ? Number(text) : text),
      all: option(flag, "print how far updates move layer by layer, too"),
    },
    relations: Object.fromEntries(Object.keys(samplesChecks).map((name) => [name, LOGS])),
    example: "compare smollm2-135m smaller.gguf",
  }, async (a: string, b: string | undefined, { samples, ...flags }: CompareFlags, command: Command) => {
    const areLogs = isBare(samples);
    if (areLogs || [a, b].every((name) => name?.endsWith(".json"))) {
      const { rawArgs } = command.parent as Command & { readonly rawArgs: string[] };
      const names = rawArgs.filter((name) => [a, b, samples].includes(name));
      const own = ["json", "csv", "quiet", ...areLogs ? ["samples", ...Object.keys(samplesChecks)] : []];
      const odd = command.options.find((option) =>
        command.getOptionValueSource(option.attributeName()) === "cli" &&
        !own.includes(option.attributeName())
      );
      if (odd || names.length !== 2) {
        misused(command, odd ? `${odd.long} is for models` : "expected two names");
      }
      return await deliver(context, flags, await comparison(context, names, areLogs ? flags : null));
    }
    const isPlanned = DROP_OPTIONS.some((name) => flags[name as keyof DropFlags] !== undefined);
    if (isPlanned === (b !== undefined)) misused(command, "expected two models, or one and a plan");
    const wanted = await wantedOf(flags);
    const options = optionsIn(context, { ...flags, samples }, certifyStudy);
    await withModel(context, a, flags, async (first) => {
      const certify = (other: StudyModel | DropPlan) =>
        perform(context, flags, certifyStudy, [first, { ...options, other }], {
          ...shown(context, first.name),
          output: (certificate, done) => outputOf(context, certificate, { done, all: flags.all }),
        });
      await (b === undefined ? certify(dropOf(first, wanted)) : withModel(context, b, flags, certify));
    });
  });

/** Two logs of lm-eval, or without options of theirs two profiles. */
async function comparison(context: Context, [a, b]: readonly string[], logs: Flags | null): Promise<Output> {
  if (logs) {
    const options = optionsIn(context, logs, { checks: samplesChecks });
    return outputOf(context, await compareSamples(a, b, options));
  }
  const [first, second] = [await readResult(a, profileKind), await readResult(b, profileKind)];
  const compared = compare(first, second);
  const models: [string, string] = [modelOf(first.provenance.model), modelOf(second.provenance.model)];
  const table = () => tableIn(context, [{ ...compared, models } as typeof compared]);
  return { ...outputOf(context, compared), table };
}

export const commands = { "Every day:": [compareCommand], place: 5 };
