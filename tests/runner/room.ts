/** Runs the test files of one room in a process of their own. */
import { type FileReport, filesNotRun, notRun, readReport } from "./report.ts";

/** Files that run in one process. */
export interface Room {
  readonly name: string;
  readonly files: readonly string[];
}

/** A room after its run. */
export interface Ran {
  readonly room: string;
  readonly succeeded: boolean;
  readonly output: string;
  readonly files: readonly FileReport[];
}

/** Test processes that are running. */
const running = new Set<Deno.ChildProcess>();

/** Ends every test process. */
export function stopRooms(): void {
  for (const child of running) child.kill("SIGTERM");
}

/** Runs the files, whose paths are relative to `root`. */
export async function runRoom({ name, files }: Room, root: string): Promise<Ran> {
  const folder = await Deno.makeTempDir();
  const report = `${folder}/report.xml`;
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--junit-path=${report}`, ...files],
      cwd: root,
      env: { NO_COLOR: "1" },
      stdin: "null", // a command that asks for a confirmation finds no terminal
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    running.add(child);
    const { success, code, signal, stdout, stderr } = await child.output().finally(() =>
      running.delete(child)
    );
    const xml = await Deno.readTextFile(report).catch(() => ""); // a process that crashed leaves none
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    const lost = success ? [] : filesNotRun(files, out, xml !== "");
    const reports = [...readReport(xml), ...lost.map(notRun)];
    if (!success && reports.every(({ failed }) => failed === 0)) reports.push(notRun(name)); // it died behind its last test
    const end = success ? "" : `\n${name} ended with ${signal ?? `exit code ${code}`}\n`;
    return { room: name, succeeded: success, output: out + err + end, files: reports };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Runs all rooms, `atOnce` at a time, in their order; calls `onRan` as each ends, and `onSilence` with the rooms that are running
 * after each minute in which none ended.
 */
export async function runRooms(
  rooms: readonly Room[],
  root: string,
  { atOnce, onRan, onSilence, silence = 60_000 }: {
    readonly atOnce: number;
    readonly onRan: (ran: Ran) => void;
    readonly onSilence: (rooms: readonly string[]) => void;
    readonly silence?: number;
  },
): Promise<Ran[]> {
  const left = rooms.values();
  const [done, now]: [Ran[], Set<string>] = [[], new Set()];
  let timer: ReturnType<typeof setInterval> | undefined;
  const listen = () => {
    clearInterval(timer);
    timer = setInterval(() => onSilence([...now]), silence);
  };
  const worker = async () => {
    for (const room of left) {
      now.add(room.name);
      const ran = await runRoom(room, root);
      now.delete(room.name);
      done.push(ran);
      onRan(ran);
      listen();
    }
  };
  listen();
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    clearInterval(timer);
  }
  return done;
}
