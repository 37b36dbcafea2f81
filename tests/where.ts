/** Tests that need something of the machine. */
type Register = (name: string, fn: Deno.TestDefinition["fn"]) => void;

/** `Deno.test` itself where the need is met, so that reports name the caller's file; else it is ignored. */
export const testWhere = (isMet: boolean): Register =>
  isMet ? Deno.test : (name, fn) => Deno.test({ name, ignore: true, fn });

export const onUnix = testWhere(Deno.build.os !== "windows");
export const onLinux = testWhere(Deno.build.os === "linux");

/** Registers a test by `test` where nothing is lacking; else it is ignored, and its name says what is. */
export const unless = (lacks: string | null, test: Register = Deno.test): Register =>
  lacks === null ? test : (name, fn) => Deno.test({ name: `${name} (skipped: ${lacks})`, ignore: true, fn });
