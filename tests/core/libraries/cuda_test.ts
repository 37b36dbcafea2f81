/** Where CUDA's libraries are looked for. */
import assert from "node:assert/strict";
import { cudaLibraries, openCudaLibrary } from "core/libraries/mod.ts";
import { withFolder } from "../../support.ts";

Deno.test("the folder that LAMINA_CUDA names comes first, in every layout; the bare names come last", () =>
  withFolder(async (folder) => {
    const before = Deno.env.get("LAMINA_CUDA");
    Deno.env.set("LAMINA_CUDA", folder);
    const places = ["", "lib64/", "cu13/lib/", "nvidia-part-1.0/"];
    for (const place of places) {
      await Deno.mkdir(`${folder}/${place}`, { recursive: true });
      await Deno.writeTextFile(`${folder}/${place}libmade-up.so.2`, "");
    }
    await Deno.writeTextFile(`${folder}/libmade-up.so.1`, "");
    try {
      const found = cudaLibraries("libmade-up.so.2", "libmade-up.so.1");
      const [first, second, ...others] = found;
      assert.deepEqual([first, second], [`${folder}/libmade-up.so.2`, `${folder}/libmade-up.so.1`]);
      assert.deepEqual(others.splice(-2), ["libmade-up.so.2", "libmade-up.so.1"]);
      for (const place of places.slice(1)) {
        assert.ok(others.includes(`${folder}/${place}libmade-up.so.2`), place);
      }
      assert.deepEqual(cudaLibraries("libnone.so.1"), ["libnone.so.1"]);
      for (const name of ["libnone.so.1", "libmade-up.so.1"]) {
        assert.throws(
          () => openCudaLibrary(name, {}),
          /^Error: Cannot open lib.*, expected a library that lamina cuda/,
        );
      }
    } finally {
      if (before === undefined) Deno.env.delete("LAMINA_CUDA");
      else Deno.env.set("LAMINA_CUDA", before);
    }
  }));
