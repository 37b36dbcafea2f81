/**
 * How a notebook watches the calls of its cells: a line of progress in place, and a stop that ends what is running.
 *
 * Every call has a signal of its own, so that a stop ends the calls that run and no model that an earlier one opened.
 * A stop that finds no call, or one that was as good as done, waits a moment for the next: its cell may not have come to
 * a study yet.
 */
import { plain, type Progress, type Watch } from "core/entry/mod.ts";
import { formatSeconds } from "core/show/words/mod.ts";
import { progressText } from "core/show/progress.ts";

const QUIET = 1000; // ms of a call without a word
const LINE = 100; // characters of a progress line
const NOTICES = 5; // lines that stay
const LATE = 2000; // ms that a stop which ended nothing yet counts for
const ECHO = 500; // ms within which a second stop is the same press: Jupyter signals the kernel and its relay, which passes it on

/** Writes a text where a call's lines are, in place of what it wrote there before. */
type Write = (text: string) => void;

/** Watches calls. `draw` opens a place for the lines of a call, `now` is a clock in milliseconds. */
export function watcher(draw: () => Write, now: () => number = () => performance.now()) {
  const running = new Set<AbortController>();
  let lastPress = -Infinity;
  let pressed = -Infinity; // the last one that has not ended anything

  return {
    press(): void {
      if (now() - lastPress < ECHO) return;
      pressed = lastPress = now();
      for (const controller of running) controller.abort(stopped());
    },

    open(title: string): Watch {
      const controller = new AbortController();
      running.add(controller);
      if (now() - pressed <= LATE) controller.abort(stopped());
      const lines = linesOf(title, draw, now);
      const { signal } = controller;
      return {
        reports: { signal, onProgress: lines.onProgress, onNotice: lines.onNotice },
        end(error) {
          running.delete(controller);
          if (error !== undefined && signal.aborted) pressed = -Infinity; // it has ended something
          lines.end(error === undefined ? "done" : signal.aborted ? "stopped" : "failed");
          return Promise.resolve();
        },
      };
    },
  };
}

/** The lines of one call: the last notices, and the bar or what became of it. */
function linesOf(title: string, draw: () => Write, now: () => number) {
  const start = now();
  const notices: string[] = [];
  let write: Write | undefined;
  const lines = (...last: string[]) => {
    write ??= draw();
    const hidden = notices.length - NOTICES;
    const more = hidden > 0 ? [`… ${hidden} more lines`] : [];
    write([...more, ...notices.slice(-NOTICES), ...last].join("\n"));
  };
  return {
    onProgress(progress: Progress) {
      if (now() - start >= QUIET) lines(progressText(progress, LINE));
    },
    onNotice(line: string) {
      notices.push(plain(line));
      lines();
    },
    end(outcome: string) {
      const took = now() - start;
      if (took >= QUIET && (write || outcome !== "failed")) {
        lines(`${plain(title)}  ${outcome} after ${formatSeconds(took / 1000)}`);
      }
    },
  };
}

function stopped(): DOMException {
  return new DOMException("Stopped. The kernel and its variables are kept.", "AbortError");
}
