/** Processes by what their environment says: whatever a process starts inherits it, and tells so in /proc. */

/** A running process. */
export type Running = { readonly pid: number; readonly command: string };

/** Processes whose environment has this variable with this value. */
export function processesOf(variable: string, value: string): Running[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) return [];
    try {
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`).split("\0");
      if (!environment.includes(`${variable}=${value}`)) return [];
      const command = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
      return command === "" ? [] : [{ pid: Number(name), command }]; // without one it has ended
    } catch { // it has ended, or is another user's
      return [];
    }
  });
}

/** Waits until something is there; throws after so many seconds. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  seconds = 30,
): Promise<NonNullable<T>> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited ${seconds} s for ${what}`);
}
