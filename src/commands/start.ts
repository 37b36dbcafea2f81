/** The main job, on a real model: profile, drop lists, what dropping costs, and how it grows with the number dropped. */
import { Command } from "commander";
import { join, relative } from "node:path";
import process from "node:process";
import { writeResult } from "../result/mod.ts";
import { formatSeconds, perplexityTable, planTable, sweepTable, writeReport } from "../show/mod.ts";
import { makePlan, perplexities, profile, SIZES, START_CURVES, sweep, SWEEP_STEPS } from "../study/mod.ts";
import { type Context, printProfile, withModel } from "./context.ts";
import { drawn } from "./drawn.ts";
import { RESULTS } from "./options.ts";

const TARGETS = ["attention", "mlp", "block"] as const;
/** Modules of each kind that are dropped for the table. */
const DROPPED = 8;

export function startCommand(context: Context): Command {
  return new Command("start")
    .description(
      "the main job on SmolLM2-135M: importances, drop lists, what dropping costs; a page of figures",
    )
    .argument("[model]", "another model", "smollm2-135m")
    .action(async (ref: string) => {
      const started = performance.now();
      await withModel(context, ref, async (model) => {
        const options = {
          results: RESULTS,
          signal: context.signal,
          onProgress: context.progress.onProgress,
          onNotice: context.notice,
        };
        const importance = await profile(model, { ...options, ...SIZES.profile });
        printProfile(context, importance);
        const plans = TARGETS.map((target) =>
          makePlan(importance, { target, drop: Math.min(DROPPED, model.spec.layers.length) })
        );
        for (const plan of plans) {
          context.print(`\n${planTable(plan, context.look)}`);
          await writeResult(
            join(RESULTS, `plan-${model.name}-${plan.target}-${plan.order.length}.json`),
            plan,
          );
        }
        const quality = await perplexities(model, [{}, ...plans], { ...options, ...SIZES.quality });
        context.print(`\n${perplexityTable(quality, context.look)}`);
        const curves = await sweep(model, importance, START_CURVES, SWEEP_STEPS, {
          ...options,
          ...SIZES.quality,
        });
        context.print(`\n${sweepTable(curves, context.look)}`);
        await writeResult(join(RESULTS, `sweep-${model.name}.json`), curves);
        const given = {
          ...options,
          model: () => Promise.resolve(model),
          profile: () => Promise.resolve(importance),
        };
        const sections = [];
        for (const name of ["importance", "quality", "magnitude"] as const) {
          sections.push(await drawn[name](given));
        }
        const title = `What ${model.name} can live without`;
        const page = await writeReport(join(RESULTS, "report"), { title, sections });
        context.print(`\npage of figures: ${relative(process.cwd(), page)}`);
      });
      context.notice(
        `done in ${formatSeconds((performance.now() - started) / 1000)}; results in data/results`,
      );
    });
}
