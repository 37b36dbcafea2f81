/** Where a command's data go: `--json` and `--csv`, a file or standard output. */
import { type Command, InvalidArgumentError } from "commander";
import { checkTarget } from "../../disk/mod.ts";

/** Files that a result is written to. */
export interface OutFlags {
  json?: string;
  csv?: string;
}

/** Heading of the options about results: where they are kept and written. */
export const RESULTS = "Results:";

/** Adds `--json`. */
export function withJsonFlag(command: Command): Command {
  return command.optionsGroup(RESULTS).option(
    "--json <file>",
    "write the result as JSON (- for stdout)",
    outFile,
  );
}

/** Adds `--json` and `--csv`. */
export function withOutFlags(command: Command): Command {
  return withCsvFlag(withJsonFlag(command));
}

/** Adds `--csv` to a command that has `--json`. */
export function withCsvFlag(command: Command): Command {
  return command.optionsGroup(RESULTS)
    .option("--csv <file>", "write the table as CSV (- for stdout)", outFile)
    .hook("preAction", expectApart)
    .hook("preAction", checkTargets);
}

async function checkTargets(command: Command): Promise<void> {
  const { json, csv } = command.opts<OutFlags>();
  for (const file of [json, csv]) {
    if (file !== undefined && !isStandardOutput(file)) await checkTarget(file);
  }
}

function outFile(text: string): string {
  if (text === "") throw new InvalidArgumentError("expected a file, or - for standard output");
  return text;
}

/** Whether a file's name means standard output, which is then left to the data. */
export function isStandardOutput(file: string | undefined): boolean {
  return file !== undefined && /^(-|\/dev\/stdout|(\/dev|\/proc\/self)\/fd\/1)$/.test(file);
}

/** A wrong use where JSON and CSV would be written to one place: said before anything is computed. */
function expectApart(command: Command): void {
  const { json, csv } = command.opts<OutFlags>();
  if (json === undefined || csv === undefined) return;
  if (json !== csv && !(isStandardOutput(json) && isStandardOutput(csv))) return;
  command.error(`error: --json and --csv both name ${csv}, expected different files`, { exitCode: 2 });
}
