/** An engine with less memory for weights, or with weights that stay at hand: the same device, programs and tensors. */
import type { Engine } from "./engine.ts";
import type { Residents } from "./residents.ts";

/** The engine with so many bytes for weights and, if there are any, weights at hand. */
export function engineWithin(
  engine: Engine,
  memoryBytes: number,
  residents: Residents | null = engine.residents,
): Engine {
  return Object.create(engine, {
    has: { value: { ...engine.has, memoryBytes }, enumerable: true },
    residents: { value: residents, enumerable: true },
  });
}
