/**
 * A study over the samples of a text: besides how it measures, what its options are. The rest follows: what is kept and found again, price,
 * progress, the check of memory, joining, and the division over machines.
 */
import { type Checks, filled } from "../entry/mod.ts";
import type { Summed, Types } from "../result/mod.ts";
import type { DropPlan } from "../run/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import type { Size } from "./estimate.ts";
import { type RunOptions, studyChecks, type StudyOptions } from "./options.ts";
import type { Measure } from "./over.ts";
import { dropsIn, type OverPlans, type PlanLike } from "./plan.ts";
import { type ScopedStudy, study } from "./scope.ts";
import type { Study } from "./study.ts";
import { type Text, textOf } from "./text.ts";

type Said = Pick<Study<never, never, never>, "verb" | "says">;

/** A study over a text: besides how it measures, what its options are. */
export interface StudyOver<O, Own, K extends Types> extends Measure<Own, K>, Said {
  readonly checks: Checks<O>;
  /** How its results follow from sums; where they do not join, no machines share it. */
  readonly result: Summed<K> | Measure<Own, K>["result"];
  /** Its text; default: that of the options. */
  text?(model: StudyModel, options: O): Text;
  /** What the options come to in a model, or throws `RangeError`. */
  settle?(model: StudyModel, options: O, size: Size): Own;
  /** What is added to results when they are shown, and not kept. */
  after?(
    results: readonly K["result"][],
    at: { readonly model: StudyModel; readonly text: Text; readonly options: O },
    options: RunOptions,
  ): Promise<K["result"][]>;
}

type Planned = StudyOptions & { readonly drop?: PlanLike | undefined };

/** A study of a model under one plan, the option `drop`, over a text. */
export const studyOver = <O extends Planned, Own, K extends Types>(
  how: StudyOver<O, Own, K>,
): ScopedStudy<StudyModel, O, K["result"]> =>
  overText(how, ({ drop = {} }) => [drop], ([only]) => only, ([drop]) => ({ drop }));

/** The same under several plans, the option `plans`, which run together; it has a result for each. */
export const studyOverPlans = <O extends OverPlans<StudyOptions>, Own, K extends Types>(
  how: StudyOver<O, Own, K>,
): ScopedStudy<StudyModel, O, K["result"][]> =>
  overText(how, ({ plans }) => plans, (all) => all, (plans) => ({ plans }));

function overText<O extends StudyOptions, Own, K extends Types, Out>(
  how: StudyOver<O, Own, K>,
  plansIn: (options: O) => readonly PlanLike[],
  out: (results: K["result"][]) => Out,
  planned: (plans: readonly DropPlan[]) => object,
): ScopedStudy<StudyModel, O, Out> {
  const { verb, says, checks, settle, after, result: { kind: { name }, join } } = how;
  const textIn = how.text ?? ((model: StudyModel, options: O) => textOf(model, options, checks));
  const added = Object.keys(checks).filter((name) => !(name in studyChecks)) as (keyof O)[];
  const plansOf = (model: StudyModel, options: O) => plansIn(options).map((plan) => dropsIn(model, plan));
  const own = study<O, Out & object>({
    ...{ verb, says, checks, label: name },
    text: textIn,
    async run(scope, model, options) {
      const text = textIn(model, options);
      const own = settle?.(model, options, text.sizes) ?? {} as Own;
      const label = `${name} of ${model.name}`;
      const place = {
        model,
        text,
        own,
        label,
        title: label,
        ..."plans" in checks ? { isCounted: true } : {},
      };
      const [results] = await scope.over(how, place, [plansOf(model, options)]);
      if (!after) return out(results) as Out & object;
      const known = results.map((result): K["result"] => ({ ...result }));
      return out(await after(known, { model, text, options }, scope.options)) as Out & object;
    },
    ...join
      ? {
        depends: (model: StudyModel, options: O) => (
          { ...filled(checks, options, added), ...planned(plansOf(model, options)) }
        ),
      }
      : {},
  });
  return { ...how, ...own } as ScopedStudy<StudyModel, O, Out>;
}
