/**
 * The probe for everyone: a function sees the tensors of a layer by name, or what they reduce to, one sample after the other, and can
 * return others in their place.
 *
 * What goes on inside attention is kept until the rest of the layer has run over the same batch: one batch, one layer.
 */
import {
  type AttentionTaps,
  INNER,
  type InnerName,
  type LayerSpec,
  mixerKind,
  type MixerSpec,
  scoring,
} from "../../models/mod.ts";
import { float32 } from "../../tensor/mod.ts";
import {
  CHANGEABLE,
  type Changeable,
  grouped,
  type LayerValue,
  type Observed,
  type ObservedTokens,
  type Own,
  PREDICTIONS,
  type ReadHead,
  type Seen,
  valuesIn,
} from "./observable.ts";
import {
  type Change,
  type Given,
  type Observation,
  type Present,
  type Probe,
  type StreamName,
  STREAMS,
  type UpdateObservation,
} from "./probe.ts";
import { attentionRows, finished, innerOutput, streamOutputs } from "./value_outputs.ts";

type Numbers = Float32Array<ArrayBuffer>;

interface ValuesOptions {
  /** Reads the head, for the values that it makes. */
  readonly readHead?: ReadHead | undefined;
  /** Called when the function has changed values of a layer. */
  readonly onChange?: ((layer: number, names: Iterable<Changeable>) => void) | undefined;
}

/**
 * Calls `see` for every layer and sample of the first plan, layer by layer, and waits for it; the run continues with the values that it returns. A
 * layer in which a module does not run that one of the values belongs to is passed over.
 */
export function valuesProbe<Name extends LayerValue>(
  layers: readonly LayerSpec[],
  names: readonly Name[],
  see: (seen: Seen<Name>) => unknown,
  { readHead, onChange }: ValuesOptions = {},
): Probe {
  const asked = new Set<string>(names);
  if (asked.has("attention")) ["q", "k"].forEach((name) => asked.add(name));
  const inner = INNER.filter((name) => asked.has(name));
  const streams = STREAMS.filter((name) =>
    names.some((each) => each === name || each.startsWith(`${name}.`))
  );
  const readings = PREDICTIONS.filter((name) => asked.has(`y.${name}`));
  const changeable = CHANGEABLE.filter((name) => names.includes(name as Name));
  let inside: Partial<Record<InnerName, Numbers>> = {};

  function isWhole(layer: number, { attention, mlp }: Present): boolean {
    const mixer = layers[layer].attention;
    if (asked.has("attention") && !scoring(mixer)) return false; // it has no such rows
    if (inner.length > 0 && mixer && !mixerKind(mixer).inside(mixer)) return false;
    const missing = (name: StreamName) => name === "a" && !attention || name === "m" && !mlp;
    return !streams.some(missing) && (inner.length === 0 || attention);
  }

  /** A value of all samples of a batch, as the graph gives it. */
  function ofBatch({ outputs }: Pick<Observation, "outputs">, name: Changeable): Numbers {
    return inner.includes(name as InnerName)
      ? inside[name as InnerName]!
      : outputs[`values.${name}`].data as Numbers;
  }

  async function seenOf(seen: UpdateObservation, i: number): Promise<Seen<Name>> {
    const { layer, first, count, length, outputs, y } = seen;
    const spec = layers[layer].attention;
    const part = (data: Numbers) => data.slice(i * data.length / count, (i + 1) * data.length / count);
    const output = (name: string) => part(outputs[`values.${name}`].data as Numbers);
    const own = new Map<string, Observed | ObservedTokens>(
      inner.map((name) => [name, {
        data: part(ofBatch(seen, name)),
        shape: [length, ...mixerKind(spec!).inside(spec!)![name]],
      }]),
    );
    const rows = Int32Array.from({ length }, (_, row) => i * length + row);
    const read = readings.length > 0 ? await readHead!(y, rows, readings) : null;
    for (const name of readings) own.set(`y.${name}`, read![name]);
    const values = names.map((name) => {
      if (name === "attention") {
        const [q, k] = [own.get("q") as Observed, own.get("k") as Observed];
        return [name, attentionRows(scoring(spec)!, length, q, k)];
      }
      return [name, own.get(name) ?? finished(name, output, length)];
    });
    return { layer, sample: first + i, ...Object.fromEntries(values) } as Seen<Name>;
  }

  return {
    only: [0],
    ...inner.length > 0
      ? {
        attention: (taps: AttentionTaps, spec: MixerSpec) =>
          mixerKind(spec).inside(spec)
            ? Object.fromEntries(inner.map((name) => [`values.${name}`, innerOutput(name, taps[name], spec)]))
            : {},
        observeAttention({ layer, outputs }: Observation) {
          const mixer = layers[layer].attention!;
          if (!mixerKind(mixer).inside(mixer)) return;
          inside = Object.fromEntries(
            inner.map((name) => [name, (outputs[`values.${name}`].data as Numbers).slice()]),
          );
        },
      }
      : {},
    update: (taps, _, hidden, { length }) => {
      const wanted = names.flatMap((name) => streamOutputs(name, taps, hidden, length));
      return Object.fromEntries(wanted.map(([name, value]) => [`values.${name}`, value]));
    },
    async observeUpdate(seen) {
      const { layer, first, count } = seen;
      if (!isWhole(layer, seen.present)) return [];
      const bySample = new Map<number, Own>();
      for (let i = 0; i < count; i++) {
        const shown = await seenOf(seen, i);
        const values = shown as unknown as Readonly<Record<Changeable, Observed>>;
        const shapes = new Map(changeable.map((name) => [name, [...values[name].shape]]));
        const own = valuesIn(await see(shown), { layer, sample: first + i, shapes });
        if (!own) continue;
        bySample.set(i, own);
        onChange?.(layer, own.keys());
      }
      return grouped(bySample).map(({ names, samples }): Change => ({
        samples: [...samples.keys()],
        values: Object.fromEntries(names.map((name) => {
          const data = ofBatch(seen, name).slice();
          for (const [i, own] of samples) data.set(own.get(name)!, i * data.length / count);
          return [name, rowsOf(name, data, layers[layer].attention, count * seen.length)];
        })) as Given,
      }));
    },
  };
}

/** Values of N rows as a graph takes them: heads that are run wider get their zeros behind them. */
function rowsOf(name: Changeable, data: Numbers, spec: MixerSpec | null, rows: number) {
  const scored = scoring(spec);
  if (!scored || !INNER.includes(name as InnerName)) return float32([rows, data.length / rows], data);
  const [heads, size] = mixerKind(scored).inside(scored)![name as InnerName];
  const { headSize } = scored;
  if (size === headSize) return float32([rows, heads * size], data);
  const wide = new Float32Array(rows * heads * headSize);
  for (let i = 0; i < rows * heads; i++) wide.set(data.subarray(i * size, (i + 1) * size), i * headSize);
  return float32([rows, heads * headSize], wide);
}
