import { backoff } from '../backoff';
import type { Clock } from '../clock';
import { type Push, toWireError } from '../wire/frames';
import { type Call, resume } from './actions';
import type { Session } from './read';
import { chatOf, Stream } from './stream';

export interface FollowerListener {
  /** A push whose turn has come. */
  tell(push: Push): void;
  /** What was known of the chat is of another history. */
  lost(chatId: string): void;
}

interface Followed {
  stream: Stream;
  isReading: boolean;
}

/** Lets the pushes of all chats through once each and in order, and reads what a lost connection kept away. */
export class Follower {
  readonly #call: Call;
  readonly #clock: Clock;
  readonly #listener: FollowerListener;
  readonly #chats = new Map<string, Followed>();
  #session: Session | null = null;
  #isConnected = false;
  #failures = 0;
  #cancelRetry = (): void => {};

  constructor(call: Call, clock: Clock, listener: FollowerListener) {
    this.#call = call;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Logged in. Resolves when nothing is missing, or when the connection is gone again. */
  async connected(session: Session): Promise<void> {
    const before = this.#session;
    this.#session = session;
    this.#isConnected = true;
    for (const { id, lastSeq } of session.chats) {
      const known = this.#chats.get(id);
      if (before && before.epoch !== session.epoch) {
        this.#chat(id).stream.start(lastSeq);
        this.#listener.lost(id);
      } else if (known || before) {
        this.#chat(id).stream.hearOf(lastSeq);
      } else {
        // The page reads what was before; from here on it is told.
        this.#chat(id).stream.start(lastSeq);
      }
    }
    await this.#catchUp();
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#cancelRetry();
  }

  push(push: Push): void {
    const chatId = chatOf(push);
    if (!chatId) return this.#listener.tell(push);
    const { stream } = this.#chat(chatId);
    stream.push(push);
    if (stream.hasHole) void this.#catchUp();
  }

  #chat(id: string): Followed {
    let chat = this.#chats.get(id);
    if (!chat) {
      chat = { stream: new Stream((push) => this.#listener.tell(push)), isReading: false };
      this.#chats.set(id, chat);
    }
    return chat;
  }

  async #catchUp(): Promise<void> {
    await Promise.all([...this.#chats].map(([id, chat]) => this.#read(id, chat)));
  }

  async #read(id: string, chat: Followed): Promise<void> {
    if (chat.isReading || !chat.stream.hasHole || !this.#isConnected) return;
    chat.isReading = true;
    try {
      for (let next = 'more'; next === 'more' && this.#isConnected; ) {
        const answer = await resume(this.#call, id, chat.stream.last, this.#session?.epoch ?? '');
        next = chat.stream.resumed(id, answer);
        if (next === 'resync') {
          chat.stream.start(Number(answer.last_seq) || 0);
          this.#listener.lost(id);
        }
      }
      this.#failures = 0;
    } catch (error) {
      this.#failed(id, toWireError(error));
    } finally {
      chat.isReading = false;
    }
  }

  #failed(id: string, { type, retryAfterMs }: ReturnType<typeof toWireError>): void {
    // The next login catches up.
    if (type === 'connection_lost') return;
    if (type === 'not_found') {
      this.#chats.delete(id);
      return;
    }
    const wait = Math.max(retryAfterMs, backoff(this.#failures++, this.#clock.random));
    this.#cancelRetry();
    this.#cancelRetry = this.#clock.after(wait, () => void this.#catchUp());
  }
}
