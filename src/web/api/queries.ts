/**
 * What was read, kept by URI. It stays good until an event says otherwise, so that nothing is asked twice and nothing is
 * polled: live.ts marks as old what an event names.
 */
import { QueryClient, type UseQueryResult, useMutation, useQueries, useQuery } from '@tanstack/react-query';
import type { Answer } from './client.ts';
import { ApiError } from './errors.ts';
import type { Collection, Resource } from './schema.ts';
import { client } from './session.ts';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // What the service refuses it refuses again; only a lost line is tried anew.
      retry: (failures, error) => error instanceof ApiError && error.kind === 'unreachable' && failures < 2,
    },
    mutations: { retry: false },
  },
});

const scope = 'redfish';

/** @returns the URI that a query of this key reads; undefined for one of another kind */
export function uriOfKey(key: readonly unknown[]): string | undefined {
  const [first, uri] = key;
  return first === scope && typeof uri === 'string' ? uri : undefined;
}

/** Changes what was read of a resource, as an event tells of it; nothing where it was not read. */
export function change<T>(uri: string, to: (known: T) => T): void {
  queryClient.setQueryData<T>([scope, uri], (known) => known && to(known));
}

/** A resource, or a collection by a URI with its query string. With undefined nothing is read yet. */
export function useResource<T>(uri: string | undefined): UseQueryResult<T, ApiError> {
  return useQuery<T, ApiError>({
    queryKey: [scope, uri],
    enabled: uri !== undefined,
    queryFn: async ({ signal }) => (await client.get<T>(uri ?? '', { signal })).body,
  });
}

/** Several resources, such as those that a list of links names; those that have been read, in its order. */
export function useResources<T>(uris: readonly string[]): {
  readonly data: readonly T[];
  readonly isPending: boolean;
  readonly error: ApiError | undefined;
} {
  return useQueries({
    queries: uris.map((uri) => ({
      queryKey: [scope, uri],
      queryFn: async ({ signal }: { readonly signal: AbortSignal }) =>
        (await client.get<T>(uri, { signal })).body,
    })),
    combine: (results) => ({
      data: results.flatMap(({ data }) => (data === undefined ? [] : [data])),
      isPending: results.some((result) => result.isPending),
      error: results.map(({ error }) => error).find((error) => error instanceof ApiError),
    }),
  });
}

/** A collection with its members whole, all pages of it. */
export function useMembers<T>(uri: string | undefined): UseQueryResult<readonly T[], ApiError> {
  return useQuery<readonly T[], ApiError>({
    queryKey: [scope, uri, 'members'],
    enabled: uri !== undefined,
    queryFn: async ({ signal }) => {
      const members: T[] = [];
      let next: string | undefined = `${uri}?$expand=.`;
      while (next !== undefined) {
        const { body }: Answer<Collection<T>> = await client.get<Collection<T>>(next, { signal });
        members.push(...body.Members);
        next = body['Members@odata.nextLink'];
      }
      return members;
    },
  });
}

/**
 * Whatever is read of a resource in more than one request; read anew when the resource has changed.
 * @param key what tells it from other readings of the same resource
 */
export function useReading<T>(
  uri: string | undefined,
  key: readonly unknown[],
  read: (uri: string, signal: AbortSignal) => Promise<T>,
): UseQueryResult<T, ApiError> {
  return useQuery<T, ApiError>({
    queryKey: [scope, uri, ...key],
    enabled: uri !== undefined,
    queryFn: ({ signal }) => read(uri ?? '', signal),
    // The next page of a list takes the place of this one when it is there, without a flash between.
    placeholderData: (before) => before,
  });
}

/** The last `count` entries of a log, newest first, and how many there are. */
export function useLatest<T>(
  uri: string,
  count: number,
): UseQueryResult<{ readonly total: number; readonly entries: readonly T[] }, ApiError> {
  return useQuery<{ readonly total: number; readonly entries: readonly T[] }, ApiError>({
    queryKey: [scope, uri, 'latest', count],
    queryFn: async ({ signal }) => {
      const head = await client.get<Collection<T>>(`${uri}?$top=1`, { signal });
      const total = head.body['Members@odata.count'];
      const skip = Math.max(0, total - count);
      const { body } = await client.get<Collection<T>>(`${uri}?$skip=${skip}`, { signal });
      return { total: body['Members@odata.count'], entries: [...body.Members].reverse().slice(0, count) };
    },
  });
}

/**
 * Changes properties of a resource, as it was read: when somebody else has changed it since, the service refuses
 * (ApiError `changed`) and the new state is read.
 */
export function usePatch<T extends Resource>(uri: string) {
  return useMutation<Answer<unknown>, ApiError, Readonly<Record<string, unknown>>>({
    mutationFn: (change) => {
      const known = queryClient.getQueryData<T>([scope, uri]);
      return client.patch(uri, change, { etag: known?.['@odata.etag'] });
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: [scope, uri] }),
  });
}

/** An action, or a POST to a collection. */
export function usePost<Body = Readonly<Record<string, unknown>>, Made = unknown>(uri: string | undefined) {
  return useMutation<Answer<Made>, ApiError, Body>({
    mutationFn: (body) => client.post<Made>(uri ?? '', body),
  });
}

export function useDelete() {
  return useMutation<Answer<unknown>, ApiError, string>({ mutationFn: (uri) => client.delete(uri) });
}
