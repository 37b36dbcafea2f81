/** A baseline: the number of layers after a module, so that the deepest is dropped first. */
import { nothing, type Score } from "./score.ts";

export const deepest: Score = {
  baseline: true,
  modules: {
    from: nothing,
    read: (_, entries, { layers }) => entries.map(({ layer }) => layers - 1 - layer),
  },
};
