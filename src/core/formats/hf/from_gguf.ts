/** A GGUF file's configuration, tokenizer and tensors as a folder for transformers. */
import { families, modelTensors, storedTensor } from "../../models/mod.ts";
import { definitionFromGguf } from "../../text/mod.ts";
import { type GgufFile, type OutTensor, zeros } from "../../weights/mod.ts";
import type { Config } from "../config.ts";
import { converted, storedOtherwise } from "../converted.ts";
import { Inexpressible, type Job, jsonFile, type OutFile } from "../job.ts";
import { presence, rowOf, silenced, standIns } from "../names.ts";
import architectures from "../architectures.json" with { type: "json" };

/** Model classes, by Hugging Face's `model_type`. */
const ARCHITECTURES: Readonly<Record<string, string>> = architectures.hf;

/** Fields that transformers wants with a fraction. */
const FRACTIONS =
  /^(rms_norm_eps|rope_theta|rope_local_base_freq|\w+_logit_softcapping|(attention_)?factor)$/;

/** The configuration of the whole model; what is in no field of the file is left to transformers' defaults, as here. */
export function configFromGguf({ model, full, fields }: Job): Config {
  if (!Object.hasOwn(ARCHITECTURES, full.family)) {
    const known = Object.keys(ARCHITECTURES).join(", ");
    throw new Inexpressible("the model", `is a GGUF file of family ${full.family}, expected one of ${known}`);
  }
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const spelt = (key: string, value: unknown) =>
    FRACTIONS.test(key) && Number.isInteger(value) ? rawJSON(`${value}.0`) : value;
  const config = JSON.stringify({
    architectures: [ARCHITECTURES[full.family]],
    ...model.config,
    ...fields,
    dtype: "float32",
  });
  return JSON.parse(config, spelt);
}

/** The tensors under Hugging Face's names. */
export function tensorsFromGguf(job: Job, file: GgufFile): OutTensor[] {
  const { model, full } = job;
  const names = families[full.family].names(full);
  const silent = silenced(job);
  const architecture = file.metadata.get("general.architecture") as string; // as it was read
  const isThere = presence(job);
  const there = modelTensors(full).flatMap(({ need: [canonical], layer }) => {
    const module = canonical.startsWith("mlp.") ? "mlp" : "attention";
    const row = layer === undefined ? 0 : rowOf(job, module, layer);
    if (row === null || layer !== undefined && !isThere(canonical, layer)) return [];
    const stored = model.stored!(canonical, layer);
    const name = storedTensor(names, canonical, row).name;
    const made = converted(file, stored, name, storedOtherwise(full, architecture, canonical, "hf"));
    return [silent.has(stored.name) ? { ...made, ...zeros(made.bytes) } : made];
  });
  return [...there, ...standIns(job)];
}

/** Files of a tokenizer by its model: making them takes longer than all else, and every plan has the same. */
const tokenizers = new WeakMap<Job["model"], Promise<OutFile[]>>();

export async function tokenizerFromGgufFiles(job: Job, file: GgufFile): Promise<OutFile[]> {
  if (!tokenizers.has(job.model)) tokenizers.set(job.model, tokenizerFiles(job, file));
  return await tokenizers.get(job.model)!;
}

async function tokenizerFiles({ model }: Job, file: GgufFile): Promise<OutFile[]> {
  const kind = file.metadata.get("tokenizer.ggml.model");
  if (kind === undefined || kind === "none") return [];
  const tokenizer = await model.tokenizer();
  const definition = definitionFromGguf(file.metadata);
  const token = (id: number | null) => id === null ? null : tokenizer.decode([id]);
  const [bos, eos] = [token(tokenizer.bos), token(tokenizer.eos)];
  const template = file.metadata.get("tokenizer.chat_template");
  return [
    jsonFile("tokenizer.json", {
      version: "1.0",
      truncation: null,
      padding: null,
      ...definition,
      post_processor: tokenizer.addsBos && bos !== null ? beginning(bos, tokenizer.bos!) : null,
    }),
    jsonFile("tokenizer_config.json", {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...bos === null ? {} : { bos_token: bos },
      ...eos === null ? {} : { eos_token: eos },
      add_bos_token: tokenizer.addsBos,
      clean_up_tokenization_spaces: false,
      ...template === undefined ? {} : { chat_template: template },
    }),
  ];
}

function beginning(bos: string, id: number) {
  const sequence = (name: string, type_id: number) => [
    { SpecialToken: { id: bos, type_id } },
    { Sequence: { id: name, type_id } },
  ];
  return {
    type: "TemplateProcessing",
    single: sequence("A", 0),
    pair: [...sequence("A", 0), ...sequence("B", 1)],
    special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } },
  };
}
