/** Weights that stay at hand: who goes when there is no room, who is in use, what fails. */
import assert from "node:assert/strict";
import { openResidents, type Place, type Resident } from "core/engine/mod.ts";

const layerAt = (layer: number): Place => ({ key: `${layer}`, layer, isRepeated: false });
const expertAt = (layer: number, e: number): Place => ({ key: `${layer}.${e}`, layer, isRepeated: true });

/** Weights that are counted in a room: how often each is made and freed; in the end, all are freed once. */
function counted(room: number) {
  const [made, freed]: [string[], string[]] = [[], []];
  const residents = openResidents(null, room);
  const make = (key: string, bytes = 1): Resident => {
    made.push(key);
    return { bytes, free: () => freed.push(key) };
  };
  async function use(place: Place, bytes?: number): Promise<void> {
    const { giveBack } = await residents.borrow(place, () => make(place.key, bytes));
    giveBack();
  }
  function close(): void {
    residents.close();
    assert.deepEqual(freed.toSorted(), made.toSorted());
    assert.equal(residents.left, room);
  }
  return { made, freed, residents, make, use, [Symbol.dispose]: close };
}

Deno.test("passes over more layers than fit find as many at hand as fit, in every pass but the first", async () => {
  for (const [room, layers] of [[0, 5], [1, 5], [3, 5], [4, 5], [5, 5], [9, 5]]) {
    using weights = counted(room);
    for (let pass = 0; pass < 4; pass++) {
      const before = weights.made.length;
      for (let l = 0; l < layers; l++) await weights.use(layerAt(l));
      const hits = layers - (weights.made.length - before);
      assert.equal(hits, pass === 0 ? 0 : Math.min(room, layers), `room ${room}, pass ${pass}`);
    }
  }
});

Deno.test("with room for the experts of k of n layers, (k − 1)/(n − 1) are at hand, and a layer's batches share them", async () => {
  const [layers, experts, batches, kept, passes] = [4, 2, 3, 2, 12];
  using weights = counted(kept * experts);
  for (let pass = 0; pass < 1 + passes; pass++) {
    for (let l = 0; l < layers; l++) {
      for (let batch = 0; batch < batches; batch++) {
        for (let e = 0; e < experts; e++) await weights.use(expertAt(l, e));
      }
    }
  }
  // The best that is possible (Belady); least recently used would find none.
  const found = (1 + passes) * layers * experts - weights.made.length;
  assert.equal(found, passes * layers * experts * (kept - 1) / (layers - 1));
});

Deno.test("within a layer, the expert used longest ago goes first", async () => {
  using weights = counted(2);
  for (const e of [0, 1, 0, 2]) await weights.use(expertAt(0, e));
  assert.deepEqual(weights.freed, ["0.1"]);
  await weights.use(expertAt(0, 0));
  assert.deepEqual(weights.made, ["0.0", "0.1", "0.2"]);
});

Deno.test("weights in use are neither evicted nor freed, and what has no room is freed when it is given back", async () => {
  using weights = counted(1);
  const first = await weights.residents.borrow(expertAt(0, 0), () => weights.make("first"));
  const second = await weights.residents.borrow(expertAt(0, 1), () => weights.make("second"));
  assert.deepEqual(weights.freed, []);
  second.giveBack();
  second.giveBack(); // does nothing
  assert.deepEqual(weights.freed, ["second"]);
  const again = await weights.residents.borrow(expertAt(0, 0), () => weights.make("again"));
  assert.equal(again.resident, first.resident);
  first.giveBack();
  weights.residents.close();
  assert.deepEqual(weights.freed, ["second"], "one user is left");
  again.giveBack();
  assert.deepEqual(weights.freed, ["second", "first"]);
  await weights.use(expertAt(0, 0));
  assert.deepEqual(weights.freed, ["second", "first", "0.0"], "a closed one keeps nothing");
});

Deno.test("weights larger than the room evict nothing, and two who make the same keep one", async () => {
  using weights = counted(2);
  await weights.use(expertAt(0, 0), 2);
  await weights.use(expertAt(0, 1), 3);
  assert.deepEqual(weights.freed, ["0.1"]);
  weights.residents.clear();
  const both = await Promise.all(
    ["a", "b"].map((name) =>
      weights.residents.borrow(expertAt(1, 0), async () => {
        await Promise.resolve();
        return weights.make(name);
      })
    ),
  );
  for (const { giveBack } of both) giveBack();
  assert.deepEqual(weights.freed, ["0.1", "0.0", "b"]);
  assert.equal(weights.residents.left, 1);
  weights.residents.close();
  assert.equal(weights.residents.left, 2);
});

Deno.test("an error while weights are made is the borrower's, and nothing is kept", async () => {
  using weights = counted(2);
  const broken = () => Promise.reject(new RangeError("broken"));
  await assert.rejects(weights.residents.borrow(layerAt(0), broken), { message: "broken" });
  await weights.use(layerAt(0));
  assert.deepEqual([weights.made, weights.residents.left], [["0"], 1]);
});

Deno.test("a claim takes room from weights that are not in use, and gives it back once", async () => {
  using weights = counted(3);
  for (const l of [0, 1, 2]) await weights.use(layerAt(l));
  const giveBack = weights.residents.claim(2);
  assert.deepEqual(weights.freed, ["2", "1"]);
  await weights.use(layerAt(1));
  assert.deepEqual(weights.freed, ["2", "1", "1"]);
  giveBack();
  giveBack();
  assert.equal(weights.residents.left, 2);
});
