import { head, type Orders } from "../../src/result/mod.ts";
import { provenance, type Shape } from "./synthetic.ts";

/** Orders of two modules by two scores on two texts: those of attention agree, the text decides about MLPs by importance. */
export function orders(shape: Shape): Orders {
  const rises = (rise: number) => [rise - 0.01, rise + 0.02, rise, rise + 0.01];
  const order = (target: "attention" | "mlp", by: "importance" | "marked", text: string, rise: number) => ({
    target,
    by,
    calibration: provenance({ ...shape, text }),
    modules: [4, rise > 1 ? 1 : 3].map((layer) => ({ module: target, layer })),
    rises: rises(rise),
    rise: rise + 0.005,
    riseError: 0.0065,
  });
  const line = (target: "attention" | "mlp", by: "importance" | "marked", more: number) => ({
    ...{ target, by, drop: 2, orders: 2, best: 0, worst: 1, samples: 2 },
    ...more > 0.1 ? { common: 1, shared: 1 } : { common: 2, shared: 2 },
    rise: { rise: 0.2, riseError: 0.005 },
    more: { rise: more, riseError: 0.005 },
  });
  return {
    ...head("orders"),
    provenance: provenance({ ...shape, text: "wiki" }),
    lines: [line("attention", "importance", 0), line("mlp", "importance", 4), line("mlp", "marked", 0.01)],
    orders: [
      order("attention", "importance", "stories", 0.05),
      order("attention", "importance", "code", 0.05),
      order("mlp", "importance", "stories", 0.2),
      order("mlp", "importance", "code", 4.2),
      order("mlp", "marked", "stories", 0.2),
      order("mlp", "marked", "code", 0.21),
    ],
  };
}
