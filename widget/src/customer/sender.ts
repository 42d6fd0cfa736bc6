import { backoff } from '../backoff';
import type { Clock } from '../clock';
import { toWireError } from '../wire/frames';
import type { Entry, Outbox } from './outbox';

export interface SenderListener<E, Stored> {
  /** Sends one entry; resolves when it is stored. */
  deliver(entry: E): Promise<Stored>;
  /** The server has it; it has left the outbox. */
  acknowledged(entry: E, stored: Stored): void;
  /** The server will never take it. */
  refused(entry: E, reason: string, message: string): void;
  changed(): void;
}

/** Empties an outbox: in order, one entry in flight, repeated until the server says yes or a final no. */
export class Sender<E extends Entry, Stored = void> {
  readonly #outbox: Outbox<E>;
  readonly #clock: Clock;
  readonly #listener: SenderListener<E, Stored>;
  #isSending = false;
  #isAllowed = false;
  #failures = 0;
  #inFlight: E | undefined;
  #cancelRetry = (): void => {};

  constructor(outbox: Outbox<E>, clock: Clock, listener: SenderListener<E, Stored>) {
    this.#outbox = outbox;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** The connection stands and the chat is up to date, or no longer. */
  allow(isAllowed: boolean): void {
    this.#isAllowed = isAllowed;
    this.#cancelRetry();
    if (isAllowed) void this.run();
  }

  /** The server closed the connection because of the size of what was in flight. */
  refuseInFlight(reason: string): void {
    if (this.#inFlight) this.#listener.refused(this.#inFlight, reason, 'The event is too large.');
  }

  async run(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let entry = this.#next(); entry; entry = this.#next()) {
      this.#inFlight = entry;
      const isOver = await this.#attempt(entry);
      this.#inFlight = undefined;
      this.#listener.changed();
      if (!isOver) break;
    }
    this.#isSending = false;
  }

  #next(): E | undefined {
    return this.#isAllowed ? this.#outbox.next() : undefined;
  }

  /** True when the entry is settled one way or the other. */
  async #attempt(entry: E): Promise<boolean> {
    try {
      const stored = await this.#listener.deliver(entry);
      this.#outbox.remove(entry.id);
      this.#listener.acknowledged(entry, stored);
      this.#failures = 0;
      return true;
    } catch (thrown) {
      const error = toWireError(thrown);
      if (error.type === 'connection_lost') return false;
      if (!error.isRetryable) {
        this.#listener.refused(entry, error.type, error.message);
        return true;
      }
      const wait = Math.max(error.retryAfterMs, backoff(this.#failures++, this.#clock.random));
      this.#cancelRetry = this.#clock.after(wait, () => void this.run());
      return false;
    }
  }
}
