/** What a machine can run: one line for each part, and how to get a missing one. */
import type { ResultOf } from "../../result/mod.ts";
import { wrap } from "../wrap.ts";
import { lines, type Table } from "./table.ts";
import { style, type TextLook } from "./text.ts";

/** ✓ for a part that works, – for one that does not; beside it the finding, below it the remedy. */
export function doctorTable({ findings }: ResultOf<"doctor">, look: TextLook = {}): Table {
  const width = Math.max(...findings.map(({ part }) => part.length));
  const [yes, no, arrow] = look.utf8 ? ["✓", "–", "→"] : ["+", "-", ">"];
  const [bold, dim] = [style(look, 1), style(look, 2)];
  const { columns = Infinity } = look;
  const indent = width + 4;
  const shown = findings.flatMap(({ part, works, found, remedy }) => [
    ...wrap(`${works ? yes : no} ${bold(part.padEnd(width))}  ${found}`, columns, indent),
    ...remedy ? wrap(`${" ".repeat(indent)}${arrow} ${remedy}`, columns, indent + 2).map(dim) : [],
  ]);
  return lines(undefined, ...shown);
}
