import { randomInitStudy } from "./random_init.ts";
import { openConfig } from "core/subject/mod.ts";
import { type Context, openOptions, optionsIn } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { type Flags, studyOptions } from "core/command/options.ts";
import { perform, shown } from "core/command/perform.ts";
import { openRunner } from "core/command/sharing.ts";

const randomInitCommand = (context: Context) =>
  declared({
    name: "random-init",
    says: "measure the importance of every module before training, from a config alone",
    takes: { "<config>": "a name in data/configs, a config.json, a folder with one, or any model" },
    options: { ...randomInitStudy.checks, ...studyOptions("random-init") },
    example: "random-init llama-2-7b --layers 8 --hidden 512 --seeds 3",
  }, async (ref: string, flags: Flags) => {
    const study = randomInitStudy;
    await openRunner(context, flags);
    const named = await openConfig(ref, openOptions(context, flags));
    const faces = shown(context, named.name, { done: `${named.name} with random weights` });
    await perform(context, flags, study, [named, optionsIn(context, flags, study)], faces);
  });

export const commands = { "Measure:": [randomInitCommand] };
