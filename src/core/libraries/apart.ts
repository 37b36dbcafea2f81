/** Native code in a process of its own, which it may crash. */
import { runArguments } from "../home/mod.ts";

/**
 * Runs a script in a process of its own and gives what it answered (`answer`). Throws what it threw, or how it ended.
 */
export async function runApart(
  script: URL,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...runArguments(script.href), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...signal && { signal },
  });
  const { code, signal: killer, stdout, stderr } = await command.output();
  const line = lastLine(stdout);
  if (line.startsWith(ANSWER)) {
    const { found, missing } = JSON.parse(line.slice(ANSWER.length));
    if (missing === undefined) return found;
    throw Object.assign(new Error(missing.message), missing);
  }
  const complaint = complaintIn(stderr);
  throw new Error(`the process ended with ${killer ?? `code ${code}`}${complaint && `: ${complaint}`}`);
}

/** Libraries print too: an answer is a line that begins like this. */
const ANSWER = "lamina: ";

/** In the other process: tells what `look` gives, or throws (a `Refusal`'s fields too), to `runApart`, and ends. */
export async function answer(look: () => Promise<string>): Promise<never> {
  const outcome = await look().then(
    (found) => ({ found }),
    ({ message, what, why }) => ({ missing: { message, what, why } }),
  );
  console.log(`\n${ANSWER}${JSON.stringify(outcome)}`);
  Deno.exit(0);
}

function lastLine(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim().split("\n").at(-1)!.trim();
}

/** The error, where a line says that it is one: a stack may follow it. Else the last line. */
function complaintIn(bytes: Uint8Array): string {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return lines.find((line) => /error/i.test(line))?.trim() ?? lastLine(bytes);
}
