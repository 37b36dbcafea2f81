/**
 * Rows → requests, as lm-eval 0.4.13 makes them: shots in front, drawn for document after document from one stream, so
 * that the shots of a document depend on how many came before it.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Fields } from "./fields.ts";
import { codePoints } from "./python.ts";
import { pythonRandom, type Random } from "./random.ts";
import { describeSource } from "./sources.ts";
import type { Pool, Request, Task } from "./task.ts";

/** A document of a task as requests to a model. */
export interface Document {
  /** Its place among the split's rows. */
  readonly index: number;
  /** The context of its first request, or what text is generated after. */
  readonly context: string;
  /** The texts to score, one for each choice; none if text is generated. */
  readonly requests: readonly Request[];
  /** Lengths of the choices' texts in code points. */
  readonly choiceLengths: readonly number[];
  /** The right choice's index; where text is generated, the text that has the answer. */
  readonly gold: number | string;
  /** SHA-256 (hex) of `context`: lm-eval's `prompt_hash`. */
  readonly promptHash: string;
}

interface RequestOptions {
  /** Default: the task's. */
  readonly shots?: number | undefined;
  /** Only the first documents; default: all. */
  readonly limit?: number | undefined;
  /** Seed of the stream that shots are drawn from. */
  readonly seed?: number | undefined;
}

/** lm-eval's. */
const SEED = 1234;

/**
 * The documents of a task.
 *
 * @param documents the rows of `task.documents`
 * @param pool the rows of `task.pool`; not looked at without shots
 * @throws RangeError if the pool has too few rows, TypeError naming file, row and field of a row that cannot be used
 */
export function buildRequests(
  task: Task,
  documents: readonly Fields[],
  pool: readonly Fields[],
  { shots = task.shots, limit = documents.length, seed = SEED }: RequestOptions = {},
): Document[] {
  const chosen = chooser(task, pool, shots, seed);
  return documents.slice(0, limit).map((row, index) => document(task, row, index, chosen(row)));
}

function document(task: Task, row: Fields, index: number, shots: readonly Fields[]): Document {
  const { question, requests, choices, gold } = task.read(row);
  const empty = choices.indexOf("");
  if (empty >= 0) throw row.fault(`choices[${empty}]`, "", "a non-empty text");
  const before = task.description + shots.map((shot) => shotText(task, shot)).join("");
  const context = before + (requests[0]?.context ?? question);
  return {
    index,
    context,
    requests: requests.map(({ context, continuation }) => ({ context: before + context, continuation })),
    choiceLengths: choices.map(codePoints),
    gold,
    promptHash: createHash("sha256").update(context).digest("hex"),
  };
}

function shotText(task: Task, row: Fields): string {
  const { question, answer } = task.read(row);
  return `${question} ${answer}\n\n`;
}

function chooser(
  task: Task,
  rows: readonly Fields[],
  shots: number,
  seed: number,
): (document: Fields) => readonly Fields[] {
  if (shots === 0) return () => [];
  if (!task.pool) {
    throw new RangeError(
      `Cannot give ${task.name} ${shots} shots: it has no rows for shots, expected 0 shots`,
    );
  }
  const { choice } = task.pool;
  const needed = choice === "draw-others" ? shots + 1 : shots;
  if (rows.length < needed) throw tooFew(task, task.pool, shots, needed, rows.length);
  if (choice === "first") return () => rows.slice(0, shots);
  const random = pythonRandom(seed);
  if (choice === "draw") return () => draw(random, rows, shots);
  return (document) => {
    const differs = (row: Fields) => !isDeepStrictEqual(row.values, document.values);
    const drawn = draw(random, rows, needed).filter(differs);
    if (drawn.length >= shots) return drawn.slice(0, shots);
    const others = rows.filter(differs);
    if (others.length < shots) throw tooFew(task, task.pool!, shots, shots, others.length);
    return draw(random, others, shots);
  };
}

const draw = (random: Random, rows: readonly Fields[], count: number) =>
  random.sample(rows.length, count).map((index) => rows[index]);

function tooFew(task: Task, pool: Pool, shots: number, needed: number, found: number): RangeError {
  return new RangeError(
    `Cannot give ${task.name} ${shots} shots: found ${found} rows for shots, expected at least ${needed} ` +
      `(${describeSource(pool)})`,
  );
}
