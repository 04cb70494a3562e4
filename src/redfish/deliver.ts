/**
 * Sends an event to a receiver: one POST over a connection of its own. The address that the name leads to is judged when
 * the connection is made, so that a name that changes its address meanwhile leads nowhere else.
 */
import { lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressPolicy } from '../media/address-policy.ts';
import type { Deliver } from './subscriptions.ts';

/** From the connection to the end of the answer. */
const timeoutMs = 10_000;

/** @returns why nothing may be sent there; undefined for a destination that is permitted as far as its text tells */
export function destinationProblem(destination: string, policy: AddressPolicy): string | undefined {
  let url: URL;
  try {
    url = new URL(destination);
  } catch {
    return 'not a URL';
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'neither http nor https';
  if (url.username !== '' || url.password !== '') return 'name and password belong into HttpHeaders';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return policy.refusal(host);
  // What it leads to is looked at when something is sent there; this name is known before.
  return /(^|\.)localhost$/i.test(host) ? policy.refusal('127.0.0.1') : undefined;
}

export function httpDeliver(policy: AddressPolicy): Deliver {
  const judged: LookupFunction = (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const permitted = addresses.filter(({ address }) => policy.refusal(address) === undefined);
      const [first] = permitted;
      if (!first) return callback(new Error(`${host} leads to an address that is refused`), '', 0);
      return options.all ? callback(null, permitted) : callback(null, first.address, first.family);
    });
  };
  return ({ destination, httpHeaders, verifyCertificate }, body, stopped) =>
    new Promise((resolve, reject) => {
      // Addresses in the URL are not looked up, hence judged here, and again each time: our own may change.
      const problem = destinationProblem(destination, policy);
      if (problem !== undefined) return reject(new Error(`${destination}: ${problem}`));
      const isSecure = destination.toLowerCase().startsWith('https:');
      const request = (isSecure ? httpsRequest : httpRequest)(destination, {
        method: 'POST',
        agent: false,
        lookup: judged,
        signal: AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]),
        ...(isSecure && { rejectUnauthorized: verifyCertificate }),
        headers: {
          ...httpHeaders,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'odata-version': '4.0',
        },
      });
      request.once('error', reject);
      request.once('response', (response) => {
        // What the receiver says beside its status is of no interest.
        response.resume();
        response.once('error', reject);
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`the receiver answered ${status}`));
        response.destroy();
      });
      request.end(body);
    });
}
