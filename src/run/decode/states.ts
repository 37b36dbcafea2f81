/** What linear attention remembers of some texts, between the graph's runs: the same size however long they are. */
import type { Engine, Held } from "../../engine/mod.ts";
import { type DeltaNetSpec, memoryShapes } from "../../models/mod.ts";
import { elements, float32 } from "../../tensor/mod.ts";
import { freeAll } from "../held.ts";
import type { GrowingKeys } from "./keys_values.ts";

/** Nothing yet: zeros. */
export function states(engine: Engine, spec: DeltaNetSpec, texts: number): GrowingKeys {
  const shapes = memoryShapes(spec, texts);
  const zeros = (shape: readonly number[]): Held =>
    engine.upload(float32([...shape], new Float32Array(elements(shape))));
  let held = { conv: zeros(shapes.conv), state: zeros(shapes.state) };
  return {
    open: (prefix) =>
      Promise.resolve({
        feeds: { [`${prefix}past_conv`]: held.conv, [`${prefix}past_state`]: held.state },
        into: {},
      }),
    close(prefix, outputs) {
      freeAll({ ...held });
      held = { conv: outputs[`${prefix}present_conv`], state: outputs[`${prefix}present_state`] };
    },
    bytes: 4 * (elements(shapes.conv) + elements(shapes.state)),
    free: () => freeAll({ ...held }),
  };
}
