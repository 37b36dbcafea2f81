/** Native code in a process of its own, which it may crash. */
import { runArguments } from "../home/mod.ts";

/**
 * Runs a script in a process of its own and gives what it answered (`answer`); `onText` hears what it prints as it comes. Throws what it
 * threw, or how it ended.
 */
export async function runApart(
  script: URL,
  args: readonly string[],
  signal?: AbortSignal,
  onText: (text: string) => void = () => {},
): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...runArguments(script.href), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...signal && { signal },
  });
  const child = command.spawn();
  const complaints = new Response(child.stderr).text();
  let printed = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    onText(text);
  }
  const { code, signal: killer } = await child.status;
  const line = lastLine(printed);
  if (line.startsWith(ANSWER)) {
    const { found, missing } = JSON.parse(line.slice(ANSWER.length));
    if (missing === undefined) return found;
    throw new Error(missing);
  }
  const complaint = complaintIn(await complaints);
  throw new Error(`the process ended with ${killer ?? `code ${code}`}${complaint && `: ${complaint}`}`);
}

/** Libraries print too: an answer is a line that begins like this. */
const ANSWER = "lamina: ";

/** In the other process: tells what `look` gives, or throws, to `runApart`, and ends. */
export async function answer(look: () => Promise<string>): Promise<never> {
  const outcome = await look().then((found) => ({ found }), (error) => ({ missing: error.message }));
  console.log(`\n${ANSWER}${JSON.stringify(outcome)}`);
  Deno.exit(0);
}

/** In the other process: prints a line, which `onText` hears. */
export const tell = (line: string): void => console.log(line);

const lastLine = (text: string): string => text.trim().split("\n").at(-1)!.trim();

/** The error, where a line says that it is one: a stack may follow it. Else the last line. */
function complaintIn(text: string): string {
  return text.split("\n").find((line) => /error/i.test(line))?.trim() ?? lastLine(text);
}
