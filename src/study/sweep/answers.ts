/**
 * The accuracy of paths on tasks: the first half of the documents makes the map, the second half asks the best paths again, the best of
 * the map first. Of paths with equal answers the one with the lower loss comes first.
 */
import { accuracyChange, type Evaluation, meanAccuracy, type Paths, type Rise } from "../../result/mod.ts";
import { BATCH_TOKENS, type DropPlan, noDrop } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { flopsOf } from "../base/estimate.ts";
import type { RunOptions, StudyOptions } from "../base/options.ts";
import { inTurn, stage } from "../base/stage.ts";
import { runWork, stepOf } from "../base/study.ts";
import type { Half } from "../base/text.ts";
import { openBeside } from "../evaluate/beside.ts";
import { evaluation, requestsOf } from "../evaluate/evaluate.ts";
import { askedOf, type HalvedTasks } from "../evaluate/half.ts";
import { plansInGroups } from "./ways.ts";

type Asked = HalvedTasks & Pick<StudyOptions, "bos">;
type Answers = NonNullable<Paths["accuracy"]>;

/** Evaluates groups of plans, each behind the full model, which runs once over documents whose streams `beside` keeps. */
export async function evaluateGroups(
  model: StudyModel,
  groups: readonly (readonly DropPlan[])[],
  asked: Omit<Parameters<typeof evaluation>[1], "plans">,
  options: RunOptions,
  label?: string,
): Promise<Evaluation[][]> {
  return await inTurn(groups, options, async (group, own) => {
    return await runWork(await evaluation(model, { ...own, ...asked, plans: [noDrop, ...group] }), own);
  }, { label, weight: ({ length }) => 1 + length });
}

/** The steps of the map of accuracy, and what its value depends on; `confirm` paths are asked again, `risesIn` finds what each adds to the loss. */
export async function answersOver(
  model: StudyModel,
  plans: readonly DropPlan[],
  { confirm, risesIn, ...options }: RunOptions & Asked & {
    readonly confirm: number;
    risesIn(options: RunOptions): Promise<readonly Rise[]>;
  },
) {
  const asked = (half: Half) => askedOf(half, options);
  const choosing = await requestsOf(model, asked("choosing"));
  const confirming = await requestsOf(model, asked("confirming"));
  const label = `accuracy of paths of ${model.name}`;
  const groups = plansInGroups(model, plans, BATCH_TOKENS);

  const mapping = stage({
    unit: "groups of paths on tasks",
    units: groups.length,
    cost: (unit) => flopsOf(model, choosing.passesOf([noDrop, ...groups[unit]])),
    bytes: () => choosing.bytesOf([noDrop, ...groups[0]]) + choosing.besideBytes,
    async run({ from, to }, own: RunOptions) {
      const beside = openBeside(model);
      try {
        const asking = { ...asked("choosing"), beside };
        const runs = await evaluateGroups(model, groups.slice(from, to), asking, own, label);
        return {
          full: runs[0][0],
          changes: runs.flatMap(([full, ...rest]) => rest.map((run) => accuracyChange(run, full))),
        };
      } finally {
        beside.free();
      }
    },
  });

  const again = [noDrop, ...plans.slice(0, confirm)];
  const confirmation = stage({
    unit: "confirmations on tasks",
    units: 1,
    cost: () => flopsOf(model, confirming.passesOf(again)),
    bytes: () => confirming.bytesOf(again),
    async run(_, own: RunOptions): Promise<Answers> {
      const { full, changes } = await mapping.whole(own);
      const rises = await risesIn(own);
      const best = changes.map(({ difference }, at) => ({ at, difference }))
        .sort((a, b) => b.difference - a.difference || rises[a.at].rise - rises[b.at].rise).slice(0, confirm);
      const again = [best.map(({ at }) => plans[at])];
      const [[base, ...runs]] = await evaluateGroups(model, again, asked("confirming"), own);
      return {
        tasks: [...new Set(options.tasks)],
        provenance: full.provenance,
        confirming: base.provenance,
        value: meanAccuracy(full).value,
        changes,
        confirmed: runs.map((run, i) => ({ at: best[i].at, ...accuracyChange(run, base) })),
      };
    },
  });

  return {
    steps: [
      stepOf(groups.flatMap((group) => choosing.passesOf([noDrop, ...group])), mapping),
      stepOf(confirming.passesOf(again), confirmation),
    ] as const,
    depends: { tasks: [...choosing.hashes, ...confirming.hashes] },
  };
}
