/** What a graph has once. */
import type { Graph } from "../../onnx/mod.ts";

const made = new WeakMap<Graph, Map<string, unknown>>();

/** What was made for a graph by that key, or what `make` makes now. */
export function once<T>(graph: Graph, key: string, make: () => T): T {
  if (!made.has(graph)) made.set(graph, new Map());
  const known = made.get(graph)! as Map<string, T>;
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}
