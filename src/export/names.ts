/** Names of tensors in a folder in Hugging Face layout: whose they are, and under which name the smaller model has them. */
import { plainName } from "../models/mod.ts";
import type { Job, Module } from "./job.ts";

/** The output projection of a module: zeroed, the module adds nothing. */
export const OUTPUT: Readonly<Record<Module["module"], string>> = {
  attention: "attention.o_proj",
  mlp: "mlp.down_proj",
};

/** The name where layers that are gone are not counted; null for a tensor of such a layer. Other tensors keep theirs. */
export function renumbered({ kept }: Job, stored: string): string | null {
  const layer = /^(?:layers|h)\.(\d+)\./.exec(plainName(stored))?.[1];
  if (layer === undefined) return stored;
  const index = kept.indexOf(Number(layer));
  return index < 0 ? null : stored.replace(/(^|\.)(layers|h)\.\d+\./, `$1$2.${index}.`);
}

/** The stored names of the output projections, weights and biases, of modules that are dropped alone. */
export function silenced(
  { model, stored: { file }, lone }: Job,
  modules: readonly Module[] = lone,
): Set<string> {
  return new Set(modules.flatMap(({ module, layer }) => {
    const weight = model.stored!(`${OUTPUT[module]}.weight`, layer).name;
    const bias = weight.replace(/weight$/, "bias");
    return file.tensors.has(bias) ? [weight, bias] : [weight];
  }));
}
