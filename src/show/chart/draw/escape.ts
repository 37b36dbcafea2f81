/** Text inside markup. */
import { plain } from "../../../entry/mod.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for an element or an attribute, of HTML or of XML, which has no control characters even escaped. */
export function escape(text: string): string {
  return plain(text).replaceAll(/[&<>"]/g, (character) => ENTITIES[character]);
}
