import { fromJson } from '../json';
import { WireError } from '../wire/frames';
import type { Upload } from './api';

/** The part of XMLHttpRequest that is used: `fetch` tells no progress of what it sends. */
export interface Sending {
  readonly status: number;
  readonly responseText: string;
  readonly upload: { onprogress: ((event: { lengthComputable: boolean; loaded: number; total: number }) => void) | null };
  onload: (() => void) | null;
  onerror: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  send(body: FormData): void;
  abort(): void;
}

export interface UploadOptions {
  url: string;
  file: Blob | { uri: string; type?: string; name?: string };
  onProgress?: ((progress: number) => void) | undefined;
  token(): Promise<string>;
  open(): Sending;
}

interface Answer {
  url?: string;
  error?: { type?: string; code?: string; message?: string };
}

const MOST_BYTES = 10 * 1024 * 1024;

/** Sends a file. Nothing leaves where it is too big. */
export function upload({ url, file, onProgress, token, open }: UploadOptions): Upload {
  let sending: Sending | undefined;
  let cancel = (): void => {};
  const promise = new Promise<{ url: string }>((resolve, reject) => {
    let isOver = false;
    const fail = (type: string, message: string): void => {
      isOver = true;
      reject(new WireError(type, message, false));
    };
    cancel = () => {
      if (isOver) return;
      fail('upload_canceled', 'The upload was canceled.');
      sending?.abort();
    };
    if ('size' in file && file.size > MOST_BYTES) return fail('too_big_file', 'The file is above 10 MB.');
    const send = (token: string): void => {
      if (isOver) return;
      sending = open();
      sending.open('POST', url);
      sending.setRequestHeader('Authorization', `Bearer ${token}`);
      sending.upload.onprogress = ({ lengthComputable, loaded, total }) => {
        if (lengthComputable && total > 0 && !isOver) onProgress?.(loaded / total);
      };
      sending.onerror = () => fail('upload_failed', 'The server could not be reached.');
      sending.onload = () => {
        if (isOver) return;
        const answer = fromJson<Answer>(sending?.responseText ?? '');
        if (answer?.url) {
          isOver = true;
          return resolve({ url: answer.url });
        }
        const { type, code, message = 'The file was not taken.' } = answer?.error ?? {};
        fail(type ?? code ?? 'upload_failed', message);
      };
      const form = new FormData();
      form.append('file', file as Blob);
      sending.send(form);
    };
    token().then(send, (error: WireError) => fail(error.type, error.message));
  });
  return { promise, cancel: () => cancel() };
}
