/** Commands over results that are there already: plan, compare, merge. */
import type { Command } from "commander";
import { flag, option } from "core/entry/mod.ts";
import type { DropPlan } from "core/measure/mod.ts";
import { readResult } from "core/result/mod.ts";
import { profileKind } from "../profile/mod.ts";
import { modelOf } from "core/show/words/names.ts";
import { compare } from "./profiles.ts";
import { certifyStudy } from "./certify.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { type Context, optionsIn, tableIn, withModel } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { DROP_OPTIONS, type DropFlags, dropOf, dropOptions, wantedOf } from "core/command/drops.ts";
import { type Flags, MODEL, studyOptions } from "core/command/options.ts";
import { deliver, type Output, outputOf } from "core/command/outlet.ts";
import { perform, shown } from "core/command/perform.ts";
import { misused } from "core/command/relations.ts";

type CompareFlags = Flags & DropFlags & { readonly all?: boolean };

const compareCommand = (context: Context): Command =>
  declared({
    name: "compare",
    says: "certify what a smaller model or a plan costs, token by token",
    takes: {
      "<a>": `${MODEL}; or a profile (.json)`,
      "[b]": "another one, which is compared with the first; without it, the first under a plan",
    },
    options: {
      ...{ ...dropOptions, ...certifyStudy.checks, ...studyOptions("certificate") },
      all: option(flag, "print how far updates move layer by layer, too"),
    },
    example: "compare smollm2-135m smaller.gguf",
  }, async (a: string, b: string | undefined, flags: CompareFlags, command: Command) => {
    if (b?.endsWith(".json") && a.endsWith(".json")) {
      const own = ["json", "csv", "quiet"];
      const odd = command.options.find((option) =>
        command.getOptionValueSource(option.attributeName()) === "cli" &&
        !own.includes(option.attributeName())
      );
      if (odd) misused(command, `${odd.long} is for models`);
      return await deliver(context, flags, await comparison(context, a, b));
    }
    const isPlanned = DROP_OPTIONS.some((name) => flags[name as keyof DropFlags] !== undefined);
    if (isPlanned === (b !== undefined)) misused(command, "expected two models, or one and a plan");
    const wanted = await wantedOf(flags);
    const options = optionsIn(context, flags, certifyStudy);
    await withModel(context, a, flags, async (first) => {
      const certify = (other: StudyModel | DropPlan) =>
        perform(context, flags, certifyStudy, [first, { ...options, other }], {
          ...shown(context, first.name),
          output: (certificate, done) => outputOf(context, certificate, { done, all: flags.all }),
        });
      await (b === undefined ? certify(dropOf(first, wanted)) : withModel(context, b, flags, certify));
    });
  });

/** Two profiles. */
async function comparison(context: Context, a: string, b: string): Promise<Output> {
  const [first, second] = [await readResult(a, profileKind), await readResult(b, profileKind)];
  const compared = compare(first, second);
  const models: [string, string] = [modelOf(first.provenance.model), modelOf(second.provenance.model)];
  const table = () => tableIn(context, [{ ...compared, models } as typeof compared]);
  return { ...outputOf(context, compared), table };
}

export const commands = { "Every day:": [compareCommand], place: 5 };
