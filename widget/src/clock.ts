/** Time and chance as an argument, so that tests decide both. */
export interface Clock {
  /** Unix ms. */
  now(): number;
  /** Calls back once after `ms`; the answer cancels it. */
  after(ms: number, call: () => void): () => void;
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
