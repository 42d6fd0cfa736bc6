// Checks of what a page hands to Parlor(). The page is a stranger: its arguments are copied and named when wrong, never trusted.

const MOST_NAME = 200;

/** A wrong argument. Thrown inside the loader only; the page gets it as an outcome. */
export class Invalid {
  readonly field: string;
  readonly message: string;

  constructor(field: string, what: string) {
    this.field = field;
    this.message = `${field} ${what}`;
  }
}

/** A plain copy of an object that holds JSON values. */
export function record(value: unknown, field: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Invalid(field, 'must be an object');
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    throw new Invalid(field, 'must hold JSON values only');
  }
}

export function text(value: unknown, field: string): string {
  if (typeof value !== 'string' || !value.trim()) throw new Invalid(field, 'must be a text');
  if (value.length > MOST_NAME) throw new Invalid(field, `must have at most ${MOST_NAME} characters`);
  return value;
}

export function listener(value: unknown): (detail: unknown) => void {
  if (typeof value !== 'function') throw new Invalid('listener', 'must be a function');
  return value as (detail: unknown) => void;
}
