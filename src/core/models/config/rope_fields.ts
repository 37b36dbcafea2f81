/**
 * Rotary position embedding as a configuration says it, in either dialect: from its fields to a `RopeSpec`. A field that transformers
 * ignores in a family is refused there, unless it has the value that means nothing: tests/fixtures/mutated_configs.json.
 */
import { type Config, positive } from "./config.ts";
import { LAYER_TYPES, readScaling, type ScalingFields } from "./rope_scaling.ts";
import type { RopeSpec } from "../pieces.ts";

/** Names under which the two dialects keep the rotation's parameters. */
export interface RopeFields extends ScalingFields {
  /** Older dialect: top-level field of the base; default: `rope_theta`. */
  theta?: string;
  defaultTheta?: number;
  /** Older dialect: whether `rope_scaling` applies (not to Gemma 3's local layers). */
  scaled?: boolean;
  /**
   * Share of the head that is rotated where the configuration does not say it. A family without this default rotates whole heads and
   * never reads `partial_rotary_factor`: transformers ignores the field there, or fails where the rotation is scaled.
   */
  partial?: number;
  /** Pairs are neighbours. */
  interleaved?: true;
}

/** Reads either dialect: `rope_parameters` (newer), or `rope_theta` and `rope_scaling` (older). */
export function readRope(config: Config, headSize: number, fields: RopeFields = {}): RopeSpec {
  const { layerType, theta: field = "rope_theta", defaultTheta = 10000 } = fields;
  const stretched = config.child("rope_scaling");
  const older = fields.scaled ?? true ? stretched : null;
  const outer = config.child("rope_parameters");
  const newer = layerType ? rotationOf(outer, layerType) : outer;
  // The rotation's own parameters may have another base.
  const base = positive(config, field, config.optional(field) ?? defaultTheta);
  if (newer && older) expectOneRotation(config, fields, base);
  const parameters = newer ?? older;
  const own = parameters?.optional("rope_theta") ?? null;
  const theta = own === null ? base : positive(parameters!, "rope_theta", own);
  const size = Math.trunc(headSize * readShare(config, parameters, fields.partial));
  if (size < 2 || size % 2 || size > headSize) {
    throw new RangeError(
      `Cannot rotate ${size} of ${headSize} numbers of a head (${config.name}): expected an even number from 2 to ${headSize}`,
    );
  }
  const scaling = parameters ? readScaling(parameters, config, size / 2, fields, parameters === older) : null;
  if (scaling?.type === "dynamic" && size === 2) {
    throw new RangeError(`Cannot stretch a rotation of 2 numbers (${config.name}): expected at least 4`);
  }
  return { theta, size, scaling, ...fields.interleaved ? { interleaved: true } : {} };
}

/** The rotation of one kind of layer; beside those of all kinds, `rope_parameters` may have nothing. */
function rotationOf(parameters: Config | null, layerType: typeof LAYER_TYPES[number]): Config | null {
  if (parameters === null) return null;
  LAYER_TYPES.forEach(parameters.value);
  parameters.done();
  return parameters.child(layerType);
}

/** The share of a head that is rotated: of the rotation's own parameters, else of the configuration (Phi-3's files have it in both). */
function readShare(config: Config, parameters: Config | null, usual: number | undefined): number {
  const places = [parameters, config];
  if (usual === undefined) {
    places.forEach((place) => place?.idle("partial_rotary_factor", 1));
    return 1;
  }
  const [own, outer] = places.map((place) => place?.optional("partial_rotary_factor") ?? null);
  return own ?? outer ?? usual;
}

/** Throws where the two dialects are both there, and give different rotations. */
function expectOneRotation(config: Config, { layerType, partial }: RopeFields, base: number): void {
  const share = partial === undefined ? 1 : config.optional("partial_rotary_factor") ?? partial;
  const outer = config.value("rope_parameters") as Record<string, unknown>;
  const [newer, older] = [layerType ? outer[layerType] : outer, config.value("rope_scaling")].map((raw) => {
    const { type, rope_type, rope_theta, partial_rotary_factor, ...rest } = raw as Record<string, unknown>;
    return {
      rope_type: rope_type ?? type ?? "default",
      rope_theta: rope_theta ?? base,
      partial_rotary_factor: partial_rotary_factor ?? share,
      ...rest,
    } as Record<string, unknown>;
  });
  const differing = [...new Set([...Object.keys(newer), ...Object.keys(older)])]
    .find((key) => JSON.stringify(newer[key]) !== JSON.stringify(older[key]));
  if (differing === undefined) return;
  throw config.rangeError(`rope_parameters and rope_scaling differ in ${differing}, expected one of them`);
}
