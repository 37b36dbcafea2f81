/**
 * Numbers that a module may not lose, watched inside its graph.
 *
 * A NaN or an overflow does not always reach what a module gives: a softmax hides −∞, a soft cap any ∞, and a norm whose
 * squares overflow makes zeros of its input. So what goes into these is watched as well as what comes out, and the graph
 * gives the sum of all their squares. While it is well below float32's largest number, every number is finite, and so are
 * their sums, their squares and their inner products. `Mul` and `ReduceSum` alone: every engine has them.
 */
import { Add, type Graph, Mul, once, ReduceSum, type Value } from "../../onnx/mod.ts";

const watchedIn = (graph: Graph) => once(graph, "watched", (): Value[] => []);

/** Watches rows [N, D]; gives them back. */
export function watch(x: Value): Value {
  const values = watchedIn(x.graph);
  if (!values.some(({ name }) => name === x.name)) values.push(x);
  return x;
}

/** What was watched since it was last taken. */
export const takeWatched = (graph: Graph): Value[] => watchedIn(graph).splice(0);

/** The sum of the squares of all rows, a scalar. */
export function squares(values: readonly Value[]): Value {
  return values.map((x) => ReduceSum(Mul(x, x), [0, 1])).reduce(Add);
}
