import type { Socket } from '../../src/wire/wire';

export interface Request {
  request_id?: string;
  action: string;
  payload?: Record<string, unknown>;
}

/** The far end of a socket in the hands of a test. */
export class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly sent: Request[] = [];
  isClosed = false;
  readyState = 1;
  onrequest: ((request: Request) => void) | null = null;

  send(text: string): void {
    if (this.isClosed) throw new Error('closed');
    const request = JSON.parse(text) as Request;
    this.sent.push(request);
    this.onrequest?.(request);
  }

  close(): void {
    this.readyState = 3;
    this.isClosed = true;
  }

  open(): void {
    this.onopen?.();
  }

  receive(frame: object): void {
    if (!this.isClosed) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  answer({ request_id, action }: Request, payload: object = {}): void {
    this.receive({ request_id, action, type: 'response', success: true, payload });
  }

  refuse({ request_id, action }: Request, error: object): void {
    this.receive({ request_id, action, type: 'response', success: false, payload: { error } });
  }

  push(action: string, payload: object): void {
    this.receive({ action, type: 'push', payload });
  }

  /** The server, or the network, ends the connection. */
  cut(code = 1006, reason = ''): void {
    if (this.isClosed) return;
    this.close();
    this.onclose?.({ code, reason });
  }
}
