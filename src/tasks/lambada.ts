/** LAMBADA: the last word of a passage, which only the whole passage tells. */
import { choose } from "./choice.ts";
import { requestsFile } from "./sources.ts";
import { PLAIN, type Task } from "./task.ts";

/** A row's text split at its last space. No shots: lm-eval would take them from the documents themselves. */
export const lambada: Task = {
  ...PLAIN,
  name: "lambada_openai",
  documents: {
    dataset: "EleutherAI/lambada_openai",
    split: "test",
    file: requestsFile("lambada/bpb_0shot", (request) => ({
      text: request.text("request.context") + request.text("request.continuation"),
    })),
  },
  pool: null,
  metrics: ["perplexity", "acc"],
  read(row) {
    const text = row.text("text");
    const space = text.lastIndexOf(" ");
    return choose(text.slice(0, Math.max(0, space)), [text.slice(space + 1)], 0);
  },
};
