/** Commands that order modules and make plans. */
import type { Command } from "commander";
import { flag, option, usually } from "core/entry/mod.ts";
import { orderStudy } from "./order.ts";
import { type Context, optionsIn } from "core/command/context.ts";
import { orderKind } from "./result.ts";
import { type Flags, randomAmong, studyOptions } from "core/command/options.ts";
import { studyCommand } from "core/command/perform.ts";
import { MODULES } from "core/measure/mod.ts";
import { readResult, resultText } from "core/result/mod.ts";
import { profileKind } from "../profile/mod.ts";
import { lastText } from "core/show/words/names.ts";
import { makePlan, planChecks } from "./make_plan.ts";
import { declared } from "core/command/declare.ts";
import { outOptions } from "core/command/destination.ts";
import { deliver, outputOf, piped } from "core/command/outlet.ts";
import { expectOne, misused } from "core/command/relations.ts";

const ATTENTION = { target: "attention" };

const orderCommand = (context: Context): Command =>
  studyCommand(context, orderStudy, {
    name: "order",
    says: "rank modules, or windows of blocks, by a score or greedy search",
    options: { ...usually(orderStudy.checks, ATTENTION), ...studyOptions("order") },
    relations: { seed: { needs: randomAmong(false) } },
    example: "order smollm2-135m --by greedy --upto 8 --json order.json",
  }, { more: ({ target = ATTENTION.target }: Flags & { readonly target?: string }) => () => ({ target }) });

const planCommand = (context: Context): Command =>
  declared({
    name: "plan",
    says: "choose modules to drop, from a profile or an order",
    takes: { "<file>": "file from `lamina profile --json` or `lamina order --json`" },
    options: { ...planChecks, table: option(flag, "print a table instead of JSON"), ...outOptions() },
    relations: { seed: { needs: randomAmong(false) } },
    example: "plan profile.json --target attention --drop 8 > plan.json",
  }, async (file: string, flags: Flags & { readonly table?: boolean }, command: Command) => {
    expectOne(command, ["--drop", "--parameters", "--kv-bytes"]);
    const options = optionsIn(context, flags, { checks: planChecks });
    const { target } = options;
    const result = await readResult(file, profileKind, orderKind);
    if (result.kind === "profile" && !target) misused(command, "a plan from a profile needs --target");
    const plan = makePlan(result, options);
    if (result.kind === "profile" && plan.last && plan.order.length > 0) {
      context.notice(
        `these go last: ${
          lastText(plan.last)
        }; this is what the profile shows, and \`lamina order MODEL --target ${target} --upto ${plan.order.length}\` checks by removals`,
      );
    }
    await deliver(context, flags.table ? flags : piped(flags), {
      ...outputOf(context, plan),
      json: () => resultText(plan),
      next: MODULES.flatMap((module) => plan[module].length ? [`--drop-${module} ${plan[module]}`] : []).join(
        " ",
      ),
    });
  });

export const commands = { "Choose yourself:": [orderCommand, planCommand], place: 2 };
