/**
 * A kernel's outputs for all front ends: one subscription to the kernel's socket `iopub`, and a socket in its place that they subscribe to.
 *
 * Deno's kernel keeps the outputs of cells in one queue: what they print, display and evaluate to, in its order. It answers a request
 * and says that it is idle while outputs are still in the queue, and sends these in the name of the request that it then runs. So a
 * silent request after each cell puts a mark at the end of the queue: every output before the mark belongs to the cell, whose
 * answer and whose `idle` wait for it.
 */
import { setTimeout } from "node:timers/promises";
import type { Header, JupyterMessage, Signed } from "./message.ts";
import { close, reach, type Send, sender } from "./sockets.ts";
import { encode, introduction, type Message, messagesOf } from "./zmtp.ts";

/** Runs code in the kernel without a trace, and gives the content of its answer. */
export type RunSilently = (code: string) => Promise<JupyterMessage["content"]>;

/** A cell's value where a call was not awaited, and what Deno's kernel does not say to it. */
const PENDING = "Promise { <pending> }";
const AWAIT = "The call still runs: write `await` before it to get its result.";
/** A last statement that reads a property, and the end of the line before it: Deno's kernel shows nothing where it is undefined. */
const READ = /(?:^|[;}]\s*\n|\n\s*\n)\s*([\w$]+(?:\??\.[\w$]+|(?:\?\.)?\[[^\]=()\n]+\])+);?\s*$/;
const MARK = "application/x-lamina-mark";
const SUBSCRIPTION = encode([new Uint8Array([1])]); // to everything
const RETRY = 100; // ms until the first mark is sent again: the kernel may not have had the subscription

export class Outputs {
  readonly #signed: Signed;
  readonly #frontEnds = new Set<Send>();
  /** The cell that runs, or ran last. */
  #cell: Header | null = null;
  /** What its last statement reads, until there is a value. */
  #read: string | null = null;
  /** Its `idle`, while outputs are in the queue. */
  #idle: Uint8Array<ArrayBuffer> | null = null;
  #marks = 0;
  #reached: () => void = () => {};

  constructor(signed: Signed) {
    this.#signed = signed;
  }

  /** Subscribes to the kernel; from then on no output is lost. */
  async open(ip: string, port: number, run: RunSilently): Promise<void> {
    const kernel = await reach(ip, port);
    const send = sender(kernel);
    await send(introduction("SUB"));
    await send(SUBSCRIPTION);
    void this.#follow(kernel).catch(() => {}); // the kernel has ended
    while (await Promise.race([this.through(run), setTimeout(RETRY, "missing")]) === "missing");
  }

  async serve(frontEnd: Deno.Conn): Promise<void> {
    const send = sender(frontEnd);
    void send(introduction("PUB"));
    try {
      for await (
        const _ of messagesOf(frontEnd.readable, (_, isCommand) => isCommand && this.#frontEnds.add(send))
      );
    } catch {
      // it has left
    } finally {
      this.#frontEnds.delete(send);
      close(frontEnd);
    }
  }

  begin(cell: Header, code = ""): void {
    this.#cell = cell;
    this.#read = READ.exec(code)?.[1] ?? null;
  }

  /** Waits until everything that the kernel has put out by now has passed. */
  async through(run: RunSilently): Promise<void> {
    const mark = String(++this.#marks);
    const reached = new Promise<void>((resolve) => this.#reached = resolve);
    const content = JSON.stringify({ data: { [MARK]: mark }, metadata: {}, transient: {} });
    const { status } = await run(`Deno.jupyter.broadcast("display_data", ${content})`);
    if (status === "ok") await reached; // a cell may have broken what the mark needs
  }

  /** The cell's answer has left, its `idle` may follow. */
  end(failed = false): void {
    const data = { "text/plain": `${this.#read} is undefined` };
    if (this.#read && !failed) {
      this.publish("display_data", { data, metadata: {}, transient: {} }, this.#cell!);
    }
    this.#read = null;
    if (this.#idle) this.#pass(this.#idle);
    this.#idle = null;
  }

  publish(type: string, content: object, parent: Header): void {
    this.#pass(encode(this.#signed.write(type, content, parent, type)));
  }

  async #follow(kernel: Deno.Conn): Promise<void> {
    for await (const message of messagesOf(kernel.readable, () => {})) {
      const bytes = this.#readOutput(message);
      if (bytes) this.#pass(bytes);
    }
  }

  /** What front ends get of a message now, if anything. */
  #readOutput({ frames, bytes }: Message): Uint8Array<ArrayBuffer> | null {
    const message = this.#signed.read(frames);
    if (!message) return bytes;
    const { header: { msg_type }, parent, content } = message;
    const isLate = parent.session === this.#signed.session; // a silent request ran last
    const data = content.data as Record<string, unknown> | undefined;
    if (data && !(MARK in data)) this.#read = null;
    if (msg_type === "execute_result" && data?.["text/plain"] === PENDING) {
      const hinted = { ...content, data: { "text/plain": `${PENDING}\n${AWAIT}` } };
      const cell = isLate ? this.#cell ?? {} : parent;
      return encode(this.#signed.write(msg_type, hinted, cell, msg_type));
    }
    if (isLate) {
      if (["status", "execute_input", "error"].includes(msg_type)) return null;
      const mark = data?.[MARK];
      if (mark === undefined) return this.#cell && encode(this.#signed.adopt(frames, this.#cell));
      if (mark === String(this.#marks)) this.#reached();
      return null;
    }
    if (content.execution_state !== "idle" || parent.msg_id !== this.#cell?.msg_id) return bytes;
    this.#idle = bytes;
    return null;
  }

  #pass(bytes: Uint8Array<ArrayBuffer>): void {
    for (const send of this.#frontEnds) void send(bytes);
  }
}
