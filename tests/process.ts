/** Processes that tests start and wait for. */
import assert from "node:assert/strict";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function ran(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(program, { ...options, args: [...args] }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

/** The same, of a program that has to succeed: what it printed. */
export async function printed(...[program, args, options]: Parameters<typeof ran>): Promise<string> {
  const { code, out, err } = await ran(program, args, options);
  assert.equal(code, 0, `${program} ${args.join(" ")}\n${out}${err}`);
  return out;
}
