import type { JSX } from 'preact';
import { fill, type Texts } from '../look/texts';
import { Icon } from './icons';
import type { Uploads } from './uploads';

/** Files on their way, above the composer. */
export function OutgoingFiles({ uploads, texts }: { uploads: Uploads; texts: Texts }): JSX.Element | null {
  if (!uploads.list.length) return null;
  return (
    <ul class="outgoing">
      {uploads.list.map(({ id, file, progress, error }) => (
        <li key={id}>
          <div class="file">
            <bdi>{file.name}</bdi>
            {error ? (
              <span class="wrong" role="alert">
                {texts.refusals[error] ?? texts.failed}
              </span>
            ) : (
              <progress value={progress} aria-label={file.name} />
            )}
          </div>
          {error && error !== 'entity_too_large' && (
            <button type="button" class="link" onClick={() => uploads.retry(id)}>
              {texts.retry}
            </button>
          )}
          <button type="button" class="round" aria-label={fill(texts.cancel, { name: file.name })} onClick={() => uploads.remove(id)}>
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
