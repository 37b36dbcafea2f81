/** The smoothing of the stream that leaves each layer, where a layer may lack its MLP or be missing altogether. */
import type { SmoothingName } from "../../measure/mod.ts";
import type { Smoothed } from "../../result/mod.ts";

/** A measure with its standard error. */
export interface Measured {
  readonly value: number | null;
  readonly error: number | null;
}

/** By layer: the output of the layer's last module, or else its input. */
export function layerStreams(smoothed: Smoothed, name: SmoothingName): Measured[] {
  const curves = [smoothed.mlp[name], smoothed.attention[name]];
  let stream: Measured = { value: smoothed.embedding[name], error: null };
  return curves[0].mean.map((_, l) => {
    const last = curves.find(({ mean }) => mean[l] !== null);
    if (last) stream = { value: last.mean[l], error: last.standardError[l] };
    return stream;
  });
}
