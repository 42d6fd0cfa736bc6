// Between the wire's snake_case and clients' camelCase.

export type Json = Record<string, unknown>;

/** Maps whose keys are people's own. */
const VERBATIM = ['properties', 'content', 'text_vars', 'textVars'];

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

export function string(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** A copy with its keys in camelCase, however deep. */
export function camel(value: Json): Json {
  return renamed(value, (key) => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())) as Json;
}

/** A copy with its keys in snake_case, however deep; what is undefined is left out. */
export function snake(value: object): Json {
  return renamed(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) as Json;
}

function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [rename(key), VERBATIM.includes(key) ? inner : renamed(inner, rename)]),
  );
}
