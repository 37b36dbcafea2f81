/**
 * `fit` against a longer search: targets and promises on several models. Every plan that drops at most `--most` modules of a small model, and
 * every plan that has a module, or block, of the answer exchanged for another, is measured on the samples on which `fit` chooses. The best of
 * them that save as many bytes are measured again on fresh samples, and the best there is held against the answer on others, paired. A model
 * of more than 16 modules is searched by exchanges alone, of which at most `--exchanges` are measured, evenly spread.
 *
 *     deno run -A tests/bench/fit_bench.ts [--models data/series/pre-ln/step04096] [--samples 8] [--length 64] [--text wiki] [--aims NAME=AMOUNT,…] [--most 4] [--exchanges 1000] [--again 16]
 */
import { sizerOf } from "core/formats/mod.ts";
import { type DropPlan, interval95, MODULES, planHash, planText } from "core/measure/mod.ts";
import { type Fit, fit, type FitOptions } from "features/fit/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { readArguments } from "./shared.ts";

const AIMS = "parameters=0.05,parameters=0.1,parameters=0.15,parameters=0.25,kvBytes=0.25,kvBytes=0.5," +
  "perplexity=0.1,loss=0.05,loss=0.2,loss=0.4";
const { models, samples, length, text, calibration, aims, fresh, most, exchanges: few, again } =
  readArguments({
    models: "data/series/pre-ln/step04096",
    samples: 8, // that choose
    length: 64,
    text: "wiki",
    calibration: "stories",
    aims: AIMS,
    fresh: 64,
    most: 4,
    exchanges: 1000,
    again: 16, // plans of the longer search that are measured again
  });

interface Cost {
  readonly plan: DropPlan;
  readonly rise: number;
  readonly sums: readonly number[];
}

for (const name of models.split(",")) await tableOf(name);

async function tableOf(name: string): Promise<void> {
  using model = await openModel(name);
  const sizing = await sizerOf(model);
  using sizer = await sizing!.open();
  const { layers } = model.spec;
  const sizes = { text, length };
  const known = new Map<string, Cost>();
  /** Costs over the full model on samples, in groups of plans that begin alike. */
  const costs = async (plans: readonly DropPlan[], skip: number, of: number): Promise<Cost[]> => {
    const found: Cost[] = [];
    for (let i = 0; i < plans.length; i += 256) {
      const some = plans.slice(i, i + 256);
      const [full, ...own] = await perplexities(model, [{}, ...some], { ...sizes, samples: of, skip });
      for (const [j, { sums }] of own.entries()) {
        const rises = sums.map(({ nll, tokens }, s) => nll / tokens - full.sums[s].nll / full.sums[s].tokens);
        found.push({ plan: some[j], rise: mean(rises), sums: rises });
      }
    }
    return found;
  };
  const chosenOn = async (plans: readonly DropPlan[]): Promise<Cost[]> => {
    const missing = plans.filter((plan) => !known.has(planHash(plan)));
    for (const cost of await costs(missing, 0, samples)) known.set(planHash(cost.plan), cost);
    return plans.map((plan) => known.get(planHash(plan))!);
  };
  const bytesOf = async (plan: DropPlan) => (await sizer.filesOf(plan))?.bytes ?? Infinity;
  const modules = layers.flatMap((layer, l) =>
    MODULES.flatMap((module) => layer[module] === null ? [] : [{ module, layer: l }])
  );
  const isSmall = modules.length <= 16;
  const every = isSmall ? await enumerated() : [];
  console.log(`\n${name}: ${sizer.format}, ${sizer.whole} bytes, ${every.length} plans by force`);
  console.log("aim | answer | file | chosen | confirmed | longer search | fresh: answer − search (95 %)");
  for (const aim of aims.split(",")) {
    const [of, amount] = aim.split("=");
    const options = {
      ...sizes,
      samples: 2 * samples,
      calibration: { text: calibration, length },
      time: false,
      results: Deno.env.get("LAMINA_RESULTS"),
    };
    const began = performance.now();
    const found = await fit(model, { ...options, [of]: Number(amount) } as FitOptions)
      .catch((error: Error) => error.message);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    if (typeof found === "string" || found.answer === null) {
      const why = typeof found === "string" ? found : await noneLeft(found);
      console.log(`${aim} | nothing, ${seconds} s | ${why}`);
      continue;
    }
    const { tried, answer, confirmed } = found;
    const { drop, bytes, cost } = tried[answer];
    const test = confirmed.find(({ tried }) => tried === answer)!;
    const mine = { attention: [...drop.attention], mlp: [...drop.mlp] };
    const others = [...every, ...await chosenOn(exchanges(mine))];
    const best = await bestOf([...others].sort((a, b) => a.rise - b.rise), bytes ?? sizer.whole);
    const [own, other] = await costs([mine, best.plan], 4 * samples + fresh, fresh);
    const rises = own.sums.map((rise, s) => rise - other.sums[s]);
    const [low, high] = interval95(mean(rises), errorOf(rises), fresh);
    const half = (test.cost.high - test.cost.low) / 2;
    const isDearer = mean(rises) > half && low > 0;
    console.log(
      `${aim} | ${planText(drop)}, ${tried.length} plans, ${seconds} s | ${
        percent(1 - (bytes ?? 0) / sizer.whole)
      } | ${cost.value.toFixed(3)} | ${test.cost.value.toFixed(3)} ± ${half.toFixed(3)} | ${
        planText(best.plan)
      } (${own.rise.toFixed(3)}, ${other.rise.toFixed(3)}) | ${mean(rises).toFixed(3)} (${
        low.toFixed(3)
      } to ${high.toFixed(3)})${isDearer ? " DEARER" : ""}`,
    );
  }

  /** Every plan of at most `most` modules; groups share their first layers. */
  async function enumerated(): Promise<Cost[]> {
    const plans: DropPlan[] = [];
    for (let bits = 1; bits < 2 ** modules.length - 1; bits++) {
      const dropped = modules.filter((_, i) => bits >> (modules.length - 1 - i) & 1);
      const of = (kind: string) => dropped.flatMap(({ module, layer }) => module === kind ? [layer] : []);
      if (dropped.length <= most) plans.push({ attention: of("attention"), mlp: of("mlp") });
    }
    return await chosenOn(plans);
  }

  /** The plan, and plans with one module exchanged for another of its kind, or one block for another. */
  function exchanges({ attention, mlp }: DropPlan): DropPlan[] {
    const all = layers.map((_, l) => l);
    const swapped = (list: readonly number[]) =>
      list.flatMap((out) =>
        all.filter((l) => !list.includes(l)).map((l) => [...list.filter((one) => one !== out), l].sort(up))
      );
    const isBlocks = String(attention) === String(mlp);
    const found = [
      ...isBlocks ? swapped(attention).map((both) => ({ attention: both, mlp: both })) : [],
      ...swapped(attention).map((own) => ({ attention: own, mlp })),
      ...swapped(mlp).map((own) => ({ attention, mlp: own })),
    ];
    const step = Math.max(1, found.length / few);
    const some = Array.from({ length: Math.min(few, found.length) }, (_, i) => found[Math.floor(i * step)]);
    return [{ attention, mlp }, ...some];
  }

  /** The best of the cheapest that are as small, by as many other samples. */
  async function bestOf(cheapest: readonly Cost[], bytes: number): Promise<Cost> {
    const small: DropPlan[] = [];
    for (const { plan } of cheapest) {
      if (small.length < again && await bytesOf(plan) <= bytes) small.push(plan);
    }
    const measured = await costs(small, 4 * samples, fresh);
    return measured.sort((a, b) => a.rise - b.rise)[0];
  }

  /** Where a fit has no answer: the plans of the longer search that would keep the promise on the samples that choose. */
  function noneLeft({ aim: { of, amount } }: Fit): string {
    const most = of === "perplexity" ? Math.log1p(amount) : amount;
    const kept = every.filter(({ rise, sums }) => interval95(rise, errorOf(sums), sums.length)[1] <= most);
    return `${kept.length} of ${every.length} plans keep it on the samples that choose`;
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function errorOf(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
}

function up(a: number, b: number): number {
  return a - b;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
