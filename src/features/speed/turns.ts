/**
 * Time that several take for the same thing, turn by turn: a shared machine has good and bad moments, and each of them is to meet
 * both. Who begins moves on with every turn.
 */
import type { Reports } from "core/entry/mod.ts";

export interface Player {
  /** What is slower the first time, and not counted. */
  warmUp(): Promise<unknown>;
  /** Reads the texts. */
  prefill(): Promise<unknown>;
  /** Reads one more token of each. */
  step(): Promise<unknown>;
}

/** Ids that say nothing, one a call: multiples of the golden ratio, which are spread evenly. */
export function randomIds(vocabulary: number, seed = 0): () => number {
  let turn = seed;
  return () => Math.floor(((turn++ * 0.6180339887498949) % 1) * vocabulary);
}

/** Seconds of one player, turn by turn. */
export type Times = Readonly<Record<"prefill" | "steps", number[]>>;

export interface TurnOptions {
  readonly repeat: number;
  readonly steps: number;
  /** Steps at the beginning of each round that are not counted. */
  readonly warmUp: number;
  readonly signal?: AbortSignal | undefined;
  /** Called before each warm-up, each prefill and each turn of steps, with the players whose turn it is. */
  readonly onTurn?: ((what: keyof Player, players: readonly number[]) => void) | undefined;
}

/** Who is when in a turn: all, in the order of their numbers, from another one each time. */
export function orderOf(players: number, turn: number): number[] {
  return Array.from({ length: players }, (_, i) => (i + turn) % players);
}

/** How often `onTurn` is called. */
export function turnsOf(players: number, { repeat, steps, warmUp }: TurnOptions): number {
  return players + repeat * (players + warmUp + steps);
}

/** Seconds of all players: after a warm-up, `repeat` rounds of a prefill each, then steps in turns. */
export async function takeTurns(players: readonly Player[], options: TurnOptions): Promise<Times[]> {
  const { repeat, steps, warmUp, signal, onTurn } = options;
  for (const [i, player] of players.entries()) {
    signal?.throwIfAborted();
    onTurn?.("warmUp", [i]);
    await player.warmUp();
  }
  const times = players.map((): Times => ({ prefill: [], steps: [] }));
  for (let round = 0; round < repeat; round++) {
    for (const i of orderOf(players.length, round)) {
      signal?.throwIfAborted();
      onTurn?.("prefill", [i]);
      times[i].prefill.push(await secondsOf(() => players[i].prefill()));
    }
    for (let turn = -warmUp; turn < steps; turn++) {
      signal?.throwIfAborted();
      const order = orderOf(players.length, round + turn + warmUp);
      onTurn?.("step", order);
      for (const i of order) {
        const seconds = await secondsOf(() => players[i].step());
        if (turn >= 0) times[i].steps.push(seconds);
      }
    }
  }
  return times;
}

async function secondsOf(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

/** Reports turns that are expected to take some seconds, once a second, since one of them may take minutes. */
export function turnReporter(label: string, { onProgress }: Reports) {
  let [total, done, turn, share] = [0, 0, 0, 0]; // seconds, and what is read of the turn
  let [begin, at] = [0, 0]; // when the first turn began, and when anything was done
  let reads = true;
  const report = () => {
    const reached = done + share * turn;
    const pace = reached > 0 ? (at - begin) / reached : 1000;
    const left = Math.max(0, pace * (total - reached) - (performance.now() - at)) / 1000;
    onProgress?.({
      label,
      done: reached,
      total: total || 1,
      unit: "work",
      ...begin > 0 ? { secondsLeft: left } : {},
    });
  };
  report();
  const timer = setInterval(report, 1000);
  return {
    expect: (seconds: number) => total = seconds,
    /** A turn begins, and the one before has ended. */
    begin(seconds: number, isReading = false) {
      at = performance.now();
      begin ||= at;
      [done, turn, share, reads] = [done + turn, seconds, 0, isReading];
    },
    read(part: number, of: number) {
      if (reads) [share, at] = [part / of, performance.now()];
    },
    end() {
      [done, share] = [total, 0];
      report();
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
