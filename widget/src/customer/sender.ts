import { backoff } from '../backoff';
import type { Clock } from '../clock';
import { toWireError, WireError } from '../wire/frames';
import { activateChat, type Call, listChats, sendEvent, startChat } from './actions';
import type { Outbox, Unsent } from './outbox';
import type { OutgoingMessage } from './types';

/** The chat as the sender must know it. */
export interface Target {
  chatId: string;
  readonly isActive: boolean;
  hasCustomId(customId: string): boolean;
}

export interface SenderListener {
  /** The server has it; it has left the outbox. */
  acknowledged(entry: Unsent): void;
  changed(): void;
}

/** Empties the outbox into the chat: in order, one message in flight, repeated until the server says yes or a final no. */
export class Sender {
  readonly #call: Call;
  readonly #outbox: Outbox;
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #listener: SenderListener;
  #isSending = false;
  #isAllowed = false;
  #failures = 0;
  #inFlight: Unsent | undefined;
  #cancelRetry = (): void => {};

  constructor(call: Call, outbox: Outbox, target: Target, clock: Clock, listener: SenderListener) {
    this.#call = call;
    this.#outbox = outbox;
    this.#target = target;
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
    if (this.#inFlight) this.#outbox.refuse(this.#inFlight.id, reason);
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

  #next(): Unsent | undefined {
    return this.#isAllowed ? this.#outbox.next() : undefined;
  }

  /** True when the entry is settled one way or the other. */
  async #attempt(entry: Unsent): Promise<boolean> {
    try {
      if (!this.#target.hasCustomId(entry.id)) await this.#deliver({ text: entry.text, customId: entry.id });
      this.#outbox.remove(entry.id);
      this.#listener.acknowledged(entry);
      this.#failures = 0;
      return true;
    } catch (thrown) {
      const error = toWireError(thrown);
      if (error.type === 'connection_lost') return false;
      if (!error.isRetryable) {
        this.#outbox.refuse(entry.id, error.type);
        return true;
      }
      const wait = Math.max(error.retryAfterMs, backoff(this.#failures++, this.#clock.random));
      this.#cancelRetry = this.#clock.after(wait, () => void this.run());
      return false;
    }
  }

  async #deliver(message: OutgoingMessage): Promise<void> {
    if (!this.#target.chatId && (await this.#start(message))) return;
    const { chatId } = this.#target;
    if (this.#target.isActive) {
      const isSent = await unless('chat_inactive', sendEvent(this.#call, chatId, message));
      if (isSent) return;
    }
    // Another tab or the agent may have opened the thread meanwhile.
    const isActivated = await unless('chat_already_active', activateChat(this.#call, chatId, message));
    if (!isActivated) await sendEvent(this.#call, chatId, message);
  }

  /** False when the customer has a chat already, which is now known. */
  async #start(message: OutgoingMessage): Promise<boolean> {
    const isStarted = await unless(
      'chat_limit_reached',
      startChat(this.#call, message).then(({ chatId }) => {
        this.#target.chatId = chatId;
      }),
    );
    if (isStarted) return true;
    const [chatId] = await listChats(this.#call);
    if (!chatId) throw new WireError('not_found', 'The chat is gone.', true);
    this.#target.chatId = chatId;
    return false;
  }
}

/** True when it was done, false when it failed for the expected reason; other failures go on. */
async function unless(reason: string, done: Promise<void>): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (error instanceof WireError && error.type === reason) return false;
    throw error;
  }
}
