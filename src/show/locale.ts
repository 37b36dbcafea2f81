/** What the terminal of this process is said to understand. */
import process from "node:process";

/** Whether it knows more than ASCII. */
export function speaksUtf8(): boolean {
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || "";
  return process.platform === "darwin" || /utf-?8/i.test(locale);
}
