/** A model whose weights are drawn as it runs, and its identity in results. */
import { type Initialiser, type Model, type ModelSpec, randomWeights, specKey } from "../../models/mod.ts";
import { cacheKey, METHODS, type Provenance, VERSION } from "../../result/mod.ts";
import { computedOn, type EngineOptions } from "../base/options.ts";
import { noted, type Packed } from "../../subject/mod.ts";

/** What determines an untrained model. */
interface Drawn {
  readonly name: string;
  readonly config: Model["config"];
  readonly spec: ModelSpec;
  /** Fields of the configuration that were passed over at the user's word. */
  readonly allowed: readonly string[];
  readonly initialiser: Initialiser;
  readonly seed: number;
}

/** Uses the model, and the provenance of numbers of it over a text, and closes it. */
export async function withUntrained<T>(
  { name, config, spec, allowed, initialiser, seed }: Drawn,
  { text, packing }: Packed,
  options: EngineOptions,
  use: (model: Model, origin: Provenance) => Promise<T>,
): Promise<T> {
  const computed = await computedOn(options);
  const weights = randomWeights(spec, { ...initialiser, seed });
  const origin: Provenance = {
    lamina: VERSION,
    model: {
      name,
      fingerprint: `init:${cacheKey("init", [METHODS["random-init"], specKey(spec), initialiser])}`,
      revision: null,
      format: weights.format,
      family: spec.family,
      layers: spec.layers.length,
      ...noted(allowed),
    },
    ...computed,
    tokenizer: "none",
    text,
    packing,
    drop: { attention: [], mlp: [] },
    seed,
  };
  try {
    return await use({ name, spec, config, allowed, weights }, origin);
  } finally {
    weights.close();
  }
}
