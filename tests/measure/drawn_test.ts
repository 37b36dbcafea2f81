/** Documents drawn by margin: bias and coverage in simulated tasks, where the guess of flips is right, partly wrong, and worth nothing. */
import assert from "node:assert/strict";
import {
  changeOver,
  drawChances,
  drawnChanges,
  drawnInterval,
  drawnMean,
  drawnShare,
  flipChances,
  mean,
  meanWeights,
  pilotOf,
  standardError,
} from "../../src/measure/mod.ts";
import { ask } from "./drawing.ts";
import { fillNormal, philox, streamKeys } from "../../src/tensor/mod.ts";

interface World {
  readonly documents: number;
  /** Normal deviation of a margin's move; margins have 1. */
  readonly spread: number;
  /** Share of documents whose flips have nothing to do with margins. */
  readonly unrelated: number;
  /** Share of flips that are losses. */
  readonly lossy: number;
}

const random = (i: number, run: number, what: number) => philox([i, run, what, 9], [5, 0])[0] / 2 ** 32;

/** Margins, how a plan moves them, and changes of answers −1, 0 or 1; one task after the other. */
function taskOf({ documents, spread, unrelated, lossy }: World, run: number) {
  const normal = new Float32Array(2 * documents);
  fillNormal(normal, streamKeys(run, 1, 2), 0, 1);
  const margins = Array.from(normal.subarray(0, documents));
  const moved = margins.map((margin, i) => margin + spread * normal[documents + i]);
  const rate = Math.atan(spread) / Math.PI;
  const changes = margins.map((margin, i) => {
    const flips = random(i, run, 0) < unrelated ? random(i, run, 1) < rate : margin * moved[i] < 0;
    return !flips ? 0 : random(i, run, 2) < lossy ? -1 : 1;
  });
  return { margins, moved: [moved], changes, truth: rate * (1 - 2 * lossy) };
}

const RUNS = 250;

for (const unrelated of [0, 0.15, 1]) {
  for (const spread of [0.02, 0.1, 0.2]) {
    Deno.test(`${unrelated} of flips unrelated to margins, ${spread}: no bias, and intervals cover`, () => {
      const [asked, lossy] = spread === 0.1 ? [120, 0.6] : [240, 0.9];
      const world = { documents: 900, spread, unrelated, lossy };
      const [errors, covered, sizes]: [number[], number[], number[]] = [[], [], []];
      for (let run = 0; run < RUNS; run++) {
        const task = taskOf(world, run);
        const { change, documents } = ask(task, asked, run);
        const { value, low, high } = drawnInterval(change);
        // The truth of these documents, without the scatter of tasks.
        errors.push(value - mean(task.changes));
        covered.push(Number(low <= task.truth && task.truth <= high));
        sizes.push(documents.length);
      }
      const where = `${asked} documents, ${lossy} losses`;
      assert.ok(Math.abs(mean(errors)) < 3.5 * standardError(errors)!, `${where}: ${mean(errors)}`);
      // A share of 0.95 is within 0.028 of itself in 250 runs; with a guess that is worth nothing, intervals may cover 0.91.
      assert.ok(mean(covered) > (unrelated === 1 ? 0.885 : 0.92), `${where}: ${mean(covered)}`);
      assert.ok(Math.abs(mean(sizes) - asked) < 3, `${where}: ${mean(sizes)} documents`);
    });
  }
}

Deno.test("drawing by margin has less than half the variance of drawing evenly where few answers flip", () => {
  const world = { documents: 2000, spread: 0.05, unrelated: 0, lossy: 0.6 };
  const [byMargin, evenly]: [number[], number[]] = [[], []];
  for (let run = 0; run < 200; run++) {
    const task = taskOf(world, run);
    const all = mean(task.changes);
    byMargin.push((drawnInterval(ask(task, 200, run).change).value - all) ** 2);
    evenly.push((mean(task.changes.map((change) => change ** 2)) - all ** 2) / 200 * (1 - 200 / 2000));
  }
  assert.ok(mean(byMargin) < mean(evenly) / 2, `${mean(byMargin)} against ${mean(evenly)}`);
});

Deno.test("chances sum to the number of documents; what is sure to be drawn takes nothing from the others", () => {
  for (const size of [1, 40, 99, 100, 200]) {
    const chances = drawChances(Array.from({ length: 100 }, (_, i) => 0.5 * 0.8 ** i), size);
    const total = chances.reduce((a, b) => a + b);
    assert.ok(Math.abs(total - Math.min(100, size)) < 1e-9 && chances.every((one) => one > 0 && one <= 1));
  }
  // A plan that moves no margin: every document alike.
  assert.deepEqual(drawChances([0, 0, 0, 0], 1), [0.25, 0.25, 0.25, 0.25]);
  assert.deepEqual(flipChances([0, 3], [[1, 1]]), [0.5, 0]);
});

Deno.test("a draw is the same for the same seed, and another for another task or seed", () => {
  const draw = (seed: number, stream: number) => pilotOf(500, 120, seed, stream);
  assert.deepEqual(draw(1, 2), draw(1, 2));
  assert.equal(new Set(draw(1, 2)).size, 32);
  assert.notDeepEqual(draw(1, 2), draw(2, 2));
  assert.notDeepEqual(draw(1, 2), draw(1, 3));
  assert.equal(pilotOf(500, 21, 1, 2).length, 11);
});

Deno.test("no flip among n documents bounds them by 3/n, as in paired.ts; a verdict follows from the interval", () => {
  const draw = { of: 1000, chances: Array.from({ length: 150 }, (_, i) => i < 32 ? null : 118 / 968) };
  const none = drawnChanges(draw, draw.chances.map(() => 0));
  const { value, low, high } = drawnInterval(none);
  assert.equal(value, 0);
  // 3/150, of the 968 documents outside the pilot; Wilson and Hilferty's quantile of one flip is 1 % below.
  assert.ok(Math.abs(high - 0.968 * 3 / 150) < 0.0005 && Math.abs(low + high) < 1e-15);
  assert.equal(changeOver([none], 0.02).verdict, "yes");
  assert.equal(changeOver([none], 0.01).verdict, "cannot tell");
  const lost = drawnChanges(draw, draw.chances.map((_, i) => i % 3 === 0 ? -1 : 0));
  const change = changeOver([lost], 0.02);
  assert.equal(change.verdict, "no");
  assert.ok(change.low < change.difference && change.difference < change.high && change.n === 150);
  const share = drawnShare(draw, draw.chances.map((_, i) => i % 3 === 0), 1.96);
  assert.ok(Math.abs(share.value + change.difference) < 1e-12 && share.low < share.value);
});

Deno.test("means over drawn documents: weights sum to 1, and intervals cover", () => {
  const world = { documents: 800, spread: 0.2, unrelated: 0, lossy: 0.6 };
  const covered = Array.from({ length: RUNS }, (_, run) => {
    const task = taskOf(world, run);
    const { documents, draw } = ask(task, 150, run);
    assert.ok(Math.abs(meanWeights(draw).reduce((a, b) => a + b) - 1) < 1e-12);
    const { low, high } = drawnMean(draw, documents.map((i) => task.margins[i]));
    return Number(low <= 0 && 0 <= high);
  });
  assert.ok(mean(covered) > 0.92, `${mean(covered)}`);
});
