/** What is far too large is refused before the work, with the memory that it takes and the memory that there is. */
import { expectFailures, withDesk } from "./cli.ts";

Deno.test("a study that takes more memory than there is says so before it begins", () =>
  withDesk(({ folder, run }) => {
    const refused =
      /Cannot run .*: it takes about [\d.]+ [TP]B of memory, expected at most the [\d.]+ [kMGT]B that are available/;
    return expectFailures(run, [
      [1, ["speed", folder, "--engine", "cpu", "--batch", "100000000000"], refused],
      [1, ["speed", folder, "--engine", "cpu", "--context", "10000000000"], refused],
      // a head of this width alone takes 0.5 TB: parts of attention are single heads
      [1, ["random-init", "llama-2-7b", "--layers", "2", "--hidden", "1048576", "--engine", "cpu"], refused],
    ]);
  }));
