/**
 * Speed-ups and accuracies that the paper's early version reports (arXiv 2406.15786v6): 2048 tokens in, 2048 out, with keys and
 * values kept, in the largest batch that fits, 16 bit. Which device it was is not said there.
 */

/** Attention modules dropped, average accuracy in points, and the speed-up. */
type Row = readonly [attention: number, accuracy: number, speedup: number];

/** What the paper reports of one model, by its name in `data/configs`, with the accuracy of the full model. */
const ofModel = (config: string, accuracy: number, ...rows: readonly Row[]) => ({
  ...{ config, accuracy },
  drops: rows.map(([attention, accuracy, speedup]) => ({ attention, accuracy, speedup })),
});
export type PaperSpeed = ReturnType<typeof ofModel>;

export const PAPER_SPEEDS: readonly PaperSpeed[] = [
  ofModel("llama-2-13b", 68.2, [4, 68.5, 1.05], [8, 68.1, 1.13]),
  ofModel("mistral-7b", 70.3, [4, 69.9, 1.10], [8, 69.8, 1.23], [12, 67.3, 1.40]),
  ofModel("llama-2-70b", 73.9, [4, 73.8, 1.06], [8, 73.7, 1.12], [40, 71.5, 1.48]),
  ofModel("llama-3-8b", 67.6, [4, 67.4, 1.07], [8, 67.4, 1.16], [12, 65.8, 1.26]),
  ofModel("llama-3-70b", 75.1, [4, 75.2, 1.04], [8, 75.1, 1.10], [40, 73.3, 1.43]),
];
