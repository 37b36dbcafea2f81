/** Tables as HTML, for a page and for a notebook. */
import { escape } from "../chart/draw/sheet.ts";
import type { Table } from "./table.ts";

/**
 * A table without its lines above and below; with `rowHeads`, the first column names the rows. It is aligned twice: JupyterLab's own style goes before the attribute, and sites that show
 * notebooks remove styles.
 */
export function tableHtml({ head, rows, left }: Table, rowHeads = false): string {
  const line = (cells: readonly string[], tagOf: (column: number) => string) =>
    `<tr>${
      cells.map((text, column) => {
        const side = left.includes(column) || (rowHeads && column === 0) ? "left" : "right";
        const tag = tagOf(column);
        return `<${tag} align="${side}" style="text-align: ${side}">${escape(text)}</${tag.split(" ")[0]}>`;
      }).join("")
    }</tr>`;
  const body = rows.map((row) => line(row, (column) => rowHeads && column === 0 ? 'th scope="row"' : "td"));
  return `<table><thead>${line(head, () => 'th scope="col"')}</thead><tbody>${body.join("")}</tbody></table>`;
}

export function tablesHtml(tables: readonly Table[]): string {
  const paragraph = (lines: readonly string[]) =>
    lines.length === 0 ? "" : `<p>${lines.map(escape).join("<br>")}</p>`;
  return tables.map((table) => {
    const { title, note, head, notes = [] } = table;
    return [
      title === undefined ? "" : `<p><b>${escape(title)}</b></p>`,
      paragraph(note === undefined ? [] : [note]),
      head.length > 0 ? tableHtml(table) : "",
      paragraph(notes),
    ].join("");
  }).join("\n");
}
