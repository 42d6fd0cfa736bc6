import type { Store } from '../host';
import { fromJson, toJson } from '../json';

/** One tracked call as it travels to the server. */
export interface Call {
  /** Makes a repeat harmless. */
  id: string;
  call: string;
  /** When it happened, Unix ms. */
  at: number;
  [field: string]: unknown;
}

interface Stored {
  calls: Call[];
  dropped: number;
}

const MOST_CALLS = 100;
const MOST_CHARACTERS = 64_000;
const MOST_SETTLED = 1_000;
const KEY = 'calls';

/**
 * Calls waiting for the server's answer, kept in the browser so that they survive the page. Tabs share what is stored: each
 * also remembers its own calls, so a write lost between two tabs loses no call, and one that is sent twice has the same id.
 */
export class CallQueue {
  readonly #store: Store;
  /** This tab's unanswered calls. */
  #own: Call[] = [];
  /** Ids of calls that are worth nothing on a later page, such as heartbeats. */
  readonly #fleeting = new Set<string>();
  /** Answered calls, which another tab may have written back. */
  readonly #settled = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Calls given up because the queue was full, over all pages. */
  get dropped(): number {
    return this.#stored().dropped;
  }

  /** Adds a call; a fleeting one replaces the earlier fleeting one of its kind and is not stored. */
  add(call: Call, isFleeting = false): void {
    if (isFleeting) {
      this.#own = this.#own.filter((other) => !(this.#fleeting.has(other.id) && other.call === call.call));
      this.#fleeting.add(call.id);
    }
    this.#own.push(call);
    if (!isFleeting) this.#save();
  }

  /** All unanswered calls of this browser, oldest first. */
  pending(): Call[] {
    const all = new Map<string, Call>();
    for (const call of [...this.#stored().calls, ...this.#own]) all.set(call.id, call);
    for (const id of this.#settled) all.delete(id);
    return [...all.values()].sort((a, b) => a.at - b.at);
  }

  /** Forgets calls that were answered. */
  settle(ids: string[]): void {
    if (this.#settled.size > MOST_SETTLED) this.#settled.clear();
    for (const id of ids) {
      this.#settled.add(id);
      this.#fleeting.delete(id);
    }
    this.#own = this.#own.filter((call) => !this.#settled.has(call.id));
    this.#save();
  }

  /** Fleeting calls went with the page that made them. */
  dropFleeting(): void {
    this.#own = this.#own.filter((call) => !this.#fleeting.has(call.id));
  }

  clear(): void {
    this.#own = [];
    this.#store.remove(KEY);
  }

  #stored(): Stored {
    const stored = fromJson<Partial<Stored>>(this.#store.get(KEY));
    return { calls: Array.isArray(stored?.calls) ? stored.calls : [], dropped: Number(stored?.dropped) || 0 };
  }

  #save(): void {
    let { dropped } = this.#stored();
    const calls = this.pending().filter((call) => !this.#fleeting.has(call.id));
    let text = toJson({ calls, dropped });
    while (calls.length > MOST_CALLS || text.length > MOST_CHARACTERS) {
      const oldest = calls.shift();
      if (!oldest) break;
      this.#own = this.#own.filter((call) => call.id !== oldest.id);
      dropped += 1;
      text = toJson({ calls, dropped });
    }
    if (calls.length || dropped) this.#store.set(KEY, text);
    else this.#store.remove(KEY);
  }
}
