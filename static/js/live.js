// The agents' socket: one a page, opened by a one-time ticket, kept open with jittered back-off.
// Others listen by the type of an update and say what they follow each time it opens.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** Silence after which a ping goes out, and after which the socket is given up. */
const PING_AFTER_MS = 25_000;
const DEAD_AFTER_MS = 45_000;
/** How long a socket may be away before the page says so: a reload of the server should not flicker. */
const SAY_AFTER_MS = 1500;

const LOGIN_ENDED = 4001;
const LAGGING = 4008;
const RESTARTING = 1012;
const LIMITED = 1008;
const LIMITED_WAIT_MS = 30_000;

/** @typedef {Record<string, any> & { type: string }} Update */

class Live {
  /** @type {WebSocket | null} */
  #socket = null;
  #isOpen = false;
  #isConnecting = false;
  #tries = 0;
  #heardAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #say;
  /** @type {Map<string, Set<(update: Update) => void>>} */
  #listeners = new Map();
  /** @type {Set<() => void>} */
  #openers = new Set();

  /** Connects, and from then on reconnects by itself. */
  start() {
    void this.#connect();
    setInterval(() => this.#keepAlive(), 5000);
    addEventListener("online", () => this.#now());
    addEventListener("offline", () => this.#offline());
    addEventListener("pageshow", (event) => { if (event.persisted) this.#now(); });
    addEventListener("pagehide", () => this.#socket?.close(1000));
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#now(); });
  }

  /** Whether messages can be sent now. */
  get isOpen() {
    return this.#isOpen;
  }

  /**
   * Calls `listener` with each update of this type.
   * @param {string} type
   * @param {(update: Update) => void} listener
   */
  on(type, listener) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  /**
   * Calls `opener` each time the socket opens, and at once if it is open.
   * @param {() => void} opener
   */
  onOpen(opener) {
    this.#openers.add(opener);
    if (this.#isOpen) opener();
  }

  /**
   * Sends a message; false where there is no open socket.
   * @param {Update} message
   */
  send(message) {
    if (!this.#isOpen || !this.#socket) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  async #connect() {
    if (this.#socket || this.#isConnecting || !navigator.onLine) {
      if (!navigator.onLine) this.#offline();
      return;
    }
    clearTimeout(this.#retry);
    this.#isConnecting = true;
    try {
      const ticket = await getTicket();
      if (ticket !== null) this.#open(ticket);
    } catch {
      this.#later();
    } finally {
      this.#isConnecting = false;
    }
  }

  /** @param {string} ticket */
  #open(ticket) {
    const url = new URL(`${base()}/live`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("ticket", ticket);
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#heardAt = Date.now();
    socket.addEventListener("message", (event) => this.#hear(socket, String(event.data)));
    socket.addEventListener("close", (event) => this.#closed(socket, event));
  }

  /**
   * @param {WebSocket} socket
   * @param {string} text
   */
  #hear(socket, text) {
    if (socket !== this.#socket) return;
    this.#heardAt = Date.now();
    /** @type {Update} */
    const update = JSON.parse(text);
    if (update.type === "hello") this.#opened();
    for (const listener of this.#listeners.get(update.type) ?? []) listener(update);
  }

  #opened() {
    this.#isOpen = true;
    this.#tries = 0;
    clearTimeout(this.#say);
    this.#say = undefined;
    sayConnection(null);
    for (const opener of this.#openers) opener();
  }

  /**
   * @param {WebSocket} socket
   * @param {CloseEvent} event
   */
  #closed(socket, event) {
    if (socket !== this.#socket) return;
    this.#drop();
    if (event.code === LOGIN_ENDED) {
      location.assign(`${base()}/login`);
    } else if (event.code === LAGGING) {
      void this.#connect();
    } else if (event.code === LIMITED) {
      this.#later(LIMITED_WAIT_MS);
    } else if (event.code === RESTARTING) {
      this.#later(retryIn(event.reason));
    } else {
      this.#later();
    }
  }

  #drop() {
    this.#socket = null;
    this.#isOpen = false;
    this.#say ??= setTimeout(() => sayConnection("Connecting again. What you write is kept and sent then."), SAY_AFTER_MS);
  }

  #offline() {
    const socket = this.#socket;
    this.#drop();
    socket?.close();
    sayConnection("You are offline. What you write is kept and sent when you are back.");
  }

  /** @param {number} [wait_ms] */
  #later(wait_ms) {
    // A number, even 0, is the server's wish; otherwise full jitter.
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries);
    this.#tries += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), wait_ms ?? longest * (0.3 + 0.7 * Math.random()));
  }

  #now() {
    if (!this.#socket) void this.#connect();
    else this.#keepAlive();
  }

  #keepAlive() {
    const socket = this.#socket;
    if (!socket) return;
    const silence_ms = Date.now() - this.#heardAt;
    if (silence_ms > DEAD_AFTER_MS) {
      this.#drop();
      socket.close();
      void this.#connect();
    } else if (silence_ms > PING_AFTER_MS) {
      this.send({ type: "ping" });
    }
  }
}

/** A ticket for one socket; null where the page is being left for the login page. */
async function getTicket() {
  const answer = await fetch(`${base()}/live/ticket`, {
    method: "POST",
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(10_000),
  });
  if (answer.status === 401) {
    location.assign(`${base()}/login`);
    return null;
  }
  if (!answer.ok) throw new Error(`no ticket: ${answer.status}`);
  /** @type {{ ticket: string }} */
  const body = await answer.json();
  return body.ticket;
}

/**
 * The wait that a stopping server asks for, in ms.
 * @param {string} reason
 */
function retryIn(reason) {
  const seconds = Number.parseFloat(/retry_in\D*([\d.]+)/.exec(reason)?.[1] ?? "");
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** @param {string | null} text */
function sayConnection(text) {
  const line = document.querySelector("[data-connection-line]");
  const words = line?.querySelector("span");
  if (!(line instanceof HTMLElement) || !words) return;
  words.textContent = text ?? "";
  line.hidden = text === null;
}

/** The base path, without a slash at its end. */
export function base() {
  return document.body.dataset["base"] ?? "";
}

export const live = new Live();
