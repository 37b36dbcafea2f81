/**
 * A relay between Jupyter and a kernel. It takes the place of two of the kernel's five sockets: `shell`, which carries
 * requests and their answers, and `iopub`, which carries outputs to all front ends. The other three are the kernel's own.
 *
 * Every connection for requests has its own to the kernel. Requests wait for each other (queue.ts), those for help on a name of
 * Lamina are answered here (inspect.ts), and a cell is answered once its outputs have passed (outputs.ts).
 */
import { setTimeout } from "node:timers/promises";
import { replierTo, type Reply } from "./inspect.ts";
import { type JupyterMessage, Signed } from "./message.ts";
import { Outputs, type RunSilently } from "./outputs.ts";
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
  readonly #outputs: Outputs;
  #run: RunSilently = () => Promise.reject(new Error("Cannot run code: the kernel is not open"));
  /** Cells that the kernel has run. */
  #count = 0;

  /** Takes the ports that Jupyter chose. */
  constructor({ ip, shell_port, iopub_port, key }: Connection) {
    this.#shell = Deno.listen({ hostname: ip, port: shell_port });
    this.#iopub = Deno.listen({ hostname: ip, port: iopub_port });
    this.#signed = new Signed(key);
    this.#outputs = new Outputs(this.#signed);
  }

  /** Runs `code` in the kernel before any cell, then lets Jupyter in. Throws if the code fails. */
  async open({ ip, shell_port, iopub_port }: Connection, code: string): Promise<void> {
    this.#run = await this.#openShell(ip, shell_port);
    const { status, evalue } = await this.#run(code);
    if (status !== "ok") throw new Error(`Cannot start the kernel: ${evalue}`);
    await this.#outputs.open(ip, iopub_port, this.#run);
    serve(this.#shell, async (outer) => this.#linkShell(outer, await reach(ip, shell_port)));
    serve(this.#iopub, (outer) => this.#outputs.serve(outer));
  }

  /** Drops the cells that wait. */
  stop(): void {
    this.#queue.drop("the stop button was pressed");
  }

  /** Requests of the relay's own, which are answered in their order. */
  async #openShell(ip: string, port: number): Promise<RunSilently> {
    const kernel = await reach(ip, port);
    const send = sender(kernel);
    await send(introduction("DEALER"));
    const waiting: ((content: JupyterMessage["content"]) => void)[] = [];
    const answers = async () => {
      for await (const { frames } of messagesOf(kernel.readable, () => {})) {
        waiting.shift()?.(this.#signed.read(frames)?.content ?? {});
      }
    };
    void answers().catch(() => {}); // the kernel has ended
    const options = { silent: true, store_history: false, allow_stdin: false };
    return (code) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        void send(encode(this.#signed.write("execute_request", { code, ...options })));
      });
  }

  /** One front end's requests, and the answers to them. */
  async #linkShell(outer: Deno.Conn, inner: Deno.Conn): Promise<void> {
    const [toOuter, toInner] = [sender(outer), sender(inner)];
    const requests = async () => {
      for await (const { frames, bytes } of messagesOf(outer.readable, toInner)) {
        const message = this.#signed.read(frames);
        if (!message) continue;
        const pass = () => this.#queue.add(this.#requestOf(message, toOuter, () => void toInner(bytes)));
        const reply = replierTo(message)?.();
        if (!reply) pass();
        else void this.#help(message, reply, toOuter).then((answered) => answered || pass());
      }
    };
    const answers = async () => {
      for await (const { frames, bytes } of messagesOf(inner.readable, toOuter)) {
        const message = this.#signed.read(frames);
        const id = message?.parent.msg_id ?? "";
        const failed = message?.content.status === "error";
        const isCell = message?.header.msg_type === "execute_reply";
        if (isCell) await this.#outputs.through(this.#run);
        if (failed && this.#queue.stopsOthers(id)) await setTimeout(ON_THE_WAY);
        void toOuter(bytes);
        if (!isCell) continue;
        this.#outputs.end(failed);
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
    const isCell = header.msg_type === "execute_request";
    return {
      id: header.msg_id,
      isCell,
      stopsOthers: stop_on_error === true && silent !== true,
      send: () => {
        if (isCell) this.#outputs.begin(header, silent === true ? "" : String(content.code));
        send();
      },
      refuse: (reason) => {
        this.#outputs.publish("status", { execution_state: "busy" }, header);
        if (silent !== true) {
          this.#outputs.publish("stream", { name: "stdout", text: `Not run: ${reason}.\n` }, header);
        }
        answer(encode(this.#signed.write("execute_reply", { status: "aborted" }, header)));
        this.#outputs.publish("status", { execution_state: "idle" }, header);
      },
    };
  }

  /** Answers a request in the kernel's place, if there is a reply. */
  async #help({ header }: JupyterMessage, replying: Promise<Reply | null>, answer: Send): Promise<boolean> {
    const reply = await replying;
    if (!reply) return false;
    this.#outputs.publish("status", { execution_state: "busy" }, header);
    if (reply.shown) this.#outputs.publish("display_data", reply.shown, header);
    const content = reply.shown ? { ...reply.content, execution_count: this.#count } : reply.content;
    answer(encode(this.#signed.write(header.msg_type.replace("request", "reply"), content, header)));
    this.#outputs.publish("status", { execution_state: "idle" }, header);
    return true;
  }
}

/** Links everybody who comes. */
async function serve(listener: Deno.Listener, link: (outer: Deno.Conn) => Promise<void>): Promise<void> {
  for await (const outer of listener) link(outer).catch(() => close(outer)); // the kernel has ended
}
