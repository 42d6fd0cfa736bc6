import { backoff } from '../backoff';
import type { Clock } from '../clock';
import { toJson } from '../json';
import { type Push, readFrame, toWireError, WireError } from './frames';

/** The part of WebSocket that is used. */
export interface Socket {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** `waiting` tries again by itself, `asleep` at the next sign of interest, `stopped` only by `start`. */
export type WireState = 'stopped' | 'connecting' | 'ready' | 'waiting' | 'asleep';

export interface WireListener {
  /** Logs in on a fresh connection. Rejecting with a retryable error tries again later; any other stops the wire. */
  login(): Promise<void>;
  push(push: Push): void;
  changed(state: WireState): void;
  /** The server will not have this token. The wire has stopped. */
  unauthorized(): void;
  /** Nobody will ever be let in like this. The wire has stopped. */
  failed(error: WireError): void;
  /** The server refused the size of what was sent last. */
  tooLarge(): void;
  /** The connection stands, but is doubtful; or proved itself again. */
  doubted(isDoubtful: boolean): void;
}

const OPEN = 1;
const PING_MS = 25_000;
const SILENCE_MS = 45_000;
const PROBE_MS = 5_000;
const OPEN_MS = 15_000;
const RESPONSE_MS = 20_000;
const LIMITED_MS = 30_000;
/** A ping without any answer for so long makes the connection doubtful. */
const DOUBT_MS = 5_000;
/** A connection that lived so long was a good one: the next failure starts from the shortest wait. */
const STABLE_MS = 10_000;

interface Pending {
  resolve(payload: Record<string, unknown>): void;
  reject(error: WireError): void;
  cancel(): void;
  /** Name of the push that settles it in place of the response. */
  settledBy: string | undefined;
}

/** One lasting connection: requests with answers, pushes, signs of life, and coming back after every kind of loss. */
export class Wire {
  readonly #address: () => string | Promise<string>;
  readonly #listener: WireListener;
  readonly #clock: Clock;
  readonly #open: (address: string) => Socket;
  readonly #pending = new Map<string, Pending>();
  #socket: Socket | null = null;
  #state: WireState = 'stopped';
  #failures = 0;
  #requests = 0;
  #heardAt = 0;
  #framesHeard = 0;
  #readyAt = 0;
  #tries = 0;
  #isDoubtful = false;
  #cancelTimer = (): void => {};
  #cancelDoubt = (): void => {};

  constructor(address: () => string | Promise<string>, listener: WireListener, clock: Clock, open: (address: string) => Socket) {
    this.#address = address;
    this.#listener = listener;
    this.#clock = clock;
    this.#open = open;
  }

  get state(): WireState {
    return this.#state;
  }

  /** Connects, or does so at once when waiting. */
  start(): void {
    if (this.#state !== 'connecting' && this.#state !== 'ready') this.#connect();
  }

  /** Leaves for good, or until `start`. */
  stop(): void {
    this.#drop(1000);
    this.#enter('stopped');
  }

  /** Gives the connection up for another one, after a random wait of at least so many ms. */
  restart(atLeast = 0): void {
    if (this.#state !== 'stopped') this.#lost(atLeast);
  }

  /** Leaves until somebody is interested again. */
  sleep(): void {
    this.#drop(1000);
    this.#enter('asleep');
  }

  /** Something outside says that the connection may be dead; the next frame proves that it is not. */
  doubt(): void {
    if (this.#state !== 'ready' || this.#isDoubtful) return;
    this.#isDoubtful = true;
    this.#listener.doubted(true);
  }

  /** Something happened that makes the connection doubtful, possible or wanted: the tab woke, the network came back. */
  probe(): void {
    if (this.#state === 'waiting' || this.#state === 'asleep') this.#connect();
    if (this.#state !== 'ready') return;
    const framesBefore = this.#framesHeard;
    this.#ping();
    this.#timer(PROBE_MS, () => (this.#framesHeard > framesBefore ? this.#watch() : this.#lost(0)));
  }

  /**
   * Sends a request and gives the payload of its response, or of the push `settledBy` that carries its id. Rejects with `connection_lost`
   * (retryable) when the connection ends before that.
   */
  request(action: string, payload: object, settledBy?: string): Promise<Record<string, unknown>> {
    const requestId = `r${++this.#requests}`;
    return new Promise((resolve, reject) => {
      if (!this.#socket) return reject(new WireError('connection_lost', 'Not connected.', true));
      const cancel = this.#clock.after(RESPONSE_MS, () => {
        this.#pending.delete(requestId);
        reject(new WireError('request_timeout', `No answer to ${action}.`, true));
      });
      this.#pending.set(requestId, { resolve, reject, cancel, settledBy });
      this.#send({ request_id: requestId, action, payload });
    });
  }

  #connect(): void {
    this.#cancelTimer();
    this.#enter('connecting');
    const attempt = ++this.#tries;
    const address = this.#address();
    if (typeof address === 'string') return this.#dial(address);
    address.then(
      (address) => this.#tries === attempt && this.#dial(address),
      (error: unknown) => this.#tries === attempt && this.#failed(toWireError(error)),
    );
  }

  #dial(address: string): void {
    let socket: Socket;
    try {
      socket = this.#open(address);
    } catch {
      // The page's content policy forbids it; it may be another page's policy next time.
      return this.#retry(LIMITED_MS);
    }
    this.#socket = socket;
    this.#timer(OPEN_MS, () => this.#lost(0));
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = ({ data }) => this.#heard(socket, data);
    socket.onclose = ({ code, reason }) => this.#closed(socket, code, reason);
    socket.onerror = () => {};
  }

  async #opened(socket: Socket): Promise<void> {
    if (socket !== this.#socket) return;
    this.#heardAt = this.#clock.now();
    this.#timer(RESPONSE_MS, () => this.#lost(0));
    try {
      await this.#listener.login();
    } catch (error) {
      if (socket === this.#socket) this.#failed(toWireError(error));
      return;
    }
    if (socket !== this.#socket) return;
    this.#readyAt = this.#clock.now();
    this.#watch();
    this.#enter('ready');
  }

  #failed(error: WireError): void {
    if (error.type === 'authentication') return this.#refused();
    if (error.isRetryable) return this.#lost(error.retryAfterMs);
    this.stop();
    this.#listener.failed(error);
  }

  #heard(socket: Socket, data: unknown): void {
    if (socket !== this.#socket) return;
    this.#heardAt = this.#clock.now();
    this.#framesHeard += 1;
    this.#trust();
    const frame = readFrame(String(data));
    if (frame.kind === 'push') return this.#pushed(frame.push);
    if (frame.kind === 'other') return;
    const pending = this.#pending.get(frame.requestId);
    if (!pending || (frame.kind === 'response' && pending.settledBy)) return;
    this.#settle(frame.requestId, pending);
    if (frame.kind === 'response') pending.resolve(frame.payload);
    else pending.reject(frame.error);
  }

  #pushed(push: Push): void {
    const { requestId = '', action, payload } = push;
    const pending = this.#pending.get(requestId);
    if (pending?.settledBy !== action) return this.#listener.push(push);
    this.#settle(requestId, pending);
    this.#listener.push({ ...push, isOwn: true });
    pending.resolve(payload);
  }

  #settle(requestId: string, { cancel }: Pending): void {
    this.#pending.delete(requestId);
    cancel();
  }

  #trust(): void {
    this.#cancelDoubt();
    if (!this.#isDoubtful) return;
    this.#isDoubtful = false;
    this.#listener.doubted(false);
  }

  #ping(): void {
    this.#cancelDoubt();
    this.#cancelDoubt = this.#clock.after(DOUBT_MS, () => this.doubt());
    this.#send({ action: 'ping' });
  }

  /** Asks for a sign of life after a while of silence, and gives the connection up when none comes. */
  #watch(): void {
    const silence = this.#clock.now() - this.#heardAt;
    if (silence >= SILENCE_MS) return this.#lost(0);
    if (silence >= PING_MS) this.#ping();
    this.#timer((silence >= PING_MS ? SILENCE_MS : PING_MS) - silence, () => this.#watch());
  }

  #closed(socket: Socket, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    switch (code) {
      case 1000:
        // Nothing happened for long: the server wants to see no more of an idle tab.
        return this.sleep();
      case 4001:
        return this.#refused();
      case 1008:
        return this.#lost(LIMITED_MS);
      case 1009:
        this.#listener.tooLarge();
        return this.#lost(0);
      case 1012:
        return this.#lost(0, retryIn(reason));
      case 4008:
        return this.#lost(0, 0);
      default:
        return this.#lost(0);
    }
  }

  #refused(): void {
    this.stop();
    this.#listener.unauthorized();
  }

  /** The connection is gone: tries again after `exactly` ms, or after a random wait of at least `atLeast` ms. */
  #lost(atLeast: number, exactly?: number): void {
    if (this.#readyAt && this.#clock.now() - this.#readyAt >= STABLE_MS) this.#failures = 0;
    this.#drop();
    // An exact wait is the server's wish for once; a server that wishes it again and again is backed away from.
    const isWish = exactly !== undefined && this.#failures === 0;
    const wait = isWish ? exactly : Math.max(exactly ?? 0, atLeast + backoff(this.#failures, this.#clock.random));
    this.#failures += 1;
    this.#retry(wait);
  }

  #retry(wait: number): void {
    this.#timer(wait, () => this.#connect());
    this.#enter('waiting');
  }

  #drop(code?: number): void {
    this.#cancelTimer();
    this.#cancelDoubt();
    this.#isDoubtful = false;
    this.#tries += 1;
    this.#readyAt = 0;
    const socket = this.#socket;
    this.#socket = null;
    try {
      socket?.close(code);
    } catch {
      // Already closed.
    }
    for (const pending of [...this.#pending.values()]) {
      pending.cancel();
      pending.reject(new WireError('connection_lost', 'The connection was lost.', true));
    }
    this.#pending.clear();
  }

  /** On a closing socket nothing is sent: its close event follows and takes the pending requests along. */
  #send(frame: object): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(toJson(frame));
  }

  #timer(ms: number, call: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(ms, call);
  }

  #enter(state: WireState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listener.changed(state);
  }
}

/** The wait a stopping server asks for, in ms: seconds after `retry_in` in the close reason. */
function retryIn(reason: string): number | undefined {
  const seconds = /retry_in\D*(\d+(?:\.\d+)?)/.exec(reason)?.[1];
  return seconds ? Number(seconds) * 1_000 : undefined;
}
