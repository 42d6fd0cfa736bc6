const TOKEN_BYTES = 32;
const ID_BYTES = 16;

/** Random bytes of the system's generator as base64url without padding. */
function randomText(bytes: number): string {
  const text = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** A bearer secret of 256 bits, 43 characters. */
export const randomToken = (): string => randomText(TOKEN_BYTES);

/** An id of 128 bits, 22 characters. */
export const randomId = (): string => randomText(ID_BYTES);
