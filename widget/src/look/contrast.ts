// A site chooses its accent; what is readable on it is computed, not trusted. WCAG 2 relative luminance and contrast ratio.

type Rgb = [number, number, number];

/** The colour of buttons and own messages, and what is written on it, as CSS. */
export interface Accent {
  fill: string;
  /** At least 4.5:1 on the fill. */
  ink: string;
}

export type Scheme = 'light' | 'dark';

const READABLE = 4.5;
const STEP = 0.06;
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const INK: Rgb = [28, 25, 23];
const DEFAULT: Rgb = [15, 118, 110];

/** Readable colours made from `#rrggbb`; anything else gives the default teal. */
export function accentOn(scheme: Scheme, colour: string): Accent {
  let fill = scheme === 'dark' ? mix(parse(colour), WHITE, 0.12) : parse(colour);
  const ink = (): Rgb | undefined => [WHITE, INK].find((ink) => contrast(fill, ink) >= READABLE);
  while (!ink()) fill = mix(fill, BLACK, STEP);
  return { fill: css(fill), ink: css(ink() ?? WHITE) };
}

/** The accent as a colour of text, at least 4.5:1 on the paper of the scheme. */
export function accentText(scheme: Scheme, colour: string): string {
  const [paper, towards]: [Rgb, Rgb] = scheme === 'dark' ? [INK, WHITE] : [[250, 249, 247], BLACK];
  let text = parse(colour);
  while (contrast(text, paper) < READABLE) text = mix(text, towards, STEP);
  return css(text);
}

function parse(colour: string): Rgb {
  const digits = /^#(..)(..)(..)$/.exec(colour)?.slice(1).map((pair) => Number(`0x${pair}`));
  return digits && !digits.some(Number.isNaN) ? (digits as Rgb) : DEFAULT;
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
  const [one, other] = [luminance(a) + 0.05, luminance(b) + 0.05];
  return Math.max(one / other, other / one);
}

function css(colour: Rgb): string {
  return `rgb(${colour.map(Math.round).join(' ')})`;
}
