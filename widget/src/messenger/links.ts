/** A stretch of text, with an address where it is a link. */
export interface Piece {
  text: string;
  href?: string;
}

const CANDIDATE = /(?:https?:\/\/|mailto:|www\.)[^\s<>"]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/gi;
const TRAILING = /[.,;:!?'"»”…\]}]+$/;
const SCHEMES = ['http:', 'https:', 'mailto:'];

/** Splits a text at its links. Only http, https and mailto become links; the rest stays as it was written. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const written = trim(match[0]);
    const href = address(written);
    if (!href) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push({ text: written, href });
    end = match.index + written.length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

/** Without the punctuation of the sentence around it, and without a closing bracket that was opened before it. */
function trim(written: string): string {
  const cut = written.replace(TRAILING, '');
  const isOpenedBefore = cut.endsWith(')') && cut.split(')').length > cut.split('(').length;
  return isOpenedBefore ? trim(cut.slice(0, -1)) : cut;
}

function address(written: string): string | null {
  const absolute = /^(?:https?:|mailto:)/i.test(written) ? written : written.includes('@') ? `mailto:${written}` : `https://${written}`;
  try {
    const url = new URL(absolute);
    return SCHEMES.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** An address of the web that a page may load from or lead to, or null; relative ones count from `base`. */
export function webAddress(written: string | undefined, base?: string): string | null {
  try {
    const url = new URL(written ?? '', base);
    return /^https?:$/.test(url.protocol) && written ? url.href : null;
  } catch {
    return null;
  }
}
