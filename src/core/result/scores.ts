/**
 * The scores and searches that order modules: one table, from which every list of names, every title and every line style
 * follows. What each of them measures stands in `features/orders/scores`.
 */
import { KINDS } from "../measure/mod.ts";

/** Which modules compete to be dropped: a kind, attention and MLPs together, or windows of blocks. */
export const TARGETS = [...KINDS, "joint", "consecutive"] as const;
/** The modules that compete to be dropped. */
export type Target = typeof TARGETS[number];

/** How a score is named and drawn. */
interface ScoreLook {
  /** Dash pattern of its lines; a solid line without one. */
  readonly dash?: string;
  /** Heading of its column in the table of an order; default: the name. */
  readonly column?: string;
  /** Its name among the guides, which are held against the loss of a removal; without one, it is no guide. */
  readonly guide?: string;
  /** Its title among the guides. */
  readonly title?: string;
  /** Whether it is measured by the removal itself, so that it predicts nothing. */
  readonly hindsight?: true;
  /** Whether a profile suffices: `rank` and `makePlan` can use it, and `sweep` draws it by default. */
  readonly ranks?: true;
  /** Whether each seed gives another order. */
  readonly seeded?: true;
  /** Whether it reads no text. */
  readonly textless?: true;
}

/** What dropping costs, as the loss over the full model's, in headings. */
export const RISE = "rise, nats/token";

const table = {
  importance: { ranks: true, guide: "importance", title: "importance" },
  magnitude: { dash: "8 4", ranks: true, guide: "magnitude", title: "relative magnitude" },
  angular: { dash: "8 2 2 2", guide: "angular", title: "angular distance" },
  "angular-last": { dash: "8 2 2 2 2 2", guide: "angular-last", title: "angular, last token" },
  loss: { dash: "5 2", column: RISE },
  kl: { dash: "5 2 1 2", column: "KL (nats)", guide: "kl", title: "KL of the removal", hindsight: true },
  iterative: { dash: "14 2 2 2", column: "importance" },
  greedy: { dash: "20 3", column: RISE },
  random: { dash: "3 4", ranks: true, seeded: true, textless: true },
  deepest: { dash: "1 3", ranks: true, textless: true, guide: "layersAfter", title: "layers after it" },
} as const satisfies Readonly<Record<string, ScoreLook>>;

/** What the table says, name by name. */
type ScoreTable = typeof table;
/** The name of a score or search. */
export type ScoreName = keyof ScoreTable;
/** The name of a score or search that a profile suffices for. */
export type RankName = {
  [Name in ScoreName]: ScoreTable[Name] extends { readonly ranks: true } ? Name : never;
}[ScoreName];
/** The name of a guide. */
export type GuideName = Extract<ScoreTable[ScoreName], { readonly guide: string }>["guide"];

export const SCORES: Readonly<Record<ScoreName, ScoreLook>> = table;
const typeLooks = {
  rise: { title: "the rise that each step was measured to cost" },
  rule: { title: "a rule: tables of words, first and last layer one type finer", textless: true },
  uniform: { title: "one type for all", textless: true },
} as const satisfies Readonly<Record<string, ScoreLook>>;
/** How the steps of a plan of types are ordered: by what each costs, by a rule, or all parts of the file alike. */
export type TypeOrder = keyof typeof typeLooks;
export const TYPE_ORDERS = Object.keys(typeLooks) as TypeOrder[];
export const isTypeOrder = (by: string): by is TypeOrder => (TYPE_ORDERS as readonly string[]).includes(by);

/** How an order of modules or of types is named. */
export const lookOfOrder = (by: ScoreName | TypeOrder): ScoreLook => ({ ...table, ...typeLooks })[by];
/** The names of all scores and searches. */
export const ORDERS = Object.keys(table) as ScoreName[];
/** The names of those that a profile suffices for. */
export const RANKS = ORDERS.filter((name) => SCORES[name].ranks) as RankName[];
export const GUIDES = Object.fromEntries(
  ORDERS.flatMap((name) => SCORES[name].guide === undefined ? [] : [[SCORES[name].guide, name]]),
) as Readonly<Record<GuideName, ScoreName>>;
export const GUIDE_NAMES = Object.keys(GUIDES) as GuideName[];
/** The paper's score: the default, and the one that titles and claims are about. */
export const PAPER_SCORE = "importance" as const;

/** Whether an order is by importance, the score of the paper: titles and claims are about it. */
export const isByImportance = ({ by }: { readonly by: ScoreName | TypeOrder }): boolean => by === PAPER_SCORE;
/** Whether an order is random, so that each seed gives another. */
export const isSeeded = ({ by }: { readonly by: ScoreName | TypeOrder }): boolean =>
  lookOfOrder(by).seeded ?? false;
