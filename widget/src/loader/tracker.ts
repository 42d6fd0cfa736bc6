import { backoff } from '../backoff';
import type { Config, Greeting, Store } from '../host';
import { fromJson, toJson } from '../json';
import { randomId, randomToken } from '../random';
import { asksNotToTrack, context } from './hints';
import { type Call, CallQueue } from './queue';

/** What became of a call. Never an exception: a page must not fail because of tracking. */
export interface Outcome {
  ok: boolean;
  error?: { code: string; message: string; field?: string };
}

interface Answer {
  results?: (Outcome & { id: string })[];
  token?: string;
  config?: Config;
  greeting?: Greeting | null;
  greeting_after_ms?: number;
  error?: { code: string; message: string; retry_after?: number };
}

interface Listener {
  configChanged(config: Config): void;
  tokenChanged(cause: string): void;
  greeted(greeting: Greeting | null | undefined, afterMs: number | undefined): void;
}

const MOST_CALLS = 50;
const MOST_BYTES = 60_000;
const ANSWER_MS = 20_000;
const GATHER_MS = 30;
const NOT_TRACKED: Outcome = { ok: false, error: { code: 'not_tracked', message: 'This browser is not tracked.' } };

/** Sends calls to `POST /track` in batches until each is answered, and brings the site's settings along. */
export class Tracker {
  readonly #url: string;
  readonly #site: string;
  readonly #store: Store;
  readonly #listener: Listener;
  readonly #queue: CallQueue;
  readonly #waiting = new Map<string, (outcome: Outcome) => void>();
  #config: Config | null;
  /** The first answer of this page has come: settings are fresh. */
  #isFresh = false;
  #isBusy = false;
  #isStopped = false;
  #failures = 0;
  #mostCalls = MOST_CALLS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(base: string, site: string, store: Store, listener: Listener) {
    this.#url = `${base}track`;
    this.#site = site;
    this.#store = store;
    this.#listener = listener;
    this.#queue = new CallQueue(store);
    this.#config = fromJson<Config>(store.get('config'));
    store.watch('token', () => listener.tokenChanged('other_tab'));
  }

  get config(): Config | null {
    return this.#config;
  }

  /** The visitor's token; made now if there is none yet. */
  token(): string {
    let token = this.#store.get('token');
    if (!token) {
      token = randomToken();
      this.#store.set('token', token);
    }
    return token;
  }

  /** Queues a call. Resolves with the server's verdict; never rejects. */
  call(call: string, fields: object, isFleeting = false): { id: string; outcome: Promise<Outcome> } {
    const entry: Call = { ...fields, id: randomId(), call, at: Date.now() };
    if (this.#mayTrack() === false) return { id: entry.id, outcome: Promise.resolve(NOT_TRACKED) };
    if (byteLength(toJson(entry)) > MOST_BYTES) {
      return { id: entry.id, outcome: Promise.resolve(failure('too_large', `The call is above ${MOST_BYTES} bytes.`)) };
    }
    const outcome = new Promise<Outcome>((resolve) => this.#waiting.set(entry.id, resolve));
    this.#queue.add(entry, isFleeting);
    this.#schedule(GATHER_MS);
    return { id: entry.id, outcome };
  }

  /** Asks for the settings and sends what is waiting. */
  start(): void {
    this.#schedule(GATHER_MS);
  }

  /** A good moment to try again: the network is back, or the visitor is. */
  retry(): void {
    if (this.#failures) this.#schedule(0);
  }

  /** The server will not have this token any more. */
  replaceToken(refused: string): void {
    if (refused !== this.#store.get('token')) return;
    this.#store.set('token', randomToken());
    this.#listener.tokenChanged('refused');
  }

  /** The page is going: hands everything to the browser, which sends it on its own. What is stored is sent again from the next page. */
  flushOnLeave(): void {
    if (this.#isStopped || this.#mayTrack() !== true) return;
    const calls = this.#batch();
    if (!calls.length) return;
    try {
      const body = new Blob([this.#body(calls, this.token())], { type: 'text/plain' });
      if (navigator.sendBeacon(this.#url, body)) this.#queue.dropFleeting();
    } catch {
      // Refused by the page's policy: the calls stay stored.
    }
  }

  /** True, false, or undefined while the site's rule for "do not track" is unknown. */
  #mayTrack(): boolean | undefined {
    const config = this.#config;
    if (!config) return asksNotToTrack() ? undefined : true;
    return config.tracking && !(config.honour_dnt && asksNotToTrack());
  }

  #schedule(delay: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#send(), delay);
  }

  #batch(): Call[] {
    let bytes = 0;
    return this.#queue
      .pending()
      .slice(0, this.#mostCalls)
      .filter((call, index) => {
        bytes += byteLength(toJson(call)) + 1;
        return index === 0 || bytes < MOST_BYTES;
      });
  }

  #body(calls: Call[], token: string | null): string {
    return toJson({
      site: this.#site,
      ...(token && { token }),
      sent_at: Date.now(),
      config: this.#config?.version ?? '',
      context: context(),
      calls,
    });
  }

  async #send(): Promise<void> {
    if (this.#isBusy || this.#isStopped) return;
    const calls = this.#mayTrack() === true ? this.#batch() : [];
    if (!calls.length && this.#isFresh) return;
    this.#isBusy = true;
    clearTimeout(this.#timer);
    const token = this.#mayTrack() === true ? this.token() : null;
    // No answer, or one that is not ours: the network's fault, so the same again later.
    const wait = await this.#exchange(calls, token).catch(() => 0);
    this.#isBusy = false;
    if (wait === null) {
      this.#failures = 0;
      if (this.#mayTrack() === false) this.#giveUp();
      else if (this.#queue.pending().length) this.#schedule(0);
    } else {
      this.#schedule(Math.max(wait, backoff(this.#failures++)));
    }
  }

  /** One request. Null when it was answered for good, else how many ms to wait at least before the next try. */
  async #exchange(calls: Call[], token: string | null): Promise<number | null> {
    const response = await fetch(this.#url, {
      method: 'POST',
      body: this.#body(calls, token),
      credentials: 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const answer = (await response.json()) as Answer;
    if (response.ok) {
      this.#isFresh = true;
      this.#take(answer, calls, token);
      return null;
    }
    return this.#refused(response.status, answer, calls, token);
  }

  #take(answer: Answer, calls: Call[], token: string | null): void {
    const results = new Map(answer.results?.map((result) => [result.id, result]));
    if (answer.token && answer.token !== token && this.#store.get('token') === token) {
      this.#store.set('token', answer.token);
      // From one named person to another is a change of person as much as a reset is.
      const isOther = calls.some(({ call }) => call === 'reset') || this.#store.get('named') !== null;
      this.#listener.tokenChanged(isOther ? 'reset' : 'identify');
    }
    for (const { id, call } of calls) {
      if (call === 'identify' && results.get(id)?.ok) this.#store.set('named', '1');
      if (call === 'reset') this.#store.remove('named');
    }
    this.#settle(calls, ({ id }) => {
      const result = results.get(id);
      return result ? { ok: result.ok, ...(result.error && { error: result.error }) } : { ok: true };
    });
    if (answer.config) {
      this.#config = answer.config;
      this.#store.set('config', toJson(answer.config));
      this.#listener.configChanged(answer.config);
    }
    this.#listener.greeted(answer.greeting, answer.greeting_after_ms);
  }

  #refused(status: number, answer: Answer, calls: Call[], token: string | null): number | null {
    const { code = 'internal', message = '', retry_after } = answer.error ?? {};
    if (status === 401) {
      if (token) this.replaceToken(token);
      return 0;
    }
    if (status === 403 || status === 404) {
      // The snippet is wrong for this page: going on would only fill the site's logs.
      this.#isStopped = true;
      console.warn(`Parlor: ${message || code} (${location.origin}, site ${this.#site})`);
    } else if ((status === 400 || status === 413) && calls.length > 1) {
      // One of them spoils the batch: find out which by sending them singly.
      this.#mostCalls = 1;
      return 0;
    } else if (status !== 400 && status !== 413) {
      return (retry_after ?? 0) * 1_000;
    }
    this.#settle(calls, () => failure(code, message));
    return null;
  }

  #settle(calls: Call[], outcome: (call: Call) => Outcome): void {
    this.#queue.settle(calls.map(({ id }) => id));
    for (const call of calls) {
      this.#waiting.get(call.id)?.(outcome(call));
      this.#waiting.delete(call.id);
    }
  }

  #giveUp(): void {
    this.#settle(this.#queue.pending(), () => NOT_TRACKED);
    this.#queue.clear();
  }
}

export function failure(code: string, message: string, field?: string): Outcome {
  return { ok: false, error: { code, message, ...(field && { field }) } };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
