/** What a fit searches: its parts with their costs, measured on the beginning of the calibration text, and the path through all plans. */
import type { DropPlan } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { Shared } from "core/study/over.ts";
import type { Scope } from "core/study/scope.ts";
import { type Text, textOf } from "core/study/text.ts";
import type { Field, OpenSizing } from "./field.ts";
import type { Aims } from "./limits.ts";
import { type Costs, measure, pricedSites } from "./measure.ts";
import type { FitOptions } from "./options.ts";
import { pathOf, type PricedSite, type Stop } from "./path.ts";
import { planOfChoices } from "./units.ts";
import { weigh, type Weighed } from "./weigh.ts";

/** The most tokens of a sample of the calibration text. */
const LENGTH = 256;
/** Tokens that measure the importance of columns. */
const WEIGHED = 8 * LENGTH;
/**
 * Tokens that measure each part alone. Twice as many choose no better plans and take twice as long (SmolLM2:
 * −18.3 % at KLD 0.087 with 512 tokens, −19.4 % at 0.086 with 256).
 */
const ALONE = LENGTH;

/** A fit as it is asked for, with what its run opened. */
export interface Job {
  readonly scope: Scope;
  readonly model: StudyModel;
  readonly options: FitOptions;
  readonly aims: Aims;
  readonly field: Field;
  readonly text: Text;
  readonly sizing: OpenSizing;
  /** Streams of the model as stored on the samples that choose. */
  readonly shared: Shared;
}

/** A fit whose parts are measured, and the path that follows. */
export interface Search extends Job {
  readonly weighed: Weighed;
  readonly alone: Costs;
  readonly sites: readonly PricedSite[];
  readonly path: readonly Stop[];
  planOf(choice: Pick<Stop, "choices" | "dropped">): DropPlan;
}

/** The beginning of the calibration text, as far as it goes. */
function beginning(model: StudyModel, { bos, calibration }: FitOptions, tokens: number): Text {
  const { sizes } = textOf(model, { ...calibration });
  const length = Math.min(LENGTH, sizes.length);
  const samples = Math.min(Math.ceil(tokens / length), sizes.samples);
  return textOf(model, { ...bos === undefined ? {} : { bos }, ...calibration, samples, length });
}

/** Where parts are measured alone, and under which title. */
export const aloneAt = ({ model, options }: Pick<Job, "model" | "options">, doing: string) => (
  { model, text: beginning(model, options, ALONE), title: `fit of ${model.name}: ${doing}` }
);

/** Measures the importance of columns and each part alone. */
export async function openSearch(job: Job): Promise<Search> {
  const { scope, model, options, field: { sites } } = job;
  const units = sites.flatMap(({ units }) => units);
  const weighed = await weigh(scope, model, beginning(model, options, WEIGHED), units);
  const alone = await measure(scope, aloneAt(job, "measuring"), sites, { choices: [], dropped: [] }, weighed);
  return withCosts({ ...job, weighed, alone }, alone);
}

/** A search whose path follows from some costs. */
export function withCosts(job: Omit<Search, "sites" | "path" | "planOf">, costs: Costs): Search {
  const { field, weighed } = job;
  const sites = pricedSites(field.sites, costs, weighed);
  return {
    ...job,
    sites,
    path: pathOf(sites, field.mayDrop),
    planOf: ({ choices, dropped }) => planOfChoices(choices, dropped, weighed.importance),
  };
}
