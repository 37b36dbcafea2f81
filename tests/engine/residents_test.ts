/** Weights that stay at hand: who goes when there is no room, who is in use, what fails. */
import assert from "node:assert/strict";
import { openResidents, type Place, type Resident, type Residents } from "../../src/engine/mod.ts";

/** Weights that are counted: how often each is made and freed. */
function counted() {
  const made: string[] = [];
  const freed: string[] = [];
  return {
    made,
    freed,
    make(key: string, bytes: number): Resident {
      made.push(key);
      return { bytes, free: () => freed.push(key) };
    },
  };
}

type Counted = ReturnType<typeof counted>;

const layerAt = (layer: number): Place => ({ key: `${layer}`, layer, isRepeated: false });
const expertAt = (layer: number, e: number): Place => ({ key: `${layer}.${e}`, layer, isRepeated: true });

async function use(residents: Residents, place: Place, weights: Counted, bytes = 1): Promise<void> {
  const { giveBack } = await residents.borrow(place, () => weights.make(place.key, bytes));
  giveBack();
}

Deno.test("passes over more layers than fit find as many at hand as fit, in every pass but the first", async () => {
  for (const [room, layers] of [[0, 5], [1, 5], [3, 5], [4, 5], [5, 5], [9, 5]]) {
    const weights = counted();
    const residents = openResidents(null, room);
    for (let pass = 0; pass < 4; pass++) {
      const before = weights.made.length;
      for (let l = 0; l < layers; l++) await use(residents, layerAt(l), weights);
      const hits = layers - (weights.made.length - before);
      assert.equal(hits, pass === 0 ? 0 : Math.min(room, layers), `room ${room}, pass ${pass}`);
    }
    residents.close();
    assert.equal(weights.freed.length, weights.made.length);
  }
});

Deno.test("with room for the experts of k of n layers, (k − 1)/(n − 1) are at hand, and a layer's batches share them", async () => {
  const weights = counted();
  const [layers, experts, batches, kept, passes] = [4, 2, 3, 2, 12];
  const residents = openResidents(null, kept * experts);
  for (let pass = 0; pass < 1 + passes; pass++) {
    for (let l = 0; l < layers; l++) {
      for (let batch = 0; batch < batches; batch++) {
        for (let e = 0; e < experts; e++) await use(residents, expertAt(l, e), weights);
      }
    }
  }
  // The best that is possible (Belady); least recently used would find none.
  const found = (1 + passes) * layers * experts - weights.made.length;
  assert.equal(found, passes * layers * experts * (kept - 1) / (layers - 1));
  residents.close();
  assert.equal(weights.freed.length, weights.made.length);
});

Deno.test("within a layer, the expert used longest ago goes first", async () => {
  const weights = counted();
  const residents = openResidents(null, 2);
  for (const e of [0, 1, 0, 2]) await use(residents, expertAt(0, e), weights);
  assert.deepEqual(weights.freed, ["0.1"]);
  await use(residents, expertAt(0, 0), weights);
  assert.deepEqual(weights.made, ["0.0", "0.1", "0.2"]);
  residents.close();
});

Deno.test("weights in use are neither evicted nor freed, and what has no room is freed when it is given back", async () => {
  const weights = counted();
  const residents = openResidents(null, 1);
  const first = await residents.borrow(expertAt(0, 0), () => weights.make("first", 1));
  const second = await residents.borrow(expertAt(0, 1), () => weights.make("second", 1));
  assert.deepEqual(weights.freed, []);
  second.giveBack();
  second.giveBack(); // does nothing
  assert.deepEqual(weights.freed, ["second"]);
  const again = await residents.borrow(expertAt(0, 0), () => weights.make("again", 1));
  assert.equal(again.resident, first.resident);
  first.giveBack();
  residents.close();
  assert.deepEqual(weights.freed, ["second"], "one user is left");
  again.giveBack();
  assert.deepEqual(weights.freed, ["second", "first"]);
  await use(residents, expertAt(0, 0), weights);
  assert.deepEqual(weights.freed, ["second", "first", "0.0"], "a closed one keeps nothing");
});

Deno.test("weights larger than the room evict nothing, and two who make the same keep one", async () => {
  const weights = counted();
  const residents = openResidents(null, 2);
  await use(residents, expertAt(0, 0), weights, 2);
  await use(residents, expertAt(0, 1), weights, 3);
  assert.deepEqual(weights.freed, ["0.1"]);
  residents.clear();
  const both = await Promise.all(["a", "b"].map((name) =>
    residents.borrow(expertAt(1, 0), async () => {
      await Promise.resolve();
      return weights.make(name, 1);
    })
  ));
  for (const { giveBack } of both) giveBack();
  assert.deepEqual(weights.freed, ["0.1", "0.0", "b"]);
  assert.equal(residents.left, 1);
  residents.close();
  assert.equal(residents.left, 2);
});

Deno.test("an error while weights are made is the borrower's, and nothing is kept", async () => {
  const weights = counted();
  const residents = openResidents(null, 2);
  const broken = () => Promise.reject(new RangeError("broken"));
  await assert.rejects(residents.borrow(layerAt(0), broken), { message: "broken" });
  await use(residents, layerAt(0), weights);
  assert.deepEqual([weights.made, residents.left], [["0"], 1]);
  residents.close();
});

Deno.test("a claim takes room from weights that are not in use, and gives it back once", async () => {
  const weights = counted();
  const residents = openResidents(null, 3);
  for (const l of [0, 1, 2]) await use(residents, layerAt(l), weights);
  const giveBack = residents.claim(2);
  assert.deepEqual(weights.freed, ["2", "1"]);
  await use(residents, layerAt(1), weights);
  assert.deepEqual(weights.freed, ["2", "1", "1"]);
  giveBack();
  giveBack();
  assert.equal(residents.left, 2);
  residents.close();
});
