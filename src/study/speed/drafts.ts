/**
 * How much faster a model writes when a plan drafts for it: measured beside what acceptance and the times of its parts make one expect.
 *
 * The prompts are pieces of a text, since what is accepted depends on it. Writing alone and with the draft take turns, prompt by
 * prompt; both are greedy and write the same.
 */
import type { Engine } from "../../engine/mod.ts";
import { released } from "../../entry/mod.ts";
import {
  bestDraft,
  costLimit,
  type Draft,
  draftSpeedup,
  expectCost,
  NGRAM,
  quartiles,
  shareAt,
  verifyTime,
} from "../../measure/mod.ts";
import { planData, type Speed } from "../../result/mod.ts";
import { type Decoder, decoder, draftRound, type DropPlan, ngramDraft, sampler } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { draftCounts } from "../writing/decoded.ts";

interface DraftOptions {
  /** A piece of text for each round, as token ids. */
  readonly prompts: readonly Int32Array[];
  /** Tokens to write behind each. */
  readonly count: number;
  /** Tokens to draft at a time. */
  readonly tokens: number;
  readonly budget: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each text that is written. */
  readonly onTurn: () => void;
}

type DraftPoint = NonNullable<Speed["points"][number]["plans"][number]["draft"]>;

/** Seconds of single calls, by what they read: a token of the model, one of the draft, several of the model at once. */
interface Calls {
  readonly full: number[];
  readonly draft: number[];
  readonly verify: Map<number, number[]>;
}

/** Texts that are written in each round: alone, and with the draft. */
export const DRAFT_TURNS = 2;

export async function measuredDraft(
  model: StudyModel,
  engine: Engine,
  plan: DropPlan | typeof NGRAM,
  { prompts, count, tokens, budget, signal, onTurn }: DraftOptions,
): Promise<DraftPoint> {
  const calls: Calls = { full: [], draft: [], verify: new Map() };
  const how = plan === NGRAM ? { cuts: true } : { draft: plan };
  await using opened = released(await decoder({ model, engine, ...how, budget, signal }));
  const timed = timedDecoder(opened, calls);
  const counts = draftCounts(plan, tokens);
  const faster: number[] = [];
  const words = model.spec.vocabulary;
  /** Seconds for each token that the model writes alone, or with the draft. */
  const write = async (prompt: Int32Array, drafts: boolean) => {
    const own = sampler(GREEDY);
    const text = [...prompt, own.next(await timed.prefill([prompt]))];
    let written = 0;
    const start = performance.now();
    while (written < count) {
      const id = text.at(-1)!;
      const proposed = drafts && plan === NGRAM ? ngramDraft(text, tokens) : undefined;
      const round = drafts ? await draftRound(timed, id, { sampler: own, tokens, words, proposed }) : null;
      if (round) counts.add(round);
      const ids = round?.ids ?? [own.next(await timed.step([id]))];
      written += ids.length;
      text.push(...ids);
    }
    return (performance.now() - start) / 1000 / written;
  };
  for (const [round, prompt] of prompts.entries()) {
    const seconds = [0, 0];
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
      signal?.throwIfAborted();
      seconds[i] = await write(prompt, i === 1);
      onTurn();
    }
    await pairOf(timed, prompt);
    faster.push(seconds[0] / seconds[1]);
  }
  const { plan: _, ...sums } = counts.sum();
  return {
    ...sums,
    ...expectedOf(calls, sums),
    plan: plan === NGRAM ? plan : planData(plan),
    speedup: quartiles(faster),
  };
}

/** Reads two tokens at once, a few times: the time that decides whether any draft gains. */
async function pairOf(one: Decoder, prompt: Int32Array): Promise<void> {
  for (let i = 0; i < PAIRS && one.canExtend(2); i++) {
    await one.extend([prompt[0], prompt[0]]);
    await one.cut(one.length - 2);
  }
}

const GREEDY = { temperature: 0, topP: 1, seed: 0 };
const PAIRS = 4;

function timedDecoder(one: Decoder, { full, draft, verify }: Calls): Decoder {
  async function timed<T>(run: () => Promise<T>, into: number[]): Promise<T> {
    const start = performance.now();
    const made = await run();
    into.push((performance.now() - start) / 1000);
    return made;
  }
  return {
    ...one,
    get length() {
      return one.length;
    },
    get keyBytes() {
      return one.keyBytes;
    },
    step: (ids) => timed(() => one.step(ids), full),
    draft: (id) => timed(() => one.draft(id), draft),
    extend(ids) {
      const list = verify.get(ids.length) ?? [];
      verify.set(ids.length, list);
      return timed(() => one.extend(ids), list);
    },
  };
}

/** c, v and the speed-up that they and the acceptance make one expect. */
function expectedOf(
  { full, draft, verify }: Calls,
  { tokens, depths, drafted, rounds }: Pick<DraftPoint, "tokens" | "depths" | "drafted" | "rounds">,
): Pick<DraftPoint, "cost" | "verify" | "expected" | "best" | "condition"> {
  const token = quartiles(full).median;
  const times = [...verify].map(([tokens, seconds]) => ({ tokens, ratio: quartiles(seconds).median / token }))
    .sort((a, b) => a.tokens - b.tokens);
  const cost = draft.length === 0 ? 0 : quartiles(draft).median / token; // a copy of the text takes no time
  const acceptance = depths.map(({ tried, accepted }) => accepted / tried);
  const share = drafted / (tokens * rounds);
  const known = { acceptance, cost, share, verify: (tokens: number) => ratioAt(times, tokens) };
  const never = Array<number>(Math.max(0, tokens - depths.length)).fill(0); // no round came so far, and yet each drafted these
  return {
    cost,
    verify: times,
    expected: draftSpeedup({ ...known, acceptance: [...acceptance, ...never] }, tokens),
    best: depths.length === 0 ? { drafted: 1, speedup: 1 } : bestDraft(known),
    condition: depths.length === 0 ? "nothing was drafted" : draftCondition(known),
  };
}

/** Whether drafting can gain, and the reason: "no speed-up from drafting: a drafted token costs 94.0 % of a full one and would have to cost less than 60.0 %". */
export function draftCondition(draft: Draft): string {
  const { cost: limit, drafted } = costLimit(draft);
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const costs = `a drafted token costs ${percent(draft.cost)} of a full one`;
  const rounds = drafted === 1 ? "" : ` in rounds of ${drafted}`;
  if (expectCost(draft.cost) < limit) {
    return `drafting can gain: ${costs}, less than ${percent(limit)}${rounds}`;
  }
  if (limit > 0) {
    return `no speed-up from drafting: ${costs} and would have to cost less than ${percent(limit)}${rounds}`;
  }
  const share = percent(shareAt(draft.acceptance, 0));
  return `drafting can never gain: no draft is cheap enough where ${share} of its tokens are accepted and ` +
    `two tokens at once take ${verifyTime(draft, 2).toFixed(3)} times as long as one`;
}

/**
 * v(k), along the line between the measured numbers of tokens around k; v(1) = 1. Beyond them more tokens take no less time than the most
 * that were measured, whatever a line through noise says.
 */
function ratioAt(times: DraftPoint["verify"], tokens: number): number {
  const known = [{ tokens: 1, ratio: 1 }, ...times];
  const at = known.findIndex((time) => time.tokens >= tokens);
  const [low, high] = at < 0
    ? known.slice(-2)
    : at === 0
    ? [known[0], known[0]]
    : known.slice(at - 1, at + 1);
  if (low.tokens === high.tokens) return low.ratio;
  const along = low.ratio + (high.ratio - low.ratio) * (tokens - low.tokens) / (high.tokens - low.tokens);
  return at < 0 ? Math.max(along, high.ratio) : along;
}
