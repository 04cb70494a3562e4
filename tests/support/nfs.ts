/** Images by the BMC's own NFS client, as a drive fetches them. */
import { AddressPolicy } from '../../src/media/address-policy.ts';
import { FileImages } from '../../src/media/image-store.ts';
import { NfsFetcher, type NfsFetcherOptions } from '../../src/media/nfs-fetch.ts';

const noTrust = { verify: false, certificates: [] };
export interface NfsFetch extends Partial<Omit<NfsFetcherOptions, 'policy'>> {
  readonly signal?: AbortSignal;
  readonly maxBytes?: number;
}

/** @param dir where the image comes; @returns its file there */
export async function fetchByNfs(
  dir: string,
  url: string,
  { signal, maxBytes = 1 << 24, ...options }: NfsFetch = {},
): Promise<string> {
  const policy = new AddressPolicy({ allow: ['127.0.0.1'], deny: [] });
  const fetcher = new NfsFetcher({ policy, ...options });
  const request = { url };
  fetcher.check(request);
  const images = new FileImages({ directory: dir, maxBytes });
  const writer = await fetcher.fetch(
    request,
    noTrust,
    (sizeBytes) => images.create('cd', url, sizeBytes),
    signal ?? new AbortController().signal,
  );
  return (await writer.finish()).file;
}
