/**
 * Tensors of a checkpoint that its model does not read. One that nobody knows may be a part of the model, such as a head under another
 * name, so it is refused: only names are compared, nothing is read.
 */
import type { TensorFile } from "../../weights/mod.ts";
import { spelt } from "../config/spelt.ts";
import type { ModelSpec } from "../spec.ts";
import { plainName } from "./names.ts";

/** Tensors that do not affect a decoder's logits, by their plain names. */
const HARMLESS = [
  /(^|\.)rotary_emb\.(inv_freq|(cos|sin)_cached)$/, // buffers of older versions of transformers, which follow from the configuration
  /^blk\.\d+\.attn_rot_embd\./,
  /^rope_(freqs|factors_(short|long))\.weight$/, // read as a part of a GGUF file's configuration
  /\.(attn|attention)\.(masked_)?bias$/, // causal masks of GPT-2 and GPT-NeoX
  /^(vision_tower|vision_model|visual|multi_modal_projector|connector|image_newline)(\.|$)/, // images
  /^mtp\./, // layers that predict further tokens
  /^(score|classifier|qa_outputs|v_head)\./, // heads of other tasks
];
/** A tensor of such a layer that other layers lack, where these layers follow the decoder's. */
const PREDICTS = /\.(eh_proj|nextn\.\w+)\.\w+$/;
/** Tensors that an error names. */
const SHOWN = 3;

const layerOf = (tensor: string) => /^(?:layers|blk)\.\d+\./.exec(tensor)?.[0];

/**
 * The names among `allowed`, each of a tensor or of what its name begins with up to a dot, for which the model is read without some
 * tensors. `found` are read; `others` has the plain names of all that the model may have. Throws `TypeError` for other tensors.
 */
export function ignoredTensors(
  { tensors }: TensorFile,
  found: ReadonlySet<string>,
  others: () => readonly string[],
  spec: ModelSpec,
  allowed: readonly string[],
  name: string,
): string[] {
  const rest = [...tensors.keys()].filter((tensor) => !found.has(tensor));
  if (rest.length === 0) return [];
  const known = new Set(others());
  const unread = rest.map((tensor): [string, string] => [tensor, plainName(tensor)])
    .filter(([, plain]) => !known.has(plain));
  const predicting = new Set(unread.flatMap(([, plain]) => PREDICTS.test(plain) ? [layerOf(plain)] : []));
  const isHarmless = ([tensor, plain]: [string, string]) =>
    HARMLESS.some((form) => form.test(plain)) || predicting.has(layerOf(plain) ?? "") ||
    // A packing that gives every matrix a bias, of zeros where the model has none.
    plain.endsWith(".bias") && tensors.get(tensor.replace(/bias$/, "weight"))?.type.startsWith("GPTQ");
  const unknown = unread.filter((tensor) => !isHarmless(tensor)).map(([tensor]) => tensor);
  const used = allowed.filter((own) => unknown.some(covering(own)));
  const refused = unknown.filter((tensor) => !used.some((own) => covering(own)(tensor)));
  if (refused.length > 0) throw unknownTensors(refused, spec, name);
  return used;
}

/** Whether a tensor has a name, or begins with it up to a dot. */
export const covering = (own: string) => (tensor: string) => tensor === own || tensor.startsWith(`${own}.`);

function unknownTensors(refused: readonly string[], { family, layers }: ModelSpec, name: string): TypeError {
  const [first, ...others] = refused;
  const names = refused.slice(0, SHOWN).map(spelt).join(", ") + (refused.length > SHOWN ? ", …" : "");
  const found = others.length === 0 ? "an unknown tensor" : `${refused.length} unknown tensors`;
  const [them, which] = others.length === 0
    ? ["it", ` ${spelt(first)}`]
    : ["them", ", by name or by a beginning of names up to a dot"];
  return new TypeError(
    `Cannot load ${name}: found ${found} (${names}), expected those of a ${family} of ${layers.length} layers; if the model ` +
      `computes the same without ${them}, ignore ${them} with \`allowFields\`${which}`,
  );
}
