import type { JSX } from 'preact';

const PATHS = {
  attach: 'M21.4 11.1l-9.2 9.2a6 6 0 0 1-8.5-8.5l9.2-9.2a4 4 0 0 1 5.7 5.7l-9.2 9.2a2 2 0 0 1-2.8-2.8l8.5-8.5',
  close: 'M6 6l12 12M18 6L6 18',
  file: 'M14 2H6v20h12V6zV6h4',
  good: 'M7 10v12M15 6l-1 4h6a2 2 0 0 1 2 2.6l-2.3 8a2 2 0 0 1-2 1.4H4a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2h3l4-8a3 3 0 0 1 4 4',
  bad: 'M17 14V2M9 18l1-4H4a2 2 0 0 1-2-2.6l2.3-8a2 2 0 0 1 2-1.4H20a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-3l-4 8a3 3 0 0 1-4-4',
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
