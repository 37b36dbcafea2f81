/**
 * The table of families in docs/formats.md, from the code and from the tiny models that each is held against.
 *
 *     deno run -A tests/core/models/support.ts
 *
 * measures every fixture anew (half a minute), and writes the table between its two marks in docs/formats.md.
 */
import { fileURLToPath } from "node:url";
import { architectures, families, type ModelSpec, routed } from "core/models/mod.ts";
import type { Header } from "core/models/gguf/fields.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { specOf } from "../../quantised.ts";
import { withFixture } from "../../model.ts";
import { engine } from "../../support.ts";
import { stateDeviations } from "./parity.ts";

/** What of the table is measured: the largest error of a fixture's states, relative to the largest element. */
export type Errors = Readonly<Record<string, number>>;

const MARKS = ["<!-- families: deno run -A tests/core/models/support.ts -->", "<!-- /families -->"] as const;
export const PAGE = new URL("../../../docs/formats.md", import.meta.url);
export const ERRORS = new URL("../../fixtures/support.json", import.meta.url);

const HEAD = ["`model_type`", "norms", "residual", "MLP", "GGUF", "models", "error"];

/** Rows of the table: a family each, of those that are not a part of another. */
export function supportTable(errors: Errors): string {
  const specs = new Map(fixtureNames.map((name) => [name, specOf(name)]));
  const rows = Object.keys(families).flatMap((family) => {
    const own = fixtureNames.filter((name) => specs.get(name)!.family === family);
    return own.length > 0 ? [row(family, own, own.map((name) => specs.get(name)!), errors)] : [];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(HEAD), line(HEAD.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The architectures that may be read as a model type: for a file that says nothing of itself, or something of everything. */
function architecturesOf(modelType: string): string[] {
  const headers = [undefined, 1].map((value): Header => (
    { field: () => value, list: () => undefined, tensors: new Map(), usual: {}, wrong: TypeError }
  ));
  return Object.keys(architectures).filter((name) => {
    const { family, type = () => family } = architectures[name];
    return headers.map(type).includes(modelType);
  });
}

function row(family: string, fixtures: string[], specs: ModelSpec[], errors: Errors): string[] {
  const each = (say: (spec: ModelSpec) => string) => [...new Set(specs.map(say))].sort().join(", ");
  return [
    `\`${family}\``,
    each(normsOf),
    each(({ layers }) => [...new Set(layers.map(({ residual }) => residual))].join(" and ")),
    each(({ layers }) => layers.some(({ mlp }) => routed(mlp)) ? "mixture" : "dense"),
    architecturesOf(family).map((name) => `\`${name}\``).join(" ") || "–",
    String(fixtures.length),
    upwards(Math.max(...fixtures.map((name) => errors[name]))),
  ];
}

function normsOf({ layers }: ModelSpec): string {
  const { pre, post } = layers.find(({ attention }) => attention)!.attention!.norm;
  return pre ? post ? "around (Peri-LN)" : "before (Pre-LN)" : "after (post-norm)";
}

/** One digit, rounded up: what another machine's rounding changes is less. */
function upwards(error: number): string {
  const power = 10 ** Math.floor(Math.log10(error));
  return (Math.ceil(error / power) * power).toExponential(0);
}

/** What stands between the marks; null where one of them is missing. */
export function tableIn(page: string): { readonly from: number; readonly to: number } | null {
  const [from, to] = [page.indexOf(MARKS[0]), page.indexOf(MARKS[1])];
  return from < 0 || to < from ? null : { from: from + MARKS[0].length, to };
}

async function measured(): Promise<Errors> {
  const errors: Record<string, number> = {};
  for (const name of fixtureNames) {
    await withFixture(name, async (opened) => {
      const found = await stateDeviations(engine, opened);
      errors[name] = Number(Math.max(...found.map(({ error }) => error)).toPrecision(3));
    });
  }
  return errors;
}

if (import.meta.main) {
  const errors = await measured();
  await Deno.writeTextFile(ERRORS, JSON.stringify(errors, null, 1) + "\n");
  const page = await Deno.readTextFile(PAGE);
  const place = tableIn(page);
  if (!place) throw new Error(`Cannot write the table: docs/formats.md lacks ${MARKS.join(" or ")}`);
  const text = `${page.slice(0, place.from)}\n\n${supportTable(errors)}\n\n${page.slice(place.to)}`;
  await Deno.writeTextFile(PAGE, text);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", fileURLToPath(PAGE), fileURLToPath(ERRORS)] })
    .output();
}
