/** A baseline: a permutation from a seed. */
import { permutation } from "../../tensor/mod.ts";
import { nothing, type Score } from "./score.ts";

export const random: Score = {
  baseline: true,
  modules: {
    from: nothing,
    read(_, entries, { seed }) {
      const places: number[] = [];
      permutation(entries.length, seed).forEach((entry, place) => places[entry] = place);
      return places;
    },
  },
};
