/** What probes are shown of a run: outputs of its graph, and what their kernels make of tensors that stay on the device. */
import type { Engine, Feeds, Held } from "../../engine/mod.ts";
import type { Value } from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { freeAll, withRead } from "../held.ts";
import type { Probe, ProbeKernels } from "../probes/probe.ts";

/** Outputs of this prefix are for kernels and are not read. */
const PREFIX = "kernel.";

/** The probes that add outputs to the graph of a module, and the kernels of those that have some and an engine that runs them. */
export function split(
  { access }: Engine,
  probes: readonly Probe[],
  module: "attention" | "update",
): { tapping: Probe[]; launching: ProbeKernels[] } {
  const launches = (probe: Probe) => access !== null && probe.kernels?.[module] !== undefined;
  return {
    tapping: probes.filter((probe) => !launches(probe)),
    launching: probes.filter(launches).map(({ kernels }) => kernels!),
  };
}

/** Outputs for kernels. */
export function forKernels(values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [PREFIX + name, value]));
}

/**
 * A run's outputs, and what kernels make of those that are for them, in CPU memory for as long as `use` runs. All are freed,
 * those for kernels before the others are read.
 */
export async function withObserved(
  engine: Engine,
  outputs: Feeds,
  launches: (held: Feeds) => (() => Promise<Feeds>)[],
  use: (tensors: Record<string, Tensor>) => void | Promise<void>,
): Promise<void> {
  const [shown, read]: Record<string, Held>[] = [{}, {}];
  for (const [name, held] of Object.entries(outputs)) {
    if (name.startsWith(PREFIX)) shown[name.slice(PREFIX.length)] = held;
    else read[name] = held;
  }
  try {
    for (const launch of launches(shown)) Object.assign(read, await launch());
  } catch (error) {
    freeAll(read);
    throw error;
  } finally {
    freeAll(shown);
  }
  await withRead(engine, read, use);
}
