import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Participant } from '../customer/replica';
import { webAddress } from './links';

const COLOURS = 6;

/** An agent's picture, or initials on a colour made from the id where there is none or the page's policy forbids it. */
export function Avatar({ user, base }: { user: Pick<Participant, 'id' | 'name' | 'avatar'>; base: string }): JSX.Element {
  const [failed, setFailed] = useState('');
  const source = webAddress(user.avatar, base);
  if (source && source !== failed) {
    return <img class="avatar" src={source} alt="" referrerpolicy="no-referrer" onError={() => setFailed(source)} />;
  }
  return (
    <span class={`avatar colour-${colour(user.id)}`} aria-hidden="true">
      {initials(user.name)}
    </span>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const picked = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return picked.map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase();
}

function colour(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return sum % COLOURS;
}
