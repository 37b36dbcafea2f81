/** All architectures that can be run, by Hugging Face's `model_type`: a family is a file of this folder, and a name in this list. */
import type { Config } from "../config/config.ts";
import { describe } from "../config/spelt.ts";
import type { ModelSpec } from "../spec.ts";
import { cohere } from "./cohere2.ts";
import composites from "./composites.json" with { type: "json" };
import type { Architecture, Families, Family } from "./family.ts";
import { fused } from "./fused.ts";
import { gemmas } from "./gemma.ts";
import { gpt2s } from "./gpt2.ts";
import { gptNeoxes } from "./gpt_neox.ts";
import { granites, llamas } from "./llama.ts";
import { deepseeks } from "./mixtures/deepseek.ts";
import { gptOsses } from "./mixtures/gpt_oss.ts";
import { groupedMixtures } from "./mixtures/grouped.ts";
import { hybrids } from "./mixtures/hybrid.ts";
import { llamaMixtures } from "./mixtures/llama.ts";
import { olmos, postNormOlmos } from "./olmo.ts";

/** Models of text alone. */
const decoders: Families = {
  ...llamas,
  ...olmos,
  ...fused,
  ...cohere,
  ...gpt2s,
  ...granites,
  ...groupedMixtures,
  ...deepseeks,
  ...gptOsses,
  ...llamaMixtures,
  ...hybrids,
  ...gemmas,
  ...postNormOlmos,
  ...gptNeoxes,
};

/**
 * Models of text and images, of which only the text part is run: its configuration is the field `text_config`, its tensors have a prefix.
 * `types` has the family of the text part where the configuration does not say; `outer` the fields around it, about images and about joining
 * the two, which do not concern text; `usual` the sizes that a text part does not say: until 4.46 transformers wrote only what differs from
 * its class's defaults, which are these.
 */
const { types, outer, streams, ...parts } = composites;
const OUTER = outer.split(" ");
const USUAL: Readonly<Record<string, Readonly<Record<string, unknown>>>> = parts.usual;

/** Reads a composite configuration. Throws `TypeError` that names the part where its family cannot be run. */
function composite(families: Families, fallback: string): (config: Config) => ModelSpec {
  return (config) => {
    const said = (config.value("text_config") as { model_type?: unknown } | null)?.model_type ?? fallback;
    const text = config.child("text_config", USUAL[String(said)]);
    if (text === null) {
      throw new TypeError(
        `Cannot run ${config.name}: text_config is missing, expected the text model's configuration`,
      );
    }
    const type = text.string("model_type", fallback);
    if (!Object.hasOwn(families, type)) {
      throw new TypeError(
        `Cannot run ${text.name}: model_type is ${describe(type)}, expected ${
          Object.keys(families).join(" or ")
        }`,
      );
    }
    const spec = families[type].spec(text);
    text.done();
    OUTER.forEach(config.value);
    // Whether the head is the embedding, either of the two may say; the text part's word counts.
    const tied = config.boolean("tie_word_embeddings", spec.head.tied);
    const ownTied = typeof text.value("tie_word_embeddings") === "boolean";
    return ownTied ? spec : { ...spec, head: { ...spec.head, tied } };
  };
}

/** All that can be run. */
export const families: Families = {
  ...decoders,
  ...Object.fromEntries(
    Object.entries(types).map(([type, text]): [string, Family] => [type, {
      spec: composite(decoders, text),
      names: (spec: ModelSpec, tensors) => decoders[spec.family].names(spec, tensors),
    }]),
  ),
};

/** The architectures of GGUF files, each with the model type that it is if it does not say otherwise. */
export const architectures: Readonly<Record<string, Architecture & { readonly family: string }>> = Object
  .fromEntries(
    Object.entries(decoders).flatMap(([family, { gguf = {} }]) =>
      Object.entries(gguf).map(([name, architecture]) => [name, { ...architecture, family }])
    ),
  );

/** Model types whose layers mix several residual streams: what "the update of x" is, is not defined there. */
const STREAMS = new Map(
  Object.entries(streams).flatMap(([kind, types]) => types.split(" ").map((type) => [type, kind])),
);

/** Why a model type cannot be run, where the reason is not just that nobody has written its page yet. */
export function unsupported(
  file: string,
  type: string,
  isEncoderDecoder: boolean,
): TypeError {
  const streams = STREAMS.get(type);
  const shown = JSON.stringify(type.slice(0, 80));
  if (streams !== undefined) {
    return new TypeError(
      `Cannot run ${file}: model_type "${type}" has several residual streams (${streams}), expected one stream, to ` +
        "which attention and MLP add",
    );
  }
  if (isEncoderDecoder) {
    return new TypeError(
      `Cannot run ${file}: model_type is ${shown} and it is an encoder-decoder, expected a decoder: ` +
        `${Object.keys(families).join(", ")}`,
    );
  }
  return new TypeError(
    `Cannot run ${file}: model_type is ${shown}, expected one of ${Object.keys(families).join(", ")}`,
  );
}
