/** Runs items of test files, each in a process of its own. */
import { join } from "node:path";
import { groupModule } from "./group.ts";
import type { Item } from "./item.ts";
import { type FileReport, filesNotRun, notRun, readReport } from "./report.ts";
import { words } from "../tools.ts";

/** An item after its run. */
export interface Ran {
  readonly item: string;
  readonly succeeded: boolean;
  readonly output: string;
  readonly files: readonly FileReport[];
  /** Seconds from the start of the process to its end. */
  readonly seconds: number;
}

/** Test processes that are running. */
const running = new Set<Deno.ChildProcess>();

/** Ends every test process. */
export function stopItems(): void {
  for (const child of running) child.kill("SIGTERM");
}

/**
 * One thread for each process, since processes fill the cores; the second is Mesa's. WebAssembly is compiled once: optimizing
 * ONNX Runtime's takes longer than a test's few runs of it gain: 13 of 49 s in engine/web_test.ts, half of what run/windows_test.ts takes.
 */
const ENVIRONMENT = {
  NO_COLOR: "1",
  OMP_NUM_THREADS: "1",
  LP_NUM_THREADS: "1",
  DENO_V8_FLAGS: "--liftoff-only",
};

/** A temporary folder that pip, which splits its variables at spaces, and shells take as it is. */
const temporary = Deno.env.get("TMPDIR") ?? "";
const PLAIN = /^[\w./-]*$/;

/** Runs an item; the paths of its files are relative to `root`. The files of a group that dies run again, each alone. */
export async function runItem(item: Item, root: string): Promise<Ran> {
  const begin = performance.now();
  const folder = await Deno.makeTempDir();
  try {
    const { success, end, output, xml } = await runFiles(item, root, folder);
    const tail = success ? "" : `\n${item.name} ended with ${end}\n`;
    const ran = (files: readonly FileReport[], more = ""): Ran => {
      const isCounted = success || files.some(({ failed }) => failed > 0); // else it died behind its last test
      const seconds = (performance.now() - begin) / 1000;
      const all = isCounted ? files : [...files, notRun(item.name)];
      return { item: item.name, succeeded: success, output: output + tail + more, files: all, seconds };
    };
    if (item.grouped && !success && xml === "") {
      const alone = await runItem({ ...item, grouped: false }, root);
      return ran(alone.files, alone.output);
    }
    const lost = success || item.grouped ? [] : filesNotRun(item.files, output, xml !== "");
    return ran([...readReport(xml), ...lost.map(notRun)]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs `deno test` once, with its report and the module of a group in `folder`. The report of a process that crashed is empty. */
async function runFiles({ files, grouped }: Item, root: string, folder: string) {
  const report = join(folder, "report.xml");
  const group = join(folder, "group_test.ts");
  if (grouped) await Deno.writeTextFile(group, groupModule(files, root));
  const config = `--config=${join(root, "deno.json")}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: words`test -A --no-check --junit-path=${report} ${grouped ? [config, group] : files}`,
    cwd: root,
    env: PLAIN.test(temporary) ? ENVIRONMENT : { ...ENVIRONMENT, TMPDIR: "/tmp" },
    stdin: "null", // a command that asks for a confirmation finds no terminal
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  running.add(child);
  const { success, code, signal, stdout, stderr } = await child.output().finally(() => running.delete(child));
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  const xml = await Deno.readTextFile(report).catch(() => "");
  return { success, end: signal ?? `exit code ${code}`, output, xml };
}

/**
 * Runs all items, `atOnce` at a time, in their order, except that the first worker begins with those that mostly wait; calls `onRan` as
 * each ends, and `onSilence` with the items that are running after each minute in which none ended.
 */
export async function runItems(
  items: readonly Item[],
  root: string,
  { atOnce, onRan, onSilence, silence = 60_000 }: {
    readonly atOnce: number;
    readonly onRan: (ran: Ran) => void;
    readonly onSilence: (items: readonly string[]) => void;
    readonly silence?: number;
  },
): Promise<Ran[]> {
  const [waiting, others] = [true, false].map((is) => items.filter(({ waits }) => waits === is));
  const next = (isFirst: boolean) =>
    isFirst ? waiting.shift() ?? others.shift() : others.shift() ?? waiting.shift();
  const [done, now]: [Ran[], Set<string>] = [[], new Set()];
  let timer: ReturnType<typeof setInterval> | undefined;
  const listen = () => {
    clearInterval(timer);
    timer = setInterval(() => onSilence([...now]), silence);
  };
  const worker = async (isFirst: boolean) => {
    for (let item; (item = next(isFirst));) {
      now.add(item.name);
      const ran = await runItem(item, root);
      now.delete(item.name);
      done.push(ran);
      onRan(ran);
      listen();
    }
  };
  listen();
  try {
    await Promise.all(Array.from({ length: atOnce }, (_, i) => worker(i === 0)));
  } finally {
    clearInterval(timer);
  }
  return done;
}
