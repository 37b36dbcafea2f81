/**
 * `genai_config.json`, which describes a graph to onnxruntime-genai and lm-eval's ONNX backends. Fields as its Model Builder
 * writes them (`make_genai_config` in `builders/base.py`).
 */
import { isRecord } from "../../entry/mod.ts";
import { hasTokenizer } from "../../hub/mod.ts";
import { type AttentionSpec, firstScoring, keptHeadSize } from "../../models/mod.ts";
import { readJson } from "../../subject/mod.ts";
import type { Job } from "../job.ts";

/** The name of the graph's file. */
export const GRAPH = "model.onnx";

/** Tokens with a meaning; null for none. */
interface SpecialIds {
  readonly bos: number | null;
  readonly eos: number | readonly number[] | null;
  readonly pad: number | null;
}

/** The configuration of a graph with as many caches as there are attentions. */
export async function genaiConfig(job: Job, caches: number, context: number) {
  const { full } = job;
  const { bos, eos, pad } = await specialIds(job);
  const attention: AttentionSpec = firstScoring(full)!;
  const known = (entries: Record<string, SpecialIds[keyof SpecialIds]>) =>
    Object.fromEntries(Object.entries(entries).filter(([, id]) => id !== null));
  return {
    model: {
      ...known({ bos_token_id: bos, eos_token_id: eos, pad_token_id: pad }),
      context_length: context,
      decoder: {
        session_options: { log_id: "onnxruntime-genai", provider_options: [] },
        filename: GRAPH,
        head_size: keptHeadSize(attention),
        hidden_size: full.hidden,
        inputs: {
          input_ids: "input_ids",
          attention_mask: "attention_mask",
          position_ids: "position_ids",
          past_key_names: "past_key_values.%d.key",
          past_value_names: "past_key_values.%d.value",
        },
        outputs: {
          logits: "logits",
          present_key_names: "present.%d.key",
          present_value_names: "present.%d.value",
        },
        num_attention_heads: attention.heads,
        num_hidden_layers: caches,
        num_key_value_heads: attention.kvHeads,
      },
      type: "decoder",
      vocab_size: full.vocabulary,
    },
    search: { do_sample: false, max_length: context, past_present_share_buffer: true },
  };
}

const FILE = "generation_config.json";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The ids of a model: from the tokenizer if there is one, then `generation_config.json`, then `config.json`. Throws `TypeError` that
 * names the field for anything but a token's number.
 */
async function specialIds(job: Job): Promise<SpecialIds> {
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
  if (stored.kind !== "gguf") return hasTokenizer(files.list());
  const kind = stored.file.metadata.get("tokenizer.ggml.model");
  return kind !== undefined && kind !== "none";
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
