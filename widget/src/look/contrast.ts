// A site chooses its accent; what is readable on it is computed, not trusted. WCAG 2 relative luminance and contrast ratio.

type Rgb = [number, number, number];

/** Colours as CSS text. */
export interface Accent {
  /** Fill of buttons and own messages. */
  fill: string;
  /** Text and icons on the fill, at least 4.5:1. */
  ink: string;
  /** Links and focus rings on paper, at least 4.5:1. */
  text: string;
}

const READABLE = 4.5;
const STEP = 0.06;
const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [28, 25, 23];
const DEFAULT: Rgb = [15, 118, 110];
const PAPER: { light: Rgb; dark: Rgb } = { light: [250, 249, 247], dark: [28, 25, 23] };

/** Readable colours made from `#rrggbb` or `#rgb`; anything else gives the default teal. */
export function accentOn(scheme: 'light' | 'dark', colour: string): Accent {
  const chosen = parse(colour) ?? DEFAULT;
  let fill = scheme === 'dark' ? mix(chosen, WHITE, 0.12) : chosen;
  while (contrast(fill, WHITE) < READABLE && contrast(fill, INK) < READABLE) fill = mix(fill, [0, 0, 0], STEP);
  const ink = contrast(fill, WHITE) >= READABLE ? WHITE : INK;
  const paper = PAPER[scheme];
  const towards: Rgb = scheme === 'dark' ? WHITE : [0, 0, 0];
  let text = chosen;
  while (contrast(text, paper) < READABLE) text = mix(text, towards, STEP);
  return { fill: css(fill), ink: css(ink), text: css(text) };
}

function parse(colour: string): Rgb | null {
  const short = /^#([\da-f])([\da-f])([\da-f])$/i.exec(colour);
  const digits = short ? short.slice(1).map((digit) => digit + digit) : /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(colour)?.slice(1);
  return digits ? (digits.map((pair) => Number.parseInt(pair, 16)) as Rgb) : null;
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  return from.map((part, index) => part + ((to[index] ?? 0) - part) * share) as Rgb;
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** From 1 (equal) to 21 (black on white). */
export function contrast(a: Rgb, b: Rgb): number {
  const [lighter, darker] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

function css(colour: Rgb): string {
  return `#${colour.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}
