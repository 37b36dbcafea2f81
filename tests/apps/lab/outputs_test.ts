/** The kernel of notebooks: help, the order of requests, ZeroMQ's protocol however the network cuts it, and outputs that come too late. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Header, Signed } from "../../../src/apps/lab/message.ts";
import { Outputs } from "../../../src/apps/lab/outputs.ts";
import { close, reach, sender } from "../../../src/apps/lab/sockets.ts";
import { encode, introduction, messagesOf } from "../../../src/apps/lab/zmtp.ts";
import { description, nameAsked, nameAt, optionAt, replierTo } from "../../../src/apps/lab/inspect.ts";
import { Queue, type Request } from "../../../src/apps/lab/queue.ts";

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

/** A relay's outputs, a kernel behind it and a front end before it; `run` sends a request in the relay's name, behind what is `late`. */
async function withOutputs(
  use: (relay: {
    readonly outputs: Outputs;
    readonly kernel: ReturnType<typeof kernelSocket>;
    readonly frontEnd: Awaited<ReturnType<typeof subscribe>>;
    readonly own: Partial<Header>;
    run(code: string, late?: readonly Sent[]): Promise<{ status: string }>;
  }) => Promise<void>,
): Promise<void> {
  const signed = new Signed(KEY); // the relay's
  const own: Partial<Header> = { msg_id: "mark", session: signed.session };
  await using kernel = kernelSocket(new Signed(KEY));
  const outputs = new Outputs(signed);
  const run = async (code: string, late: readonly Sent[] = []) => {
    const content = JSON.parse(code.match(/"display_data", (.*)\)$/)![1]);
    await kernel.put(status("busy", own), ["execute_input", { code }, own], ...late);
    await kernel.put(["display_data", content, own], status("idle", own));
    return { status: "ok" };
  };
  await outputs.open(ip, kernel.port, run);
  await using frontEnd = await subscribe(outputs, signed);
  await use({ outputs, kernel, frontEnd, own, run });
}

Deno.test("a cell's idle waits for its outputs, also for those sent in the name of the request behind it", () =>
  withOutputs(async ({ outputs, kernel, frontEnd, own, run }) => {
    outputs.begin(cell);
    await kernel.put(status("busy", cell), print("first", cell), status("idle", cell));
    const late = [print("late", own), ["execute_result", { data: { "text/plain": "5" } }, own] as const];
    await outputs.through((code) => run(code, late));
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
  }));

Deno.test("a promise as a cell's value says to await it, early or late; other values stay as they are", () =>
  withOutputs(async ({ outputs, kernel, frontEnd, own }) => {
    outputs.begin(cell);
    const value = (
      text: string,
      parent: Partial<Header>,
    ): Sent => ["execute_result", { data: { "text/plain": text }, execution_count: 2 }, parent];
    const pending = "Promise { <pending> }";
    await kernel.put(value(pending, cell), value(pending, own), value("Promise { 3 }", cell));
    const hinted = value(
      `${pending}\nThe call still runs: write \`await\` before it to get its result.`,
      cell,
    );
    assert.deepEqual(await frontEnd.take(3), [hinted, hinted, value("Promise { 3 }", cell)]);
  }));

/** Cells, and what is said of their last value if the kernel shows none. */
const cells: readonly [code: string, failed: boolean, said: string | null][] = [
  ["s.curves[0].points[1].cost", false, "s.curves[0].points[1].cost is undefined"],
  ["const s = await sweep();\n\ns?.cost;\n", false, "s?.cost is undefined"],
  ["s.cost", true, null],
  ["const cost =\n  s.cost", false, null],
  ["await show(s.cost)", false, null],
  ["// s.cost", false, null],
  ["s.cost = 1", false, null],
  ["s", false, null],
];
Deno.test("a cell that reads what is undefined says so, and no other cell does", () =>
  withOutputs(async ({ outputs, kernel, frontEnd, run }) => {
    for (const [code, failed, said] of cells) {
      outputs.begin(cell, code);
      await outputs.through(run);
      outputs.end(failed);
      outputs.begin(cell, code);
      const value: Sent = ["execute_result", { data: { "text/plain": "5" } }, cell];
      await kernel.put(value);
      await outputs.through(run);
      outputs.end(failed);
      outputs.publish("stream", { name: "stdout", text: code }, cell);
      const data = { "text/plain": said };
      const display: Sent[] = said ? [["display_data", { data, metadata: {}, transient: {} }, cell]] : [];
      assert.deepEqual(await frontEnd.take(display.length + 2), [...display, value, print(code, cell)]);
    }
  }));

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

Deno.test("a cell asks for help by a question mark alone", () => {
  const asked = ["profile?", "?profile", " makePlan ?\n", "$a?;", "lamina.fit?", "?figures.fitFigure"];
  assert.deepEqual(asked.map(nameAsked), ["profile", "profile", "makePlan", "$a", "fit", "fitFigure"]);
  for (const code of ["", "?", "a ? b : c", "a?.b", "f(x)?", "profile", "await profile(m)?"]) {
    assert.equal(nameAsked(code), null, code);
  }
});

Deno.test("the name at the cursor is the one it touches, else the function of the call around it", () => {
  const code = "await profile(model, { text: f(1) })";
  assert.equal(nameAt(code, 8), "profile");
  assert.equal(nameAt(code, 13), "profile");
  assert.equal(nameAt(code, 16), "model");
  assert.equal(nameAt(code, code.indexOf("{") + 1), "profile");
  assert.equal(nameAt("sweep()", 6), "sweep");
  assert.equal(nameAt("'🙂🙂'; rank(a)", 8), "rank", "characters are counted, not UTF-16 units");
  for (const [empty, at] of [["", 0], ["1 + ", 4], ["( )", 2], ["f() ", 4]] as const) {
    assert.equal(nameAt(empty, at), null, empty);
  }
});

Deno.test("a public function is described, and no other name", async () => {
  assert.match(await description("makePlan") ?? "", /^function makePlan\(from: Profile \| DropOrder/);
  assert.equal(await description("console"), null);
});

Deno.test("options are completed where a function's options are named, and nowhere else", () => {
  const named = {
    "profile(model, {": ["profile", ""],
    "await lamina.profile(model, { le": ["profile", "le"],
    "const a = { b }; sweep(model, { curves: [{ target: 'mlp' }], ste": ["sweep", "ste"],
    "order(\n  model,\n  {\n    ...setting,\n    ": ["order", ""],
    "makePlan({ tar": ["makePlan", "tar"],
  };
  for (const [code, [name, begun]] of Object.entries(named)) {
    assert.deepEqual(optionAt(code, code.length), { name, begun }, code);
  }
  const elsewhere = ["", "profile(mod", "{ a", "profile(model, { samples: 2", "profile(model, { drop: { at"];
  elsewhere.push("observe(model, (seen) => { con", "sweep(model, { steps: [1, ", "if (a) { b");
  for (const code of [...elsewhere, "observe(model, ({ lay"]) {
    assert.equal(optionAt(code, code.length), null, code);
  }
});

Deno.test("a completion names the function's options, also those that it takes over, and none of the kernel's", async () => {
  const code = "await generate(model, [{}], '🙂', { t";
  const ask = async (code: string) => {
    const content = { code, cursor_pos: [...code].length };
    return await replierTo({ header: { ...cell, msg_type: "complete_request" }, parent: {}, content })?.();
  };
  assert.deepEqual(await ask(code), {
    content: { status: "ok", matches: ["tokens"], cursor_start: 35, cursor_end: 36, metadata: {} },
  });
  const all = async (name: string) =>
    (await ask(`${name}(model, {`) as { content: { matches: string[] } }).content.matches;
  const profiled = await all("profile");
  for (const name of ["drop", "text", "samples", "results", "engine", "signal"]) {
    assert.ok(profiled.includes(name), name);
  }
  const observed = await all("observe");
  assert.deepEqual(["values", "samples", "results"].map((name) => observed.includes(name)), [
    true,
    true,
    false,
  ]);
  assert.ok((await all("causes")).includes("effectSamples"), "a type made of others");
  assert.equal(await ask("console.log({ "), null, "for the kernel to complete");
  assert.equal(await ask("profile"), undefined);
});

/** A queue, and what has become of its requests so far. */
function newQueue() {
  const queue = new Queue();
  const log: string[] = [];
  const add = (id: string, more: Partial<Request> = {}) =>
    queue.add({
      id,
      isCell: true,
      stopsOthers: true,
      send: () => void log.push(id),
      refuse: (reason) => void log.push(`${id}: ${reason}`),
      ...more,
    });
  return { queue, log, add };
}
const FAILED = "a cell before it failed";

Deno.test("a cell waits for the answer to the one before it, everything else for its turn", () => {
  const { queue, log, add } = newQueue();
  add("info", { isCell: false });
  add("a");
  add("complete", { isCell: false });
  add("b");
  assert.deepEqual(log, ["info", "a"]);
  queue.answered("info", true);
  queue.answered("complete", true);
  queue.answered("b", true);
  assert.deepEqual(log, ["info", "a"], "answers to other requests end nothing");
  queue.answered("a", false);
  assert.deepEqual(log, ["info", "a", "complete", "b"]);
});

Deno.test("a failure drops the cells that wait, and nothing else", () => {
  const { queue, log, add } = newQueue();
  ["a", "b"].forEach((id) => add(id));
  add("info", { isCell: false });
  add("c");
  assert.equal(queue.stopsOthers("a"), true);
  assert.equal(queue.stopsOthers("b"), false, "it does not run");
  queue.answered("a", true);
  add("d");
  assert.deepEqual(log, ["a", `b: ${FAILED}`, `c: ${FAILED}`, "info", "d"]);
});

Deno.test("a cell that may fail drops nothing", () => {
  const { queue, log, add } = newQueue();
  add("a", { stopsOthers: false });
  add("b");
  assert.equal(queue.stopsOthers("a"), false);
  queue.answered("a", true);
  assert.deepEqual(log, ["a", "b"]);
});

Deno.test("a stop drops the cells that wait, and lets the one that runs end in its own way", () => {
  const { queue, log, add } = newQueue();
  queue.drop("stopped");
  ["a", "b"].forEach((id) => add(id));
  queue.drop("stopped");
  add("c");
  assert.deepEqual(log, ["a", "b: stopped"]);
  queue.answered("a", false);
  assert.deepEqual(log, ["a", "b: stopped", "c"]);
});

const bytesOf = (hex: string) => new Uint8Array(hex.split(" ").map((byte) => parseInt(byte, 16)));

/** What arrives of bytes that come in chunks which end at `cuts`. */
async function read(bytes: Uint8Array, cuts: readonly number[]) {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const chunks = ends.map((end, i) => bytes.slice(i === 0 ? 0 : ends[i - 1], end));
  const passed: number[] = [];
  const messages: number[][][] = [];
  const whole: number[] = [];
  for await (const message of messagesOf(ReadableStream.from(chunks), (part) => void passed.push(...part))) {
    messages.push(message.frames.map((frame) => [...frame]));
    whole.push(...message.bytes);
  }
  return { passed, messages, whole };
}

Deno.test("frames are those of the specification: short, long, with more to come", () => {
  assert.deepEqual(encode([bytesOf("61"), new Uint8Array()]), bytesOf("01 01 61 00 00"));
  const long = encode([new Uint8Array(256)]);
  assert.deepEqual(long.slice(0, 9), bytesOf("02 00 00 00 00 00 00 01 00"));
  assert.equal(long.length, 265);
  assert.equal(encode([new Uint8Array(255)]).length, 257);
});

Deno.test("a socket introduces itself as the specification has it", () => {
  const said = introduction("DEALER");
  assert.deepEqual(said.slice(0, 16), bytesOf("ff 00 00 00 00 00 00 00 01 7f 03 00 4e 55 4c 4c"));
  assert.deepEqual(said.slice(16, 64), new Uint8Array(48));
  assert.deepEqual(said.slice(64, 72), bytesOf("04 1c 05 52 45 41 44 59")); // a command of 28 bytes, READY
  assert.deepEqual(new TextDecoder().decode(said.slice(72)), "\x0bSocket-Type\0\0\0\x06DEALER");
});

Deno.test("messages arrive whole and unchanged wherever they are cut; greeting and commands pass by", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(
          fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 250, maxLength: 70_000 })),
          { minLength: 1, maxLength: 4 },
        ),
        { maxLength: 4 },
      ),
      fc.array(fc.nat(), { maxLength: 30 }),
      async (messages, cuts) => {
        const hello = introduction("DEALER");
        const sent = messages.map((frames) => encode(frames));
        const { passed, messages: read_, whole } = await read(
          new Uint8Array([...hello, ...sent.flatMap((part) => [...part])]),
          cuts,
        );
        assert.deepEqual(passed, [...hello]);
        assert.deepEqual(read_, messages.map((frames) => frames.map((frame) => [...frame])));
        assert.deepEqual(whole, sent.flatMap((part) => [...part]));
      },
    ),
    { numRuns: 50 },
  ));

Deno.test("the greeting passes in the pieces that it comes in, and half a message does not", async () => {
  const pieces: number[] = [];
  const sent = new Uint8Array([...introduction("DEALER"), ...encode([new Uint8Array(9)]).slice(0, -1)]);
  const chunks = [sent.slice(0, 10), sent.slice(10, 11), sent.slice(11)];
  for await (const _ of messagesOf(ReadableStream.from(chunks), ({ length }) => void pieces.push(length))) {
    assert.fail();
  }
  assert.deepEqual(pieces, [10, 1, 53, 30]);
});
