const FIRST_MS = 500;
const LONGEST_MS = 30_000;
const MOST_DOUBLINGS = 10;

/** How long to wait before try number `failures + 1`: full jitter in a window that doubles from 0.5 s to 30 s. */
export function backoff(failures: number, random: () => number = Math.random): number {
  const window = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, MOST_DOUBLINGS));
  return Math.round(window * random());
}
