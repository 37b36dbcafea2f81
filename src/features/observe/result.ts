/** The forms of spikes, and of the constants that take the place of an MLP that writes them. */
import { z } from "zod";
import { MODULES } from "core/measure/mod.ts";
import { depends, indices, kind, provenanceForm } from "core/result/mod.ts";

const whole = z.int().nonnegative();

const spikeForm = z.object({
  ...{ layer: whole, sample: whole, token: whole, id: whole, channel: whole, value: z.number() },
  ...{ attention: z.number(), mlp: z.number(), times: z.number(), share: z.number() },
  ...{ cosine: z.number().nullable(), last: z.number().nullable(), sink: z.number().nullable() },
});
/**
 * The largest |y| of a sample in the stream y that leaves a layer (both from 0): position and id of its token, its channel, its value, and
 * what the layer's attention and MLP add to it; its size in `times` the median |y|, and the share of the three largest channels in its
 * token's squared norm. Null where there are none: the mean cosine of its token's vector with those of the other samples, that of the
 * samples' last tokens, and `sink`, the mean weight that its token gets from later tokens in the next layer, over heads.
 */
export type Spike = z.infer<typeof spikeForm>;

const spikeModuleForm = z.object({
  ...{ module: z.enum(MODULES), layer: whole, samples: z.int().positive(), share: z.number() },
});
/** The module that adds most to the largest value in most samples, or takes most of it away: in how many samples, and its median share. */
export type SpikeModule = z.infer<typeof spikeModuleForm>;

export const spikesKind = kind("spikes", { method: 1, origin: depends() }, {
  provenance: provenanceForm,
  /** The model's name. */
  model: z.string(),
  /** By layer and sample. */
  spikes: z.array(spikeForm).min(1),
  /** What most often adds most to a sample's largest value over all layers. */
  written: spikeModuleForm,
  /** What takes most of it away. */
  taken: spikeModuleForm,
});
/** Spikes of a model. */
export type Spikes = z.infer<typeof spikesKind.form>;

const byToken = <T extends z.ZodType>(of: T) => z.object({ spike: of, rest: of });

export const constantsKind = kind("spike-constants", { method: 1, origin: depends("layer", "times") }, {
  provenance: provenanceForm,
  /** The layer of the MLP. */
  layer: whole,
  /** A value is a spike if it is more than this many times the median of the stream. */
  times: z.number().nonnegative(),
  /** Tokens with a spike, and all others. */
  tokens: byToken(z.int().positive()),
  /** The MLP's mean update over them [D], little-endian float32 in base64. */
  tensors: byToken(z.object({ shape: indices, data: z.base64() })),
});
/** Constants in the place of an MLP, as they are kept. */
export type KeptConstants = z.infer<typeof constantsKind.form>;
