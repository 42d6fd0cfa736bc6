import type { Clock } from '../../src/clock';
import { type FakeSocket, type Request } from './socket';

interface Row {
  seq: number;
  threadId: string;
  /** What clients may see; null for what they may not. */
  event?: Record<string, unknown>;
  change?: { action: string; payload: Record<string, unknown> };
}

type Json = Record<string, unknown>;

const CUSTOMER = 'customer-1';
const AGENT = 'agent-1';

/** A small server of the chat protocol with one customer, kept in memory: numbers, idempotency keys, resume, and pushes after the fact. */
export class FakeServer {
  readonly #clock: Clock;
  readonly rows: Row[] = [];
  readonly #sockets = new Set<FakeSocket>();
  #threads: { id: string; active: boolean; createdAt: string }[] = [];
  epoch = 'epoch-1';
  pageSize = 200;
  /** Asked before each request is handled and before each frame leaves: true cuts the connection there. */
  cutsNow: () => boolean = () => false;
  /** Asked before each push: true loses it without a sign. */
  losesPush: () => boolean = () => false;
  refuseNext: Json | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get texts(): string[] {
    return this.rows.flatMap(({ event }) => (event?.type === 'message' ? [String(event.text)] : []));
  }

  get activeThread(): string | undefined {
    return this.#threads.find(({ active }) => active)?.id;
  }

  connect(socket: FakeSocket): void {
    socket.onrequest = (request) => this.#handle(socket, request);
  }

  /** An agent writes; `isNote` hides it from the customer. */
  agentWrites(text: string, isNote = false): void {
    if (!this.activeThread) return;
    const row = this.#append(isNote ? null : { type: 'message', text, author_id: AGENT });
    this.#pushRow(row);
  }

  agentTypes(isTyping: boolean): void {
    const typing_indicator = { author_id: 'agent-2', author_name: 'Bob', is_typing: isTyping };
    for (const socket of this.#sockets) socket.push('incoming_typing_indicator', { chat_id: 'chat-1', typing_indicator });
  }

  agentSees(): void {
    const newest = this.rows.filter(({ event }) => event).at(-1);
    if (!newest) return;
    this.#pushRow(this.#append(null, 'events_marked_as_seen', { user_id: AGENT, seen_up_to: newest.event?.created_at }));
  }

  close(): void {
    const id = this.activeThread;
    if (!id) return;
    for (const thread of this.#threads) thread.active = false;
    this.#pushRow(this.#append({ type: 'system_message', text: 'Closed', system_message_type: 'manual_archived_agent' }));
    this.#pushRow(this.#append(null, 'chat_deactivated', { thread_id: id }));
  }

  /** The operator restores a backup that ends here. */
  restore(rowCount: number): void {
    this.rows.length = rowCount;
    this.epoch = `${this.epoch}+`;
    for (const socket of [...this.#sockets]) this.#cut(socket);
  }

  cutAll(): void {
    for (const socket of [...this.#sockets]) this.#cut(socket);
  }

  #cut(socket: FakeSocket): void {
    this.#sockets.delete(socket);
    socket.cut();
  }

  #handle(socket: FakeSocket, request: Request): void {
    if (this.cutsNow()) return this.#cut(socket);
    if (request.action === 'ping') return;
    if (this.refuseNext && request.action === 'send_event') {
      const error = this.refuseNext;
      this.refuseNext = null;
      return socket.refuse(request, error);
    }
    const answer = this.#act(socket, request.action, request.payload ?? {});
    if (this.cutsNow()) return this.#cut(socket);
    if ('error' in answer) socket.refuse(request, answer.error as Json);
    else socket.answer(request, answer);
  }

  #act(socket: FakeSocket, action: string, payload: Json): Json {
    switch (action) {
      case 'login':
        this.#sockets.add(socket);
        return {
          epoch: this.epoch,
          customer: { id: CUSTOMER },
          chats: this.rows.length ? [{ chat_id: 'chat-1', last_seq: this.rows.length }] : [],
          __priv_dynamic_config: { customer_groups: { monitoring: { id: 0 } }, online_groups_ids: [0] },
        };
      case 'start_chat':
        return this.rows.length ? refusal('chat_limit_reached') : this.#open(socket, payload);
      case 'activate_chat':
        return this.activeThread ? refusal('chat_already_active') : this.#open(socket, payload);
      case 'send_event':
        return this.activeThread ? this.#store(payload.event as Json) : refusal('chat_inactive');
      case 'get_chat':
        return { id: 'chat-1', users: this.#users(), thread: this.#thread(this.#threads.at(-1)) };
      case 'list_threads':
        return { threads: [...this.#threads].reverse().map((thread) => this.#thread(thread)) };
      case 'list_chats':
        return { chats_summary: [{ id: 'chat-1' }] };
      case 'resume':
        return this.#resume(Number(payload.after_seq), payload.epoch);
      default:
        return {};
    }
  }

  #open(requester: FakeSocket, payload: Json): Json {
    const chat = payload.chat as { thread: { events: Json[] } };
    const thread = { id: `thread-${this.#threads.length + 1}`, active: true, createdAt: this.#time() };
    this.#threads.push(thread);
    const drawn = (events: unknown[]): Json => ({ id: 'chat-1', users: this.#users(), thread: { ...this.#head(thread), events } });
    const opened = this.#append(null, 'incoming_chat', { chat: drawn([]) });
    const added = this.#append(null);
    const stored = chat.thread.events.map((event) => this.#row({ ...event, author_id: CUSTOMER })).filter(({ isNew }) => isNew);
    const rows = [opened, added, ...stored.map(({ row }) => row)];
    for (const row of rows) this.#pushRow(row, requester);
    // Whoever asked gets the thread in one piece, and nothing of it twice.
    if (this.#sockets.has(requester)) {
      requester.push('incoming_chat', {
        chat: drawn(stored.map(({ row }) => row.event)),
        seq: opened.seq,
        last_seq: this.rows.length,
      });
    }
    return { chat_id: 'chat-1', thread_id: thread.id };
  }

  #store(event: Json): Json {
    const { row, isNew } = this.#row({ ...event, author_id: CUSTOMER });
    if (isNew) this.#pushRow(row);
    return { event_id: row.event?.id, custom_id: event.custom_id, seq: row.seq, duplicate: !isNew };
  }

  #row(event: Json): { row: Row; isNew: boolean } {
    const known = this.rows.find((row) => event.custom_id && row.event?.custom_id === event.custom_id);
    return known ? { row: known, isNew: false } : { row: this.#append(event), isNew: true };
  }

  #append(event: Json | null, action?: string, payload: Json = {}): Row {
    const seq = this.rows.length + 1;
    const threadId = this.#threads.at(-1)?.id ?? '';
    const row: Row = {
      seq,
      threadId,
      ...(event && { event: { id: `event-${seq}`, seq, created_at: this.#time(), ...event } }),
      ...(action && { change: { action, payload } }),
    };
    this.rows.push(row);
    return row;
  }

  #pushRow({ seq, threadId, event, change }: Row, except?: FakeSocket): void {
    for (const socket of [...this.#sockets]) {
      if (socket === except) continue;
      if (this.cutsNow()) {
        this.#cut(socket);
        continue;
      }
      if (this.losesPush()) continue;
      if (event) socket.push('incoming_event', { chat_id: 'chat-1', thread_id: threadId, event });
      else if (change) socket.push(change.action, { chat_id: 'chat-1', seq, ...change.payload });
      else socket.push('seq_only', { chat_id: 'chat-1', seq });
    }
  }

  #resume(afterSeq: number, epoch: unknown): Json {
    if (epoch !== this.epoch || afterSeq > this.rows.length) return { events: [], last_seq: this.rows.length, resync: true };
    const events = this.rows.slice(afterSeq, afterSeq + this.pageSize).map(({ seq, threadId, event, change }) => {
      if (event) return { ...event, thread_id: threadId };
      return change ? { seq, action: change.action, payload: { chat_id: 'chat-1', ...change.payload } } : { seq };
    });
    return { events, last_seq: this.rows.length };
  }

  #thread(thread: { id: string; active: boolean; createdAt: string } | undefined): Json {
    if (!thread) return {};
    return { ...this.#head(thread), events: this.rows.filter((row) => row.threadId === thread.id && row.event).map((row) => row.event) };
  }

  #head({ id, active, createdAt }: { id: string; active: boolean; createdAt: string }): Json {
    return { id, active, created_at: createdAt };
  }

  #users(): Json[] {
    return [
      { id: CUSTOMER, type: 'customer' },
      { id: AGENT, type: 'agent', name: 'Ada' },
    ];
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString().replace('Z', '000Z');
  }
}

function refusal(type: string): Json {
  return { error: { type, message: type } };
}
