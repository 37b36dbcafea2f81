/**
 * Documents in rounds until it is known of every plan whether it loses more than some points (measure/statistics/rounds.ts): a round asks
 * one document of each task or group, in random order. A plan whose verdict is known is asked no more.
 */
import { phased, type Progress, sum } from "core/entry/mod.ts";
import { changeOver, shuffled } from "core/measure/mod.ts";
import type { ShareMain } from "./accuracy.ts";
import type { Task } from "core/tasks/mod.ts";
import { type Part, partsOf } from "./asked.ts";
import type { Item } from "./items.ts";
import { type PartsOptions, runParts } from "./parts.ts";

/** Rounds before the first look, and at least between looks; later a quarter of those that were asked. */
const ROUNDS = 32;

/** Documents of a task that were asked: of how many, and the round of each. */
export type Rounds = { readonly of: number; readonly rounds: readonly number[] };

/** Throws `RangeError` for a task whose documents cannot be asked in rounds. */
export function expectChoices({ name, metrics, generation }: Task): void {
  if (!generation && !metrics.includes("perplexity")) return;
  const found = generation ? "answers that are written" : "one continuation for each document";
  throw new RangeError(`Cannot ask ${name} in rounds: found ${found}, expected choices`);
}

type Answered = Awaited<ReturnType<typeof runParts>>[number];

/** Parts with their items by plan, and by plan the rounds of tasks, by name. */
export async function runRounds(
  parts: readonly Part[],
  mains: readonly ShareMain[],
  margin: number,
  seed: number,
  options: PartsOptions,
) {
  const { model, plans, onProgress } = options;
  const orders = mains.map((main) => orderOf(parts, main, seed));
  const most = Math.min(...orders.map(({ length }) => length));
  const sizes = batches(most);
  const done: Answered[] = plans.map(() => []);
  const places = plans.map(() => new Map<string, Map<number, number>>());
  const changes = plans.map(() => mains.map((): number[] => []));
  let open = plans.map((_, plan) => plan).slice(1);
  let width = "";
  const at = phased(null, sizes.map(({ from, to }) => to - from), {
    ...options,
    onProgress: onProgress &&
      ((progress: Progress) => onProgress({ ...progress, label: `${progress.label}${width}` })),
  });
  for (const [batch, { from, to }] of sizes.entries()) {
    if (open.length === 0) break;
    const asked = orders.flatMap((order) =>
      order.slice(from, to).map((one, i) => ({ ...one, round: from + i }))
    );
    const own = [...Map.groupBy(asked, ({ setting }) => setting)].flatMap(([setting, all]) =>
      partsOf(setting, all.map(({ document }) => document), model)
    );
    const running = [0, ...open];
    const found = await runParts(own, { ...at(batch), plans: running.map((plan) => plans[plan]) });
    const answers = found.map(itemsBy);
    running.forEach((plan, i) => {
      done[plan].push(...found[i]);
      for (const { setting: { task }, document, round } of asked) {
        const rounds = places[plan].get(task.name) ?? new Map<number, number>();
        places[plan].set(task.name, rounds.set(document.document.index, round));
      }
      if (plan === 0) return;
      mains.forEach(({ members, metric }, m) => {
        const own = asked.filter(({ setting: { task } }) => members.includes(task.name));
        changes[plan][m].push(...own.map(({ setting: { task }, document }) => {
          const key = `${task.name} ${document.document.index}`;
          return answers[i].get(key)![metric]! - answers[0].get(key)![metric]!;
        }));
      });
    });
    const looks = open.map((plan) => (
      { plan, ...changeOver(changes[plan].map((rounds) => ({ rounds })), margin) }
    ));
    open = looks.filter(({ verdict }) => verdict === "cannot tell").map(({ plan }) => plan);
    const half = Math.max(...looks.map(({ low, high }) => (high - low) / 2));
    width = `, ±${(100 * half).toFixed(1)} points after ${to} of ${most} rounds`;
  }
  const asked = places.map((tasks, plan) =>
    new Map([...plan === 0 ? [] : tasks].map(([name, rounds]): [string, Rounds] => {
      const sorted = [...rounds].sort(([a], [b]) => a - b).map(([, round]) => round);
      const of = sum(parts, (part) => part.setting.task.name === name ? part.documents.length : 0);
      return [name, { of, rounds: sorted }];
    }))
  );
  return { done, asked };
}

/** All documents of a task or group in random order. */
function orderOf(parts: readonly Part[], { members }: ShareMain, seed: number) {
  const own = parts.filter(({ setting: { task } }) => members.includes(task.name));
  const all = own.flatMap(({ setting, documents }) => documents.map((document) => ({ setting, document })));
  return shuffled(all.length, seed, parseInt(own[0].hash.slice(0, 8), 16)).map((place) => all[place]);
}

function batches(most: number): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let from = 0; from < most;) {
    const to = Math.min(most, from + Math.max(ROUNDS, from >> 2));
    found.push({ from, to });
    from = to;
  }
  return found;
}

/** Answers by task and document. */
const itemsBy = (answered: Answered) =>
  new Map(
    answered.flatMap(({ part, items }) =>
      items.map((item): [string, Item] => [`${part.setting.task.name} ${item.index}`, item])
    ),
  );
