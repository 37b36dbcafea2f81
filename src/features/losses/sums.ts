import { type Perplexity, perplexityOf } from "./result.ts";
import { summed } from "../../core/result/mod.ts";

export const perplexitySums = summed<Pick<Perplexity, "provenance">, Pick<Perplexity, "sums">, Perplexity>({
  kind: "perplexity",
  join: (parts) => ({ sums: parts.flatMap(({ sums }) => sums) }),
  from: ({ provenance }, { sums }) => perplexityOf(provenance, sums),
});
