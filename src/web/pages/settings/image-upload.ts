/**
 * Sends an image to the update service, as a form, and tells how far it is: by XMLHttpRequest, since `fetch` does not tell
 * what has been sent. DSP0266 §13.9.2.
 */
import { ApiError, extendedMessages, kindOfStatus, retryAfterOf } from '../../api/errors.ts';
import { session } from '../../api/session.ts';
import type { Task } from './schema.ts';

export interface ImageUpload {
  readonly uri: string;
  readonly file: File;
  readonly targets: readonly string[];
  /** When firmware is put to use; undefined for what knows no choice. */
  readonly applyTime?: 'Immediate' | 'OnReset' | undefined;
  readonly signal: AbortSignal;
  /** From 0 to 1. */
  progress(share: number): void;
}

export function uploadForm({
  file,
  targets,
  applyTime,
}: Pick<ImageUpload, 'file' | 'targets' | 'applyTime'>): FormData {
  const parameters = {
    ...(targets.length > 0 && { Targets: targets }),
    ...(applyTime && { '@Redfish.OperationApplyTime': applyTime }),
  };
  const form = new FormData();
  form.append('UpdateParameters', new Blob([JSON.stringify(parameters)], { type: 'application/json' }));
  form.append('UpdateFile', file, file.name);
  return form;
}

/** @returns the task that goes on. @throws {ApiError} @throws {DOMException} AbortError */
export function uploadImage(upload: ImageUpload): Promise<Task> {
  const { uri, signal, progress } = upload;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const end = () => signal.removeEventListener('abort', abort);
    request.open('POST', uri);
    request.setRequestHeader('x-auth-token', session.token ?? '');
    request.upload.onprogress = ({ lengthComputable, loaded, total }) => {
      if (lengthComputable) progress(loaded / total);
    };
    request.onload = () => {
      end();
      const body = parsed(request.responseText);
      if (request.status === 202) return resolve(body as Task);
      const after = request.getResponseHeader('retry-after');
      reject(
        new ApiError({
          kind: kindOfStatus(request.status),
          method: 'POST',
          uri,
          status: request.status,
          messages: extendedMessages(body),
          retryAfterS: retryAfterOf(new Headers(after === null ? {} : { 'retry-after': after })),
        }),
      );
    };
    request.onerror = () => {
      end();
      reject(new ApiError({ kind: 'unreachable', method: 'POST', uri }));
    };
    request.onabort = () => {
      end();
      reject(new DOMException('cancelled', 'AbortError'));
    };
    signal.addEventListener('abort', abort);
    request.send(uploadForm(upload));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
