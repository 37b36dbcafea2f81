/** The collection of bind groups, without a device; that the library makes them where they are counted is in web_test.ts. */
import assert from "node:assert/strict";
import { BIND_GROUPS, collectBindGroups, collector } from "core/engine/web/gpu.ts";

Deno.test("bind groups are made by the device, and collected once for so many", () => {
  const made: unknown[] = [];
  const plain = {
    createBindGroup(descriptor: unknown) {
      assert.equal(this, plain);
      made.push(descriptor);
      return descriptor;
    },
  };
  const device = plain as unknown as GPUDevice;
  let collections = 0;
  collectBindGroups(device, () => collections++);
  const create = device.createBindGroup as (descriptor: unknown) => unknown;
  for (let i = 0; i < 2 * BIND_GROUPS; i++) {
    assert.equal(collections, Math.floor(i / BIND_GROUPS));
    assert.equal(create(i), i);
  }
  assert.equal(collections, 2);
  assert.equal(made.length, 2 * BIND_GROUPS);
});

Deno.test("what nothing leads to any more is collected when it is asked for", async () => {
  const seen = Array.from({ length: 100 }, () => new WeakRef({}));
  await new Promise((resolve) => setTimeout(resolve)); // a WeakRef keeps what it leads to until here
  assert.equal(seen.filter((one) => one.deref()).length, 100);
  await new Promise((resolve) => setTimeout(resolve));
  collector()();
  const left = seen.filter((one) => one.deref()).length;
  assert.ok(left < 10, `${left} of 100 are left`); // what looks like a pointer on the stack may keep one
});
