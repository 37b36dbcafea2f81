/**
 * The accuracy of paths on tasks: the first half of the documents makes the map, the second half asks the best paths again, the best of
 * the map first. Of paths with equal answers the one with the lower loss comes first.
 */
import { accuracyChange, meanAccuracy, type Paths, type Rise } from "../../result/mod.ts";
import { BATCH_TOKENS, type DropPlan, noDrop } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { flopsOf } from "../base/estimate.ts";
import type { RunOptions, StudyOptions } from "../base/options.ts";
import { inTurn, stage } from "../base/stage.ts";
import { stepOf } from "../base/study.ts";
import { evaluate, requestsOf } from "../evaluate/evaluate.ts";
import { askedOf, type HalvedTasks } from "../evaluate/half.ts";
import { plansInGroups } from "./ways.ts";

type Asked = HalvedTasks & Pick<StudyOptions, "bos">;
type Answers = NonNullable<Paths["accuracy"]>;

/** The steps of the map of accuracy, and what its value depends on; `confirm` paths are asked again, `risesIn` finds what each adds to the loss. */
export async function answersOver(
  model: StudyModel,
  plans: readonly DropPlan[],
  { confirm, risesIn, ...options }: RunOptions & Asked & {
    readonly confirm: number;
    risesIn(options: RunOptions): Promise<readonly Rise[]>;
  },
) {
  const asked = (half: "choosing" | "confirming") => askedOf(half, options);
  const choosing = await requestsOf(model, asked("choosing"));
  const confirming = await requestsOf(model, asked("confirming"));
  const label = `accuracy of paths of ${model.name}`;
  const groups = plansInGroups(model, plans, BATCH_TOKENS);

  const mapping = stage({
    unit: "groups of paths on tasks",
    units: groups.length,
    cost: (unit) => flopsOf(model, choosing.passesOf([noDrop, ...groups[unit]])),
    bytes: () => choosing.bytesOf([noDrop, ...groups[0]]),
    async run({ from, to }, own: RunOptions) {
      const runs = await inTurn(
        groups.slice(from, to),
        own,
        (group, own: RunOptions) => evaluate(model, [noDrop, ...group], { ...own, ...asked("choosing") }),
        { label, weight: ({ length }) => length },
      );
      const [[full]] = runs;
      return {
        full,
        changes: runs.flatMap(([full, ...rest]) => rest.map((run) => accuracyChange(run, full))),
      };
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
      const asking = { ...own, ...asked("confirming") };
      const [base, ...runs] = await evaluate(model, [noDrop, ...best.map(({ at }) => plans[at])], asking);
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
