/** What tests need that opens nothing of Lamina: which of them run, the words of a line, processes. */
import assert from "node:assert/strict";

/** Whether whole matrices run: `deno task test:all`. */
export const isThorough = Deno.env.get("LAMINA_TESTS") === "all";

type Register = (name: string, fn: Deno.TestDefinition["fn"]) => void;

/** `Deno.test` itself where the need is met, so that reports name the caller's file; else it is ignored. */
export const testWhere = (isMet: boolean): Register =>
  isMet ? Deno.test : (name, fn) => Deno.test({ name, ignore: true, fn });

export const onUnix = testWhere(Deno.build.os !== "windows");
export const onLinux = testWhere(Deno.build.os === "linux");

/** Registers a test by `test` where nothing is lacking; else it is ignored, and its name says what is. */
export const unless = (lacks: string | null, test: Register = Deno.test): Register =>
  lacks === null ? test : (name, fn) => Deno.test({ name: `${name} (skipped: ${lacks})`, ignore: true, fn });

/**
 * Why the tests of a subject are skipped, for their names: LAMINA_UNCHANGED lists the subjects that no change since the last green run
 * of .ci/run concerns. Empty where they run.
 */
export function unchanged(subject: "cuda" | "notebooks"): string {
  const subjects = Deno.env.get("LAMINA_UNCHANGED")?.split(" ") ?? [];
  return subjects.includes(subject) ? `${subject} without a change since the last green run` : "";
}

const PLACE = "\ue000";

/** The words of a line. A value may be a part of a word; one with spaces stays one word, and a list is several. */
export function words(
  texts: TemplateStringsArray,
  ...values: (string | number | readonly string[])[]
): string[] {
  const left = values.values();
  const next = () => left.next().value!;
  return texts.join(PLACE).trim().split(/\s+/).flatMap((word) => {
    const value = word === PLACE ? next() : word.replaceAll(PLACE, () => String(next()));
    return typeof value === "number" ? String(value) : value;
  });
}

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

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
