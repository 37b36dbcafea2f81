/** Tokens with a meaning: from the tokenizer if there is one, then `generation_config.json`, then `config.json`. */
import { isRecord } from "../../entry/mod.ts";
import { hasTokenizer } from "../../hub/mod.ts";
import { readJson } from "../../subject/mod.ts";
import type { Job } from "../job.ts";
import type { SpecialIds } from "./genai.ts";

const FILE = "generation_config.json";

type Fields = Readonly<Record<string, unknown>>;

/** The ids of a model. Throws `TypeError` that names the field for anything but a token's number. */
export async function specialIds(job: Job): Promise<SpecialIds> {
  const { model } = job;
  const { text_config, ...outer } = model.config;
  const fields: Fields = { ...text_config as Fields | undefined, ...outer, ...await generationConfig(job) };
  const ids = (name: string) => idsOf(fields[name], name, model.name);
  const [pad = null] = ids("pad_token_id");
  const ends = ids("eos_token_id");
  if (!canTokenise(job)) return { bos: ids("bos_token_id")[0] ?? null, eos: listed(ends), pad };
  const { bos, eos } = await model.tokenizer();
  return { bos, eos: listed([...new Set(eos === null ? ends : [eos, ...ends])]), pad };
}

function canTokenise({ files, stored }: Job): boolean {
  return stored.kind === "gguf"
    ? stored.file.metadata.has("tokenizer.ggml.model")
    : hasTokenizer(files.list());
}

async function generationConfig({ files, model }: Job): Promise<Fields> {
  if (!files.list().includes(FILE)) return {};
  const value = await readJson(files, FILE);
  if (!isRecord(value)) {
    throw new TypeError(`Cannot read ${model.name}: ${FILE} is ${JSON.stringify(value)}, expected an object`);
  }
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
}

function idsOf(value: unknown, field: string, model: string): number[] {
  const list = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  const wrong = list.find((id) => !Number.isSafeInteger(id) || id < 0);
  if (wrong === undefined) return list;
  throw new TypeError(
    `Cannot export ${model}: ${field} is ${JSON.stringify(value)}, expected a token id or a list of them`,
  );
}

const listed = (ids: readonly number[]) => ids.length === 0 ? null : ids.length === 1 ? ids[0] : ids;
