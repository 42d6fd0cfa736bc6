import { type Call, type NewEntry, sendEvent } from '../customer/actions';
import type { ChatEvent, NewEvent } from '../customer/objects';
import { type Entry, Outbox } from '../customer/outbox';
import { Sender } from '../customer/sender';
import type { Clock } from '../clock';
import type { Store } from '../host';
import { randomId } from '../random';
import { WireError } from '../wire/frames';

/** An event that the server has not acknowledged. */
interface Waiting extends Entry, NewEntry {
  /** Whose it is: another person at this browser sends nothing of it. */
  by: string;
}

interface Promised {
  promise: Promise<ChatEvent>;
  resolve(event: ChatEvent): void;
  reject(error: WireError): void;
}

export interface QueueListener {
  /** The customer's id as far as it is known. */
  customerId(): string;
  /** An event that an earlier page wrote is stored. */
  stored(chatId: string, event: ChatEvent): void;
  /** An event that an earlier page wrote will never be. */
  failed(chatId: string, event: NewEvent, code: string): void;
}

const KEY = 'sdk-outbox';
const MOST_OWN = 1_000;

/** What `sendEvent` puts off: kept in the browser's storage until the server has it or refuses it for good. */
export class SendQueue {
  readonly #clock: Clock;
  readonly #listener: QueueListener;
  readonly #outbox: Outbox<Waiting>;
  readonly #sender: Sender<Waiting, ChatEvent>;
  readonly #promised = new Map<string, Promised>();
  readonly #own = new Set<string>();

  constructor(call: Call, store: Store, clock: Clock, listener: QueueListener) {
    this.#clock = clock;
    this.#listener = listener;
    const isMine = ({ id, by, event, chatId }: Waiting): boolean =>
      typeof chatId === 'string' && typeof event?.type === 'string' && (this.#promised.has(id) || by === listener.customerId());
    this.#outbox = new Outbox(store, KEY, isMine, () => void this.#sender.run());
    this.#sender = new Sender(this.#outbox, clock, {
      deliver: ({ chatId, event, attachToLastThread = false }) => sendEvent(call, { chatId, event, attachToLastThread }),
      acknowledged: (entry, event) => this.#settle(entry, event),
      refused: (entry, reason, message) => this.#refuse(entry, new WireError(reason, message, false)),
      changed: () => {},
    });
  }

  get entries(): { chatId: string; event: NewEvent }[] {
    return this.#outbox.entries.map(({ chatId, event }) => ({ chatId, event }));
  }

  /** Takes an event. A second call with the same `customId` gets the promise of the first. */
  send({ chatId, event, attachToLastThread }: NewEntry): Promise<ChatEvent> {
    const id = event.customId ?? randomId();
    const known = this.#promised.get(id);
    if (known) return known.promise;
    if (this.#outbox.isFull) {
      return Promise.reject(new WireError('pending_requests_limit_reached', 'Too many events wait to be sent.', true));
    }
    const promise = new Promise<ChatEvent>((resolve, reject) => {
      this.#promised.set(id, {
        get promise() {
          return promise;
        },
        resolve,
        reject,
      });
    });
    this.#own.add(id);
    if (this.#own.size > MOST_OWN) this.#own.delete([...this.#own][0] ?? '');
    this.#outbox.add({
      id,
      at: this.#clock.now(),
      by: this.#listener.customerId(),
      chatId,
      event: { ...event, customId: id },
      ...(attachToLastThread && { attachToLastThread }),
    });
    void this.#sender.run();
    return promise;
  }

  /** An event arrived by the chat's numbers. True when this queue sent it, so that it is no news to the page. */
  arrived(event: ChatEvent): boolean {
    const { customId = '' } = event;
    const entry = this.#outbox.entries.find(({ id }) => id === customId);
    if (entry) {
      this.#outbox.remove(customId);
      this.#settle(entry, event);
      return true;
    }
    return this.#own.has(customId);
  }

  allow(isAllowed: boolean): void {
    this.#sender.allow(isAllowed);
  }

  refuseInFlight(): void {
    this.#sender.refuseInFlight('entity_too_large');
  }

  /** Nothing more is sent; what this page still waits for fails and is forgotten. */
  destroy(error: WireError): void {
    this.#sender.allow(false);
    for (const [id, { reject }] of this.#promised) {
      this.#outbox.remove(id);
      reject(error);
    }
    this.#promised.clear();
  }

  #settle({ id, chatId }: Waiting, event: ChatEvent): void {
    const promised = this.#promised.get(id);
    this.#promised.delete(id);
    if (promised) promised.resolve(event);
    else if (!this.#own.has(id)) this.#listener.stored(chatId, event);
    this.#own.add(id);
  }

  #refuse({ id, chatId, event }: Waiting, error: WireError): void {
    const promised = this.#promised.get(id);
    this.#promised.delete(id);
    this.#outbox.remove(id);
    if (promised) promised.reject(error);
    else this.#listener.failed(chatId, event, error.code);
  }
}
