/**
 * JSON that every strict parser accepts: half surrogate pairs, which `JSON.stringify` escapes, become U+FFFD.
 * The first alternative takes escaped backslashes, so that text which merely looks like an escape stays as it is.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(/(\\\\)|\\ud[89a-f][0-9a-f]{2}/g, (_, pair) => pair ?? '\ufffd');
}

/** The parsed object, or null where the text is not a JSON object. */
export function fromJson<T extends object>(text: string | null): T | null {
  try {
    const value = JSON.parse(text ?? '');
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
