/**
 * Fixtures that GGUF files can express, as float32: some as they are, some with a configuration that says what llama.cpp
 * assumes, which makes other models of them.
 */
import { float32, toFloat32 } from "core/tensor/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import { fixture } from "../../fixtures/read.ts";
import { tensorsIn } from "../../support.ts";

interface Variant {
  readonly layers: number;
  readonly isLlama: boolean;
  /** What its configuration says otherwise than the fixture's, as JSON. */
  readonly changes?: string;
}

const plain = { layers: 3, isLlama: true };
const yarn =
  '{"rope_type": "yarn", "rope_theta": 1e3, "factor": 4.0, "original_max_position_embeddings": 64}';
const sliding = JSON.stringify(Array(4).fill("sliding_attention"));

export const VARIANTS: Readonly<Record<string, Variant>> = {
  llama: plain,
  "llama-bias": plain,
  "llama-rope-linear": plain,
  "llama-rope-yarn": { ...plain, changes: `{"rope_parameters": ${yarn}}` },
  "llama-tied": plain,
  mistral: { ...plain, changes: '{"sliding_window": null}' },
  qwen2: { layers: 3, isLlama: false },
  qwen3: { layers: 3, isLlama: false },
  olmo2: { layers: 3, isLlama: false },
  gemma2: { layers: 4, isLlama: false, changes: '{"query_pre_attn_scalar": 12}' },
  gemma3: {
    layers: 4,
    isLlama: false,
    changes: `{"query_pre_attn_scalar": 16, "layer_types": ${sliding}}`,
  },
};

export async function ggufVariant(name: string, to: string): Promise<void> {
  const { folder } = await fixture(name);
  const config = spelt(await Deno.readTextFile(`${folder}/config.json`));
  const changes = spelt(VARIANTS[name].changes ?? "{}");
  await Deno.mkdir(to, { recursive: true });
  await Deno.writeTextFile(`${to}/config.json`, JSON.stringify({ ...config, ...changes }));
  const tensors = [...await tensorsIn(folder)].map(([name, tensor]) =>
    [name, float32(tensor.shape, toFloat32(tensor))] as const
  );
  await writeSafetensors(`${to}/model.safetensors`, new Map(tensors));
}

/** JSON whose numbers keep their spelling: transformers refuses 3 where it wants a number with a fraction. */
function spelt(text: string): Record<string, unknown> {
  const { parse, rawJSON } = JSON as unknown as {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { source: string }) => unknown,
    ): never;
    rawJSON(text: string): unknown;
  };
  return parse(text, (_, value, { source }) => typeof value === "number" ? rawJSON(source) : value);
}
