/**
 * What the server offers in TLS: versions 1.2 and 1.3, keys agreed on afresh for each connection (ECDHE), authenticated
 * encryption (AEAD) only, in our order of preference; no compression, no renegotiation.
 */
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

/** PEM form: the certificate with those between it and its root, and its key. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

const cipherSuites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
];

export function secureContextOptions({ certificate, key }: KeyPair) {
  return {
    cert: certificate,
    key,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: cipherSuites.join(':'),
    honorCipherOrder: true,
    ecdhCurve: 'X25519:P-256:P-384',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  } as const satisfies SecureContextOptions;
}
