/** A profile of the model with the drops of earlier rounds made. */
import { planData } from "../../result/mod.ts";
import { profileBlocks } from "../passes/profile.ts";
import { dropOfEntries } from "./candidates.ts";
import type { Measurement, Reading, Scores } from "./score.ts";

const profiles: Measurement<Scores> = {
  unit: "samples",
  passes: (spec, { taken }, size) => [{ ...size, plans: [dropOfEntries(spec, taken)], head: false }],
  async measure({ model, packed, provenance, need }, { taken }, options) {
    const origin = { ...provenance, drop: planData(dropOfEntries(model.spec, taken)) };
    return await profileBlocks(model, packed.blocks, origin, model.name, options, need);
  },
};

/** A column of a profile. */
export function profiled(column: keyof Scores["block"]): Reading<Scores> {
  return {
    from: profiles,
    read: (profile, entries) => entries.map(({ module, layer }) => profile[module][column][layer]),
  };
}
