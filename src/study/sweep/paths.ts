/**
 * The study of paths: what the loss becomes where layers run again, in another order, side by side or in a damped loop.
 *
 * Many paths are tried, so the best of them looks better than it is. The first half of the samples makes the map, the second half measures
 * the cheapest paths again, the cheapest of the map first.
 */
import { displayable, list, oneOf, option, text, wholeNumber } from "../../entry/mod.ts";
import { routeOf, type Way, WAYS } from "../../measure/mod.ts";
import { head, type Paths, type Perplexity } from "../../result/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { heldOutChecks, type RunOptions, type StudyOptions, textOptions } from "../base/options.ts";
import { byPasses, inTurn, type Span, stage } from "../base/stage.ts";
import { run, stepOf, type Study } from "../base/study.ts";
import { halfOf, type Text, textOf, workOver } from "../base/text.ts";
import { perplexityGroups, riseOver } from "../passes/perplexity.ts";
import { freeShared, type Shared } from "../passes/scored.ts";
import { halvedLimit, type HalvedTasks } from "../evaluate/half.ts";
import { answersOver } from "./answers.ts";
import { batchTokens, pathsBy, plansInGroups } from "./ways.ts";

/** Options of `paths`. The first half of the samples, and of the documents of `tasks`, makes the map, the second half confirms. */
export interface PathsOptions extends StudyOptions, HalvedTasks {
  /** Which paths to try; default: all ways. */
  readonly ways?: readonly Way[] | undefined;
  /** The most layers of a repeated window; default: 4. */
  readonly longest?: number | undefined;
  /** Layers of the windows that loop; default: 2 and 4. */
  readonly windows?: readonly number[] | undefined;
  /** Rounds of a loop; default: 2. */
  readonly times?: readonly number[] | undefined;
  /** How many of the cheapest paths, and of the most accurate ones, are measured again; default: 5. */
  readonly confirm?: number | undefined;
}

const [LONGEST, WINDOWS, TIMES, CONFIRM] = [4, [2, 4], [2], 5];

/**
 * Measures the rise of the loss, in nats per token, for every window of layers that runs twice, neighbours in the other order or side by
 * side, and damped loops (arXiv 2605.23872), each visit with keys and values of its own. Paths share the layers that they begin with. The
 * cheapest are measured again on samples that did not choose them: `confirmed`. A path saves nothing: each further visit takes the time of a
 * layer. With `tasks`, `accuracy` has the paired change of the mean accuracy for every path, and the most accurate again on other documents; a
 * document costs each path a pass, so choose a small `limit` or short tasks. Throws `RangeError` for fewer than two samples.
 *
 * @example
 * ```ts
 * import { openModel, paths } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const map = await paths(model, { longest: 2, windows: [2], times: [2], text: "README.md", samples: 4, length: 32 });
 * for (const { at, rise, riseError } of map.confirmed) console.log(map.paths[at].path, rise, riseError);
 * ```
 */
export async function paths(model: StudyModel | string, options: PathsOptions = {}): Promise<Paths> {
  return await run(pathsStudy, model, options);
}

export const pathsStudy: Study<StudyModel, PathsOptions, Paths> = {
  says: "measure what repeated, swapped, parallel and looped layers cost or gain",
  verb: "map paths",
  isDivisible: true,
  checks: {
    ...heldOutChecks,
    ways: option(list(oneOf(WAYS), "ways", 1), "<ways> paths to try", WAYS.join(",")),
    longest: option(wholeNumber(1), "<n> most layers of a repeated window", LONGEST),
    windows: option(
      list(wholeNumber(1), "windows", 1),
      "<list> layers of the windows that loop",
      WINDOWS.join(","),
    ),
    times: option(list(wholeNumber(2), "rounds", 1), "<list> rounds of a loop", TIMES.join(",")),
    confirm: option(wholeNumber(1), "<n> cheapest paths to measure again on other samples", CONFIRM),
    tasks: option(
      list(text, "names of tasks", 1),
      "<names> benchmark tasks on which accuracy is mapped too, such as piqa,arc_easy",
    ),
    limit: halvedLimit("tasks"),
  },
  on: onModel,
  async work(model, options) {
    const { ways: wanted = WAYS, longest = LONGEST, windows = WINDOWS, times = TIMES, confirm = CONFIRM } =
      options;
    const { layers } = model.spec;
    const { samples } = textOptions(options, heldOutChecks);
    if (samples < 2) {
      throw new RangeError(
        `Cannot map paths: samples is ${samples}, expected 2 or more, half of them to confirm`,
      );
    }
    const tried = pathsBy(wanted, layers.length, { longest, windows, times });
    if (tried.length === 0) {
      throw new RangeError(
        `Cannot map paths: ${model.name} has too few layers for a window, ${layers.length}`,
      );
    }
    const held = textOf(model, options, heldOutChecks);
    const [first, second] = (["choosing", "confirming"] as const).map((half) => halfOf(held, half));
    const plans = tried.map(({ path }): DropPlan => ({ ...noDrop, path }));
    const mapping = mapStage(model, first, plans);
    const risesIn = async (runOptions: RunOptions) => risesOf(await mapping.stage.whole(runOptions));
    const chosen = Math.min(confirm, tried.length);
    const again = { ...second.sizes, plans: [noDrop, ...plans.slice(0, chosen)], head: true, stays: true };
    const confirming = stage({
      unit: "confirmations",
      units: 1,
      ...byPasses(model, () => [again]),
      async run(_, runOptions) {
        const rises = await risesIn(runOptions);
        const cheapest = rises.map(({ rise }, at) => ({ at, rise }))
          .sort((a, b) => a.rise - b.rise).slice(0, chosen);
        const best = cheapest.map(({ at }) => plans[at]);
        const [[full, ...runs]] = await perplexityGroups(model, [[noDrop, ...best]], runOptions, second);
        return { full, confirmed: runs.map((run, i) => ({ at: cheapest[i].at, ...riseOver(run, full) })) };
      },
    });
    const steps = [stepOf(mapping.passes, mapping.stage), stepOf([again], confirming)] as const;
    const answers = options.tasks
      ? await answersOver(model, plans, { ...options, confirm: chosen, risesIn })
      : null;
    return workOver(model, held, {
      label: `paths of ${model.name}`,
      plans: plans.length,
      steps: [...steps, ...answers?.steps ?? []],
      depends: () => ({ plans, ...answers?.depends }),
      async result(runOptions): Promise<Paths> {
        const measured = await steps[0].whole(runOptions);
        const rises = risesOf(measured);
        const { full, confirmed } = await steps[1].whole(runOptions);
        const accuracy = await answers?.steps[1].whole(runOptions);
        return displayable({
          ...head("paths"),
          provenance: measured.full.provenance,
          confirming: full.provenance,
          nll: measured.full.nll,
          paths: tried.map((own, i) => ({
            ...own,
            visits: routeOf(own.path).visits.length,
            ...rises[i],
          })) as Paths["paths"],
          confirmed,
          ...accuracy ? { accuracy } : {},
        });
      },
    });
  },
};

interface Measured {
  readonly full: Perplexity;
  readonly runs: readonly Perplexity[];
}

const risesOf = ({ full, runs }: Measured) => runs.map((run) => riseOver(run, full));

/** The losses of plans over a text, divided by plans: as many in a run as fit the memory for states with one batch. */
function mapStage(model: StudyModel, text: Text, plans: readonly DropPlan[]) {
  const { samples, length } = text.sizes;
  const groups = plansInGroups(model, plans, batchTokens(text.sizes));
  const passOf = (plans: readonly DropPlan[]) => ({
    samples,
    length,
    plans: [noDrop, ...plans],
    head: true,
    stays: true,
  });
  const own = stage<Measured>({
    unit: "groups of paths",
    units: groups.length,
    ...byPasses(model, ({ from, to }: Span) => groups.slice(from, to).map(passOf)),
    async run({ from, to }, options) {
      const beside: Shared = {};
      try {
        const runs = await inTurn(
          groups.slice(from, to),
          options,
          async (group, own: RunOptions) =>
            (await perplexityGroups(model, [[noDrop, ...group]], own, text, beside))[0],
          { label: `paths of ${model.name}`, weight: ({ length }) => length },
        );
        return { full: runs[0][0], runs: runs.flatMap(([, ...own]) => own) };
      } finally {
        freeShared(beside);
      }
    },
  });
  return { passes: groups.map(passOf), stage: own };
}
