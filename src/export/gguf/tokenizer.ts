/** A folder's tokenizer as a GGUF file has it. */
import { readJson } from "../../subject/mod.ts";
import { ggufVocabulary } from "../../text/mod.ts";
import { Inexpressible, type Job } from "../job.ts";
import { type Field, field } from "./whole.ts";

/** Entries of the metadata, and notes for users. Throws `Inexpressible` if GGUF has no such tokenizer. */
export async function tokenizerFields(
  job: Job,
): Promise<{ fields: (readonly [string, Field])[]; notes: string[] }> {
  const { model, files, full } = job;
  const names = files.list();
  if (!names.includes("tokenizer.json")) {
    return {
      fields: [["tokenizer.ggml.model", field.text("none")]],
      notes: ["the folder has no tokenizer.json, so the file has no tokenizer"],
    };
  }
  const definition = await readJson(files, "tokenizer.json");
  const found = ggufVocabulary(definition, full.vocabulary);
  if (typeof found === "string") throw new Inexpressible("the tokenizer", found);
  const { bos, eos, addsBos } = await model.tokenizer();
  const template = await chatTemplate(job);
  const id = (name: string, value: number | null) =>
    value === null ? [] : [[`tokenizer.ggml.${name}_token_id`, field.u32(value)] as const];
  return {
    fields: [
      ["tokenizer.ggml.model", field.text("gpt2")],
      ["tokenizer.ggml.pre", field.text(found.pre)],
      ["tokenizer.ggml.tokens", field.texts(found.tokens)],
      ["tokenizer.ggml.token_type", field.i32s(found.types)],
      ["tokenizer.ggml.merges", field.texts(found.merges)],
      ...id("bos", bos),
      ...id("eos", eos),
      ["tokenizer.ggml.add_bos_token", field.flag(addsBos)],
      ...template === null ? [] : [["tokenizer.chat_template", field.text(template)] as const],
    ],
    notes: [],
  };
}

/** How a conversation becomes a text, where the folder says. */
async function chatTemplate({ files }: Job): Promise<string | null> {
  if (!files.list().includes("tokenizer_config.json")) return null;
  const config = await readJson(files, "tokenizer_config.json");
  const { chat_template } = (config ?? {}) as { chat_template?: unknown };
  return typeof chat_template === "string" ? chat_template : null;
}
