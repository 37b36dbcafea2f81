/** The command of sweeps. */
import { oneOf, option } from "core/entry/mod.ts";
import { TARGETS } from "core/result/mod.ts";
import { sweepStudy } from "./study.ts";
import type { Context } from "core/command/context.ts";
import { calibrationOptions, type Flags, randomAmong, studyOptions } from "core/command/options.ts";
import { studyCommand } from "core/command/perform.ts";

type SweepFlags = Flags & Partial<Readonly<Record<"target" | "text" | "calibrationText", string>>>;

const sweepCommand = (context: Context) =>
  studyCommand(context, sweepStudy, {
    name: "sweep",
    says: "measure quality against the number dropped, in several orders",
    options: {
      target: option(oneOf(TARGETS), "<kind> what to drop", "attention"),
      ...calibrationOptions("that of --text if it is set, otherwise stories"),
      ...sweepStudy.checks,
      ...studyOptions("sweep"),
    },
    relations: { seed: { needs: randomAmong(true) } },
    example: "sweep smollm2-135m --target attention --upto 8",
  }, {
    more(flags: SweepFlags) {
      Object.assign(flags, { calibrationText: flags.calibrationText ?? flags.text });
      return () => flags.target === undefined ? {} : { targets: [flags.target] };
    },
  });

export const commands = { "Choose yourself:": [sweepCommand], place: 3 };
