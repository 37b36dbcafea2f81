/**
 * The drop orders that the paper's official code gives for its models (CASE-Lab-UMD/LLM-Drop): what `verify` is held against.
 * Most redundant first. Only the first eight of each are known.
 */

/** A model of the paper, and the order in which the official code drops its modules. */
export interface PaperOrders {
  /** Name of the model here: a name in `data/configs`. */
  readonly name: string;
  /** The model: its id on the hub, or any other name that `openModel` accepts. */
  readonly model: string;
  /** Number of layers, L. */
  readonly layers: number;
  /** Layers whose attention is dropped first, most redundant first. */
  readonly attention: readonly number[];
  /** Layers whose MLP is dropped first, most redundant first. */
  readonly mlp: readonly number[];
  /** Layers that are dropped first as whole blocks, most redundant first. */
  readonly block: readonly number[];
}

/** The official orders, as far as they are known. */
export const PAPER_ORDERS: readonly PaperOrders[] = [
  {
    name: "mistral-7b",
    model: "mistralai/Mistral-7B-v0.1",
    layers: 32,
    attention: [25, 26, 24, 22, 27, 28, 23, 21],
    mlp: [26, 27, 25, 24, 23, 22, 29, 28],
    block: [26, 25, 24, 27, 23, 22, 28, 21],
  },
  {
    name: "llama-2-13b",
    model: "meta-llama/Llama-2-13b-hf",
    layers: 40,
    attention: [33, 32, 35, 30, 34, 31, 29, 27],
    mlp: [31, 33, 32, 34, 30, 29, 35, 28],
    block: [33, 32, 31, 34, 30, 35, 29, 28],
  },
];
