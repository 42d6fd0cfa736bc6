import type { JSX } from 'preact';

const PATHS = {
  minimise: 'M6 9l6 6 6-6',
  send: 'M12 19V5M6 11l6-6 6 6',
  waiting: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18',
  stored: 'M5 13l4 4L19 7',
  seen: 'M2 13l4 4L16 7M12 16l1 1L23 7',
  refused: 'M12 7v6M12 16.5v.5M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18',
};

export function Icon({ name }: { name: keyof typeof PATHS }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
