/** Outputs that Deno's kernel sends too late, or in the name of a later request, reach front ends in their place. */
import assert from "node:assert/strict";
import { type Header, Signed } from "../../src/lab/message.ts";
import { Outputs } from "../../src/lab/outputs.ts";
import { close, reach, sender } from "../../src/lab/sockets.ts";
import { encode, introduction, messagesOf } from "../../src/lab/zmtp.ts";

const KEY = "secret";
const ip = "127.0.0.1";
const portOf = ({ addr }: Deno.Listener) => (addr as Deno.NetAddr).port;
const cell: Header = { msg_id: "cell", msg_type: "execute_request", session: "front end" };

/** A kernel's output: its type, its content, the request that it belongs to. */
type Sent = readonly [type: string, content: Record<string, unknown>, parent: Partial<Header>];
const status = (
  execution_state: string,
  parent: Partial<Header>,
): Sent => ["status", { execution_state }, parent];
const print = (text: string, parent: Partial<Header>): Sent => ["stream", { name: "stdout", text }, parent];

/** A kernel's socket `iopub` for one subscriber. */
function kernelSocket(signed: Signed) {
  const listener = Deno.listen({ hostname: ip, port: 0 });
  const connected = listener.accept().then(async (connection) => {
    const send = sender(connection);
    await send(introduction("PUB"));
    return { connection, send };
  });
  return {
    port: portOf(listener),
    async put(...messages: Sent[]) {
      const { send } = await connected;
      for (const message of messages) await send(encode(signed.write(...message)));
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      close((await connected).connection);
    },
  };
}

/** What a front end gets from now on: it is greeted until it has subscribed. */
async function subscribe(outputs: Outputs, signed: Signed) {
  using listener = Deno.listen({ hostname: ip, port: 0 });
  const [connection, frontEnd] = await Promise.all([reach(ip, portOf(listener)), listener.accept()]);
  const served = outputs.serve(frontEnd);
  const send = sender(connection);
  await send(introduction("SUB"));
  await send(encode([new Uint8Array([1])]));
  const timer = setInterval(() => outputs.publish("greeting", {}, cell), 10);
  const messages = messagesOf(connection.readable, () => {});
  await messages.next();
  clearInterval(timer);
  return {
    async take(count: number): Promise<Sent[]> {
      const heard: Sent[] = [];
      while (heard.length < count) {
        const { header, content, parent } = signed.read((await messages.next()).value!.frames)!;
        if (header.msg_type !== "greeting") heard.push([header.msg_type, content, parent]);
      }
      return heard;
    },
    async [Symbol.asyncDispose]() {
      close(connection);
      await served;
    },
  };
}

Deno.test("a cell's idle waits for its outputs, also for those sent in the name of the request behind it", async () => {
  const signed = new Signed(KEY); // the relay's
  const kernelSigned = new Signed(KEY);
  const own: Partial<Header> = { msg_id: "mark", session: signed.session };
  await using kernel = kernelSocket(kernelSigned);
  const outputs = new Outputs(signed);
  let late: Sent[] = [];
  const run = async (code: string) => {
    const content = JSON.parse(code.match(/"display_data", (.*)\)$/)![1]);
    await kernel.put(status("busy", own), ["execute_input", { code }, own], ...late);
    await kernel.put(["display_data", content, own], status("idle", own));
    return { status: "ok" };
  };
  await outputs.open(ip, kernel.port, run);

  await using frontEnd = await subscribe(outputs, signed);
  outputs.begin(cell);
  await kernel.put(status("busy", cell), print("first", cell), status("idle", cell));
  late = [print("late", own), ["execute_result", { data: { "text/plain": "5" } }, own]];
  await outputs.through(run);
  outputs.publish("stream", { name: "stdout", text: "before the answer" }, cell);
  outputs.end();
  await kernel.put(print("of a timer", own)); // after the cell
  assert.deepEqual(await frontEnd.take(7), [
    status("busy", cell),
    print("first", cell),
    print("late", cell),
    ["execute_result", { data: { "text/plain": "5" } }, cell],
    print("before the answer", cell),
    status("idle", cell),
    print("of a timer", cell),
  ]);
});

Deno.test("a kernel that cannot send the mark does not hold a cell", async () => {
  const signed = new Signed(KEY);
  await new Outputs(signed).through(() => Promise.resolve({ status: "error" }));
});

Deno.test("a message keeps everything but its parent and its signature", () => {
  const signed = new Signed(KEY);
  const topic = new TextEncoder().encode("topic");
  const buffer = new Uint8Array([0, 255]);
  const sent = [topic, ...signed.write("stream", { text: "x" }, { msg_id: "other" }), buffer];
  const adopted = signed.adopt(sent, cell);
  assert.deepEqual(signed.read(adopted)!.parent, cell);
  const rest = (frames: Uint8Array[]) => frames.filter((_, i) => i !== 2 && i !== 4); // signature, parent
  assert.deepEqual(rest(adopted), rest(sent));
  assert.equal(new Signed("another").read(adopted), null);
});
