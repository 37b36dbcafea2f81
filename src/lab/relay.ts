/**
 * A relay between Jupyter and a kernel. It takes the place of two of the kernel's five sockets: `shell`, which carries
 * requests and their answers, and `iopub`, which carries outputs to all front ends. The other three are the kernel's own.
 *
 * Every connection from outside has its own to the kernel, and messages pass as they are. Only requests wait (queue.ts), and those
 * for help on a name of Lamina are answered here (inspect.ts).
 */
import { setTimeout } from "node:timers/promises";
import { description, nameAsked, nameAt } from "./inspect.ts";
import { type JupyterMessage, Signed } from "./message.ts";
import { Queue, type Request } from "./queue.ts";
import { close, reach, type Send, sender } from "./sockets.ts";
import { encode, introduction, messagesOf } from "./zmtp.ts";

/** The part of Jupyter's connection file that is used here. */
export interface Connection {
  readonly transport: string;
  readonly ip: string;
  readonly shell_port: number;
  readonly iopub_port: number;
  readonly key: string;
}

/**
 * ms for which the answer of a failed cell is held back. "Run All" sends cell after cell; a cell that arrives before the
 * answer has left was sent by somebody who did not know of the failure.
 */
const ON_THE_WAY = 100;

export class Relay {
  readonly #shell: Deno.Listener;
  readonly #iopub: Deno.Listener;
  readonly #signed: Signed;
  readonly #queue = new Queue();
  readonly #subscribers = new Set<Send>();
  /** Cells that the kernel has run. */
  #count = 0;

  /** Takes the ports that Jupyter chose. */
  constructor({ ip, shell_port, iopub_port, key }: Connection) {
    this.#shell = Deno.listen({ hostname: ip, port: shell_port });
    this.#iopub = Deno.listen({ hostname: ip, port: iopub_port });
    this.#signed = new Signed(key);
  }

  /** Runs `code` in the kernel before any cell, then lets Jupyter in. Throws if the code fails. */
  async open(kernel: Connection, code: string): Promise<void> {
    await this.#runFirst(kernel, code);
    const { ip, shell_port, iopub_port } = kernel;
    serve(this.#shell, ip, shell_port, (outer, inner) => this.#linkShell(outer, inner));
    serve(this.#iopub, ip, iopub_port, (outer, inner) => this.#linkOutputs(outer, inner));
  }

  /** Drops the cells that wait. */
  stop(): void {
    this.#queue.drop("the stop button was pressed");
  }

  async #runFirst({ ip, shell_port }: Connection, code: string): Promise<void> {
    using kernel = await reach(ip, shell_port);
    const send = sender(kernel);
    await send(introduction("DEALER"));
    const options = { silent: true, store_history: false, allow_stdin: false };
    await send(encode(this.#signed.write("execute_request", { code, ...options })));
    for await (const { frames } of messagesOf(kernel.readable, () => {})) {
      const content = this.#signed.read(frames)?.content;
      if (content?.status === "ok") return;
      throw new Error(`Cannot start the kernel: ${content?.evalue}`);
    }
  }

  /** One front end's requests, and the answers to them. */
  async #linkShell(outer: Deno.Conn, inner: Deno.Conn): Promise<void> {
    const [toOuter, toInner] = [sender(outer), sender(inner)];
    const requests = async () => {
      for await (const { frames, bytes } of messagesOf(outer.readable, toInner)) {
        const message = this.#signed.read(frames);
        if (!message) continue;
        const pass = () => this.#queue.add(this.#requestOf(message, toOuter, () => void toInner(bytes)));
        const name = nameIn(message);
        if (name === null) pass();
        else void this.#help(name, message, toOuter).then((answered) => answered || pass());
      }
    };
    const answers = async () => {
      for await (const { frames, bytes } of messagesOf(inner.readable, toOuter)) {
        const message = this.#signed.read(frames);
        const id = message?.parent.msg_id ?? "";
        const failed = message?.content.status === "error";
        if (failed && this.#queue.stopsOthers(id)) await setTimeout(ON_THE_WAY);
        void toOuter(bytes);
        if (message?.header.msg_type !== "execute_reply") continue;
        this.#count = Number(message.content.execution_count ?? this.#count);
        this.#queue.answered(id, failed);
      }
    };
    // The kernel still runs the cells of a front end that has left.
    const leave = { id: "", isCell: false, stopsOthers: false, send: () => close(inner), refuse() {} };
    await Promise.all([
      requests().catch(() => {}).finally(() => this.#queue.add(leave)),
      answers().catch(() => {}).finally(() => close(outer)),
    ]);
  }

  #requestOf({ header, content }: JupyterMessage, answer: Send, send: () => void): Request {
    const { silent = false, stop_on_error = true } = content;
    return {
      id: header.msg_id,
      isCell: header.msg_type === "execute_request",
      stopsOthers: stop_on_error === true && silent !== true,
      send,
      refuse: (reason) => {
        this.#publish("status", { execution_state: "busy" }, header);
        if (silent !== true) {
          this.#publish("stream", { name: "stdout", text: `Not run: ${reason}.\n` }, header);
        }
        answer(encode(this.#signed.write("execute_reply", { status: "aborted" }, header)));
        this.#publish("status", { execution_state: "idle" }, header);
      },
    };
  }

  /** Answers a request for help on a name, which may be the kernel's to answer: then it is false. */
  async #help(name: string, { header }: JupyterMessage, answer: Send): Promise<boolean> {
    const text = await description(name);
    if (text === null) return false;
    const isCell = header.msg_type === "execute_request";
    const data = { "text/plain": text };
    this.#publish("status", { execution_state: "busy" }, header);
    if (isCell) this.#publish("display_data", { data, metadata: {}, transient: {} }, header);
    const reply = isCell
      ? { status: "ok", execution_count: this.#count, payload: [], user_expressions: {} }
      : { status: "ok", found: true, data, metadata: {} };
    answer(encode(this.#signed.write(isCell ? "execute_reply" : "inspect_reply", reply, header)));
    this.#publish("status", { execution_state: "idle" }, header);
    return true;
  }

  #publish(type: string, content: object, parent: JupyterMessage["header"]): void {
    const bytes = encode(this.#signed.write(type, content, parent, type));
    for (const send of this.#subscribers) send(bytes);
  }

  /** The kernel's outputs for one front end. */
  async #linkOutputs(outer: Deno.Conn, inner: Deno.Conn): Promise<void> {
    const send = sender(outer);
    const outputs = async () => {
      const pass = (bytes: Uint8Array<ArrayBuffer>, isCommand: boolean) => {
        send(bytes);
        if (isCommand) this.#subscribers.add(send); // messages may follow the kernel's first command
      };
      // Deno's kernel drops outputs for a subscriber who does not keep up: no waiting for the front end.
      for await (const { bytes } of messagesOf(inner.readable, pass)) void send(bytes);
    };
    await Promise.all([
      outer.readable.pipeTo(inner.writable).catch(() => {}).finally(() => close(inner)),
      outputs().catch(() => {}).finally(() => close(outer)),
    ]);
    this.#subscribers.delete(send);
  }
}

/** The name that a request asks for help on; null for any other request. */
function nameIn({ header, content: { code = "", cursor_pos } }: JupyterMessage): string | null {
  if (header.msg_type === "execute_request") return nameAsked(String(code));
  return header.msg_type === "inspect_request" ? nameAt(String(code), Number(cursor_pos)) : null;
}

/** Connects everybody who comes with the kernel. */
async function serve(
  listener: Deno.Listener,
  ip: string,
  port: number,
  link: (outer: Deno.Conn, inner: Deno.Conn) => Promise<void>,
): Promise<void> {
  for await (const outer of listener) {
    reach(ip, port).then((inner) => link(outer, inner)).catch(() => close(outer)); // the kernel has ended
  }
}
