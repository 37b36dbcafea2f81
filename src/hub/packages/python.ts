/** The system's Python: packages come through its pip, and it makes virtual environments, for Jupyter and for Ray. */

/** How Python is called here. */
export const PYTHON = Deno.build.os === "windows" ? "python" : "python3";

/** Names of the Debian packages that pip and a virtual environment need and this machine lacks. */
export async function missingPackages(signal?: AbortSignal): Promise<string[]> {
  const has = (modules: string) => succeeds(PYTHON, ["-c", `import ${modules}`], signal);
  if (!await has("sys")) return ["python3", "python3-venv", "python3-pip"];
  return [
    ...await has("venv, ensurepip") ? [] : ["python3-venv"],
    ...await has("pip") ? [] : ["python3-pip"],
  ];
}

/** Whether a program exists and succeeds. */
export async function succeeds(program: string, args: string[], signal?: AbortSignal): Promise<boolean> {
  try {
    const command = new Deno.Command(program, {
      args,
      ...signal && { signal },
      stdout: "null",
      stderr: "null",
    });
    return (await command.output()).success;
  } catch { // there is no such program
    return false;
  }
}
