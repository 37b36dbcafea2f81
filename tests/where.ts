/** Tests that need something of the machine. */

/** `Deno.test` itself where the need is met, so that reports name the caller's file; else it is ignored. */
export const testWhere = (isMet: boolean): (name: string, fn: Deno.TestDefinition["fn"]) => void =>
  isMet ? Deno.test : (name, fn) => Deno.test({ name, ignore: true, fn });

export const onUnix = testWhere(Deno.build.os !== "windows");
export const onLinux = testWhere(Deno.build.os === "linux");
