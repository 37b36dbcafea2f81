/**
 * Experts of a layer in one tensor, [X, 2F, D] with the rows of gate before those of up, and [X, D, F]: as transformers has them in memory.
 * Published files of Qwen3.5 have them so, others an expert's matrices one by one.
 */
const experts = "model.layers.*.mlp.experts";

export const fusedExpertStems = {
  "mlp.experts.#.gate_proj.weight": `${experts}.gate_up_proj`,
  "mlp.experts.#.up_proj.weight": `${experts}.gate_up_proj`,
  "mlp.experts.#.down_proj.weight": `${experts}.down_proj`,
};

/** Whether a checkpoint's tensors are stored so. */
export function hasFusedExperts(tensors?: ReadonlyMap<string, unknown>): boolean {
  return tensors?.keys().some((name) => name.endsWith(".mlp.experts.gate_up_proj")) ?? false;
}
