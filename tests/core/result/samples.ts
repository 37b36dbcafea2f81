/** Made-up results of the right form. */
import fc from "fast-check";
import { perplexityOf } from "features/losses/result.ts";
import { type Profile, profileOf } from "features/profile/mod.ts";
import type { Provenance } from "core/result/mod.ts";

/** What a run over `samples` blocks of 16 tokens says of itself. */
export function provenance(samples = 2, changes: Partial<Provenance> = {}): Provenance {
  return {
    lamina: "0.1.0",
    model: {
      ...{ name: "tiny", fingerprint: "sha256:00", revision: null, format: "safetensors F32" },
      ...{ family: "llama", layers: 2 },
    },
    dtype: "float32",
    engine: "cpu",
    runtime: "onnxruntime 1.30.0",
    tokenizer: "t",
    text: { name: "stories", hash: "ab".repeat(32) },
    packing: { samples, length: 16, skip: 0, bos: false },
    drop: { attention: [], mlp: [] },
    seed: null,
    ...changes,
  };
}

/** Sums of one module over one sample. */
const moduleSums = fc.record({
  counted: fc.integer({ min: 1, max: 16 }),
  distance: fc.double({ min: 0, max: 32, noNaN: true }),
  magnitude: fc.double({ min: 0, max: 1e4, noNaN: true }),
  sign: fc.double({ min: -16, max: 16, noNaN: true }).map((value) => value + 0), // JSON has no −0
  norm: fc.double({ min: 0, max: 1e4, noNaN: true }),
  largest: fc.double({ min: 0, max: 1e4, noNaN: true }),
  above2: fc.integer({ min: 0, max: 16 }),
  alpha: fc.double({ min: -1e4, max: 1e4, noNaN: true }).map((value) => value + 0),
  beta: fc.double({ min: 0, max: 1e4, noNaN: true }),
  along: fc.double({ min: 0, max: 16, noNaN: true }),
  turning: fc.double({ min: 0, max: 32, noNaN: true }),
}, { noNullPrototype: true });

/** What the router of three experts did in one sample. */
const routingSums = fc.record({
  load: fc.array(fc.integer({ min: 0, max: 16 }), { minLength: 3, maxLength: 3 })
    .filter((load) => load.some((count) => count > 0)),
  entropy: fc.double({ min: 0, max: 16, noNaN: true }),
  tokens: fc.constant(16),
}, { noNullPrototype: true });

/** A profile of two layers over 1 to 4 samples; the first has a mixture, the second layer's MLP is dropped. */
export const profiles: fc.Arbitrary<Profile> = fc.integer({ min: 1, max: 4 }).chain((samples) => {
  const module = fc.array(moduleSums, { minLength: samples, maxLength: samples });
  const layers = fc.tuple(module, module);
  const routed = fc.array(routingSums, { minLength: samples, maxLength: samples });
  return fc.record({
    ...{ routing: fc.tuple(routed, fc.constant(null)), attention: layers },
    ...{ mlp: fc.tuple(module, fc.constant(null)), block: layers },
    hash: fc.bigInt(0n, 2n ** 256n - 1n).map((hash) => hash.toString(16).padStart(64, "0")),
  }).map(({ hash, routing, ...sums }) =>
    profileOf(
      provenance(samples, { text: { name: "stories", hash }, drop: { attention: [], mlp: [1] } }),
      sums,
      sizes(2),
      routing,
    )
  );
});

export function profile(): Profile {
  return fc.sample(profiles, { numRuns: 1, seed: 1 })[0];
}

/** A fixed perplexity over two samples. */
export function perplexity() {
  return perplexityOf(provenance(), [
    { nll: 30, kl: 1.5, top1: 12, tokens: 15 },
    { nll: 45, kl: 3, top1: 9, tokens: 15 },
  ]);
}

/** The same value with the keys of every object in another order. */
export function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, inner]) => [key, reordered(inner)]));
}

/** Sizes of modules of one weight each. */
export function sizes(layers: number): Profile["sizes"] {
  const ones = Array<number>(layers).fill(1);
  const none = Array<null>(layers).fill(null);
  return { hidden: 16, parameters: 2 * layers, attention: ones, mlp: ones, kvBytes: ones, kvTokens: none };
}
