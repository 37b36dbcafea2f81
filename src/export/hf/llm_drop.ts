/**
 * LLM-Drop's form: the checkpoint as it is, and in `config.json` the lists of what is not run, in rank order. The official
 * code reads it with model classes of its own (and so does this project); stock transformers does not look at the lists.
 */
import { configOf, storedConfig } from "../config.ts";
import { expectExpressible } from "../expect.ts";
import { copyOf, Inexpressible, isOfWeights, type Job, jsonFile, type Made, notesOnPacked } from "../job.ts";
import { shardFiles } from "./shards.ts";

export async function llmDropFiles(job: Job): Promise<Made> {
  const { files, drop, stored, edited } = job;
  expectExpressible(job, "llm-drop");
  if (stored.kind === "gguf") {
    throw new Inexpressible("a GGUF file", "has no config.json");
  }
  const whole = await (edited ? configOf(job) : storedConfig(job));
  const config = { ...whole, drop_attn_list: drop.attention, drop_mlp_list: drop.mlp };
  const isMade = (name: string) => name === "config.json" || edited && isOfWeights(name);
  const others = files.list().filter((name) => !isMade(name));
  const tensors = [...stored.file.tensors].map(([name, info]) => ({
    name,
    ...info,
    ...stored.file.stored(name),
  }));
  return {
    files: [
      jsonFile("config.json", config),
      ...edited ? shardFiles(tensors) : [],
      ...await Promise.all(others.map((name) => copyOf(job, name))),
    ],
    notes: [
      ...edited ? notesOnPacked(stored) : [],
      "drop_attn_list and drop_mlp_list in config.json list the dropped modules; Lamina and LLM-Drop's model classes skip " +
      "them, but stock transformers ignores the lists and runs the full model",
    ],
  };
}
