/** LAMBADA: the last word of a passage, which only the whole passage tells. */
import { requestsFile } from "./sources.ts";
import type { Task } from "./task.ts";

/** A row's text split at its last space. No shots: lm-eval would take them from the documents themselves. */
export const lambada: Task = {
  name: "lambada_openai",
  version: "1.0",
  documents: {
    dataset: "EleutherAI/lambada_openai",
    split: "test",
    file: requestsFile("lambada/bpb_0shot", (request) => ({
      text: request.text("request.context") + request.text("request.continuation"),
    })),
  },
  pool: null,
  shots: 0,
  description: "",
  metrics: ["perplexity", "acc"],
  read(row) {
    const text = row.text("text");
    const space = text.lastIndexOf(" ");
    const question = text.slice(0, Math.max(0, space));
    const word = text.slice(space + 1);
    return {
      question,
      answer: word,
      requests: [{ context: question, continuation: ` ${word}` }],
      choices: [word],
      gold: 0,
    };
  },
};
