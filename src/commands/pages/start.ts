/** The main job, on a real model: profile, drop lists, what dropping costs, and how it grows with the number dropped. */
import { KINDS } from "../../measure/mod.ts";
import { Command } from "commander";
import { join } from "node:path";
import { cacheKey, fileName, keepAs, type Profile, type Provenance, type Sweep } from "../../result/mod.ts";
import { phases, plain, sum, within } from "../../entry/mod.ts";
import { writeReport } from "../../show/mod.ts";
import {
  droppable,
  flopsOf,
  makePlan,
  perplexities,
  profile,
  SIZES,
  START_CURVES,
  studies,
  type StudyOptions,
  sweep,
} from "../../study/mod.ts";
import { noDrop } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { type Context, reportsTo, tableIn, withModel } from "../shared/context.ts";
import { draw } from "./figures.ts";
import { explained } from "../shared/help.ts";
import { type EngineFlags, MODEL, withEngineFlags, withResultsFlag } from "../shared/options.ts";
import { doneText, madeBy, near } from "../shared/outlet.ts";

/** Modules of each kind that are dropped for the table. */
const DROPPED = 8;
/** Analyses of the page. */
const SHOWN = ["importance", "quality", "magnitude"] as const;

export function startCommand(context: Context): Command {
  const command = new Command("start")
    .description("rank the modules, choose what to drop, measure the cost, and write a page of figures")
    .argument("[model]", MODEL, "smollm2-135m");
  explained(command, "start");
  return withResultsFlag(withEngineFlags(command))
    .action(async (ref: string, { results, allowField, ...flags }: EngineFlags & { results: string }) => {
      await withModel(context, ref, { ...flags, allowField }, async (model) => {
        const options = { results, ...flags, ...reportsTo(context) };
        // Of what the page shows, the profiles of several texts alone are left to compute.
        const texts = flopsOf(model, [{ ...SIZES.texts, plans: [noDrop], head: false }]);
        const job = sum(await weightsOf(model, options));
        const phase = phases(null, [job, 4 * texts], options.onProgress);
        const { importance, curves } = await mainJob(context, model, within(options, phase(0)));
        const given = {
          ...within(options, phase(1)),
          model: () => Promise.resolve(model),
          profile: () => Promise.resolve(importance),
        };
        const sections = [];
        for (const name of SHOWN) sections.push(await draw(name, given));
        const folder = nameOf("report", [importance.provenance, curves.provenance]);
        const title = `What ${model.name} can live without`;
        const page = await writeReport(join(results, folder), { title, sections, ...madeBy() });
        context.write(`\npage of figures: ${plain(near(page))}`); // unbroken, to be copied
      });
      context.notice(doneText(context, "start", { results }));
    });
}

/** Measures, prints the tables, and writes the plans and the sweep; sizes and texts are its own where they are not said. */
export async function mainJob(
  context: Pick<Context, "print" | "look">,
  model: StudyModel,
  options: StudyOptions,
): Promise<{ importance: Profile; curves: Sweep }> {
  const phase = phases(null, await weightsOf(model, options), options.onProgress);
  const importance = await profile(model, { ...SIZES.profile, ...within(options, phase(0)) });
  context.print(tableIn(context, [importance]));
  const plans = KINDS.map((target) =>
    makePlan(importance, { target, drop: Math.min(DROPPED, droppable(model.spec, { target })) })
  );
  for (const plan of plans) {
    context.print(`\n${tableIn(context, [plan])}`);
    const name = nameOf("plan", [importance.provenance], plan.target, plan.order.length);
    await keepAs(name, plan, options);
  }
  const quality = await perplexities(model, [{}, ...plans], {
    ...SIZES.quality,
    ...within(options, phase(1)),
  });
  context.print(`\n${tableIn(context, quality)}`);
  const curves = await sweep(model, {
    ...SIZES.quality,
    ...within(options, phase(2)),
    profile: importance,
    curves: START_CURVES,
  });
  context.print(`\n${tableIn(context, [curves])}`);
  const name = nameOf("sweep", [curves.provenance, curves.calibration]);
  await keepAs(name, curves, options);
  return { importance, curves };
}

/** What the profile, the table of perplexities and the curves weigh. */
async function weightsOf(model: StudyModel, options: StudyOptions): Promise<number[]> {
  const { samples, length } = { ...SIZES.profile, ...options };
  const size = { ...SIZES.quality, ...options };
  const curves = { ...size, calibration: { samples, length }, curves: START_CURVES };
  const { steps } = await studies.sweep.work(model, curves);
  const [profiling, sweeping] = steps.map(({ passes }) => flopsOf(model, passes));
  const full = { samples: size.samples, length: size.length, plans: [noDrop], head: false };
  const scored = { ...full, head: true, times: 1 + KINDS.length };
  return [profiling, flopsOf(model, [full, scored]), sweeping];
}

/** A name under which another model of the same name, or another setting, overwrites nothing. */
function nameOf(kind: string, origins: readonly Provenance[], ...words: (string | number)[]): string {
  return [kind, fileName(origins[0].model.name), ...words, cacheKey(kind, [origins, words])].join("-");
}
