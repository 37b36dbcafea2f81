/** What a machine can run, a part a line, with a way to get what it lacks. */
import { wrap } from "../wrap.ts";
import { style, type TextLook } from "./table.ts";

/** A part of the machine; as the study finds it. */
interface Part {
  readonly part: string;
  readonly works: boolean;
  readonly found: string;
  readonly remedy?: string;
}

/** One line a part: ✓ works or – does not, what was found, and under it the remedy. */
export function doctorTable(parts: readonly Part[], look: TextLook): string {
  const width = Math.max(...parts.map(({ part }) => part.length));
  const [yes, no, arrow] = look.utf8 ? ["✓", "–", "→"] : ["+", "-", ">"];
  const [bold, dim] = [style(look, 1), style(look, 2)];
  const { columns = Infinity } = look;
  const indent = width + 4;
  return parts.flatMap(({ part, works, found, remedy }) => [
    ...wrap(`${works ? yes : no} ${bold(part.padEnd(width))}  ${found}`, columns, indent),
    ...remedy ? wrap(`${" ".repeat(indent)}${arrow} ${remedy}`, columns, indent + 2).map(dim) : [],
  ]).join("\n");
}
