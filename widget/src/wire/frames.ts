// The frames of the Customer Chat protocol: one JSON object each, names in snake_case.

export interface Push {
  action: string;
  payload: Record<string, unknown>;
  /** Only on the connection whose request caused it. */
  requestId?: string;
  /** It has settled that request, so whoever asked knows already. */
  isOwn?: boolean;
}

/** Why a request failed. `isRetryable` and `retryAfterMs` are the server's own word, or follow from a lost connection. */
export class WireError extends Error {
  readonly type: string;
  readonly isRetryable: boolean;
  readonly retryAfterMs: number;

  constructor(type: string, message: string, isRetryable: boolean, retryAfterMs = 0) {
    super(message);
    this.type = type;
    this.isRetryable = isRetryable;
    this.retryAfterMs = retryAfterMs;
  }

  /** The type as pages of the Customer SDK know it. */
  get code(): string {
    return this.type.toUpperCase();
  }
}

/** Any failure as one of the wire's. What is not of the wire is a fault of ours: told on the console, tried again, never thrown into the page. */
export function toWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  console.warn('Parlor:', error);
  return new WireError('internal', String(error), true);
}

interface Frame {
  action?: unknown;
  type?: unknown;
  success?: unknown;
  request_id?: unknown;
  payload?: Record<string, unknown>;
}

export type Incoming =
  | { kind: 'response'; requestId: string; payload: Record<string, unknown> }
  | { kind: 'refusal'; requestId: string; error: WireError }
  | { kind: 'push'; push: Push }
  | { kind: 'other' };

const TRANSIENT = ['internal', 'request_timeout', 'service_unavailable', 'too_many_requests', 'pending_requests_limit_reached'];
const OTHER: Incoming = { kind: 'other' };

/** Reads one frame. What is not of the protocol is of the kind `other` and only proves that the server lives. */
export function readFrame(text: string): Incoming {
  let frame: Frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return OTHER;
  }
  if (typeof frame !== 'object' || frame === null || typeof frame.action !== 'string') return OTHER;
  const requestId = typeof frame.request_id === 'string' ? frame.request_id : undefined;
  const payload = frame.payload ?? {};
  if (frame.type === 'push') return { kind: 'push', push: { action: frame.action, payload, ...(requestId && { requestId }) } };
  if (frame.type !== 'response' || !requestId) return OTHER;
  if (frame.success !== false) return { kind: 'response', requestId, payload };
  return { kind: 'refusal', requestId, error: readError(payload) };
}

function readError(payload: Record<string, unknown>): WireError {
  const error = (payload.error ?? {}) as { type?: string; message?: string; data?: { retryable?: boolean; retry_after?: number } };
  const type = error.type ?? 'internal';
  const isRetryable = error.data?.retryable ?? TRANSIENT.includes(type);
  return new WireError(type, error.message ?? type, isRetryable, (error.data?.retry_after ?? 0) * 1_000);
}
