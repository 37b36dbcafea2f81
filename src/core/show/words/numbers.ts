/** Numbers for people: small summaries for titles and readings, only the digits that carry meaning, and no exponents that are hard to read. */

/** A number with three significant digits: 0.00592, 24.8, 785,815; exponents only below 1e-5 and from 1e9 on. */
export const formatNumber = (value: number): string => formatDigits(value, 3);

/** The same with other digits. */
export function formatDigits(value: number, digits: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-5 || size >= 1e9) return sign(value.toExponential(digits - 1));
  if (size >= 999.5) return sign(Math.round(value).toLocaleString("en-US"));
  return sign(value.toPrecision(digits));
}

/** Counts documents: "120 of 1,838 documents" where only some were asked. */
export const documentsText = (n: number, of: number): string =>
  n === of ? `${n} documents` : `${formatWhole(n)} of ${formatWhole(of)} documents`;

/** A number with fixed decimals and a real minus sign, which zero has not; three significant digits from 1e9 on. */
export function formatFixed(value: number, decimals: number): string {
  if (Math.abs(value) >= 1e9) return formatNumber(value);
  const text = value.toFixed(decimals);
  return sign(Number(text) === 0 ? text.replace("-", "") : text);
}

/** The same with its sign, which zero has too: "+0.12", "−0.12". */
export const formatSigned = (value: number): string => `+${formatFixed(value, 2)}`.replace("+−", "−");

/** Both ends of an interval: "−0.22 to 0.49". */
export function formatRange(low: number, high: number): string {
  return `${formatFixed(low, 2)} to ${formatFixed(high, 2)}`;
}

/** A share as a percentage: 0.784 → "78.4 %". */
export const formatShare = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** A share in points: 0.012 → "1.2". */
export const formatPoints = (share: number): string => formatFixed(100 * share, 1);

/** An interval of shares in points, with a digit more where it would look as if it had no width: −0.02 … 0.02. */
export function formatPointsRange(low: number, high: number, between = " … "): string {
  for (let decimals = 1;; decimals++) {
    const [from, to] = [low, high].map((share) => formatFixed(100 * share, decimals));
    if (from !== to || decimals === 6) return `${from}${between}${to}`;
  }
}

/** A duration in seconds: "8 s", "3 min 05 s", "2 h 10 min". */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (part: number) => String(part).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
}

/** A tick of a logarithmic axis: 0.001, 0.1, 10, 1k, 100k, 1M; powers of ten beyond. */
export function formatTick(value: number): string {
  const power = Math.floor(Math.log10(value) + 1e-9);
  if (power < -5 || power >= 12) {
    const factor = Math.round(value / 10 ** power);
    return `${factor === 1 ? "" : `${factor}·`}10${superscript(power)}`;
  }
  if (power < 0) return value.toFixed(-power);
  const thousands = Math.floor(power / 3);
  return `${Math.round(value / 1000 ** thousands)}${["", "k", "M", "G"][thousands]}`;
}

function superscript(power: number): string {
  return [...String(power)].map((digit) => digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}

const sign = (text: string): string => text.replace("-", "−");

/** A count with commas: "1,536". */
export const formatWhole = (count: number): string => count.toLocaleString("en-US");

/** "1 sample", "8 samples". */
export const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
