/**
 * Headers on every answer, unless a face says otherwise for one of its own: nothing is kept by caches, guessed at,
 * framed, or told to other sites.
 *
 * Strict-Transport-Security is left out on purpose. It holds for a whole host name with all its ports, which this
 * server shares with others on the same machine, and it takes from the user the way past a certificate that the browser
 * does not know, which is the normal case here. Nothing is served without TLS anyway.
 */
export const securityHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
