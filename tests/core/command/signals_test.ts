/** How commands end early: by a signal, by a second one however busy they are, by a reader that goes away. */
import assert from "node:assert/strict";
import { withTiny } from "../study/tiny.ts";
import { onLinux, onUnix, type Ran, ran } from "../../tools.ts";
import { CLI, root } from "./cli.ts";

const signals = new URL("src/core/command/signals.ts", root).href;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** More than the time within which two signals are one. */
const APART = 500;

/** A script that listens as commands do, says "ready" and then what `rest` does. */
const script = (rest: string) => `
  import { listen } from "${signals}";
  const { signal, ending } = listen();
  setTimeout(() => {}, 60_000); // something to wait for
  const exit = () => { const { code, message } = ending(); console.error(message); Deno.exit(code); };
  await new Promise((resolve) => setTimeout(resolve, 500)); // until the watchdog listens as well
  console.log("ready");
  ${rest}`;
const obedient = script('signal.addEventListener("abort", () => setTimeout(exit, 1000));');
const stubborn = script("");
const busy = script("for (const end = Date.now() + 60_000; Date.now() < end;);");

interface Started {
  readonly child: Deno.ChildProcess;
  /** What it writes, from after its first words on. */
  readonly out: ReadableStreamDefaultReader<Uint8Array>;
}

/** Starts a program and waits for its first words. */
async function start(program: string, args: string[], stdin?: string): Promise<Started> {
  const where = { cwd: root, env: { NO_COLOR: "1", LANG: "C.UTF-8" } };
  const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program, { args, ...where, ...piped }).spawn();
  const writer = child.stdin.getWriter();
  if (stdin) await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const out = child.stdout.getReader();
  assert.ok((await out.read()).value, "nothing was written");
  return { child, out };
}

async function ended({ child, out }: Started): Promise<Pick<Ran, "code" | "err">> {
  await out.cancel();
  const [{ code }, err] = await Promise.all([child.status, new Response(child.stderr).text()]);
  return { code, err };
}

const deno = ["run", "-A", "--quiet"];
const startScript = (code: string) => start(Deno.execPath(), [...deno, "-"], code);

/** Presses Ctrl-C twice; again where a busy machine delivered both so close that they were one. */
async function pressedTwice(program: string): ReturnType<typeof ended> {
  const started = await startScript(program);
  let isOver = false;
  started.child.status.then(() => isOver = true);
  started.child.kill("SIGINT");
  for (let presses = 1; presses < 5 && !isOver; presses++) {
    await wait(APART);
    try {
      started.child.kill("SIGINT");
    } catch {
      break; // it has ended
    }
    await wait(50);
  }
  return await ended(started);
}

/** Sends two signals with a pause between them. */
async function signalled(started: Started, names: [Deno.Signal, Deno.Signal], pause: number) {
  started.child.kill(names[0]);
  await wait(pause);
  started.child.kill(names[1]);
  return await ended(started);
}

/** A signal as `deno task` passes it on, twice; again where a busy machine delivered the second so late that it was a press of its own. */
async function stoppedBy(name: Deno.Signal, tries = 5): ReturnType<typeof ended> {
  const found = await signalled(await startScript(obedient), [name, name], 50);
  return found.err === "" && tries > 1 ? await stoppedBy(name, tries - 1) : found;
}

async function stoppedUnderNohup(): ReturnType<typeof ended> {
  const command = `trap '' HUP; exec '${Deno.execPath()}' ${deno.join(" ")} -`;
  return await signalled(await start("sh", ["-c", command], obedient), ["SIGHUP", "SIGTERM"], APART);
}

const STOPPED = "Stopped; what is kept is not computed again\n";
const CODES = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const;
let ends: Promise<Awaited<ReturnType<typeof ended>>[]> | undefined;

/** Programs that mostly wait, side by side: ended by each signal, by a second Ctrl-C, under nohup. */
const waited = () =>
  ends ??= Promise.all([
    ...CODES.map(([name]) => stoppedBy(name)),
    pressedTwice(stubborn),
    stoppedUnderNohup(),
  ]);

for (const [i, [name, code]] of CODES.entries()) {
  onUnix(`${name} lets a command stop where it can, and gives exit code ${code}`, async () => {
    assert.deepEqual((await waited())[i], { code, err: STOPPED });
  });
}

onUnix("a second Ctrl-C ends a command that does not stop", async () => {
  assert.deepEqual((await waited())[CODES.length], { code: 130, err: "" });
});

onUnix("a second Ctrl-C ends a command whose thread is busy and hears nothing", async () => {
  assert.deepEqual(await pressedTwice(busy), { code: 137, err: "" });
});

onLinux("a terminal that closes does not end what nohup started", async () => {
  assert.equal((await waited()).at(-1)!.code, 143);
});

onUnix("a command says what ended it, without a stack trace", () =>
  withTiny(async ({ folder }) => {
    const generate = [...CLI, "generate", folder, "--prompt", "fox", "--tokens", "100000", "--quiet"];
    const stopped = await start(Deno.execPath(), generate);
    stopped.child.kill("SIGTERM");
    while (!(await stopped.out.read()).done);
    assert.deepEqual(await ended(stopped), { code: 143, err: `lamina: ${STOPPED}` });

    const unread = await start(Deno.execPath(), generate);
    assert.deepEqual(await ended(unread), { code: 141, err: "" }); // as after `| head -1`
  }));

for (const closed of [">&-", "2>&-"]) {
  onUnix(`a command runs where ${closed} leaves it without a stream`, async () => {
    const command = `'${Deno.execPath()}' ${CLI.join(" ")} models ${closed}`;
    const { code, err } = await ran("sh", ["-c", command], { cwd: root });
    assert.deepEqual([code, err], [0, ""]);
  });
}
