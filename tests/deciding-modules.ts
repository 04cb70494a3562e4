/**
 * The modules that decide who gets in, what he may do, and what becomes of bytes that a stranger, a guest or a stored
 * file brings: login, session, parsers, privileges. Each with the tests that must notice when it decides otherwise.
 *
 * `npm run coverage` asks for their branches under all unit tests, `scripts/mutants.ts` changes them and runs those
 * named here, the quickest first: words are parts of the paths of test files.
 */
export const decidingModules: Readonly<Record<string, readonly string[]>> = {
  // Accounts, guessing, levels: the same for every face.
  'src/bmc/actor.ts': ['unit/bmc/users', 'unit/ipmi/security/authorization'],
  'src/bmc/guess-throttle.ts': ['unit/bmc/guess-throttle'],
  'src/bmc/host-access.ts': ['unit/bmc/host-access'],
  'src/bmc/lan-settings.ts': ['unit/bmc/lan-settings', 'unit/reliability/damaged-state'],
  'src/bmc/login-guard.ts': ['unit/bmc/login-guard'],
  'src/bmc/open-sessions.ts': ['unit/bmc/open-sessions'],
  'src/bmc/password-login.ts': ['unit/bmc/password-login'],
  'src/bmc/users.ts': ['unit/bmc/users'],
  'src/lib/same-secret.ts': ['unit/ipmi/security/constant-time', 'unit/bmc/password-login'],

  // Bytes and records.
  'src/lib/bytes.ts': ['unit/lib/bytes', 'unit/lib/codec'],
  'src/lib/cidr.ts': ['unit/media/address-policy'],
  'src/lib/codec.ts': ['unit/lib/codec', 'unit/lib/bytes'],

  // IPMI over LAN: packets, keys, handshakes, sessions.
  'src/ipmi/crypto/aes.ts': ['unit/ipmi/crypto'],
  'src/ipmi/crypto/cipher-suites.ts': ['unit/ipmi/crypto', 'unit/ipmi/lan/login'],
  'src/ipmi/crypto/confidentiality.ts': ['unit/ipmi/crypto', 'golden/replay'],
  'src/ipmi/crypto/integrity.ts': ['unit/ipmi/crypto', 'golden/replay'],
  'src/ipmi/crypto/keyed-hmac.ts': ['unit/ipmi/crypto'],
  'src/ipmi/crypto/keys.ts': ['unit/ipmi/crypto', 'golden/replay'],
  'src/ipmi/crypto/v15-auth-code.ts': ['unit/ipmi/lan/v15', 'golden/replay'],
  'src/ipmi/commands/registry.ts': ['unit/ipmi/commands/registry', 'unit/ipmi/security/authorization'],
  'src/ipmi/lan/address-sockets.ts': ['unit/ipmi/lan/address-sockets'],
  'src/ipmi/lan/handshakes.ts': ['unit/ipmi/lan/login', 'unit/ipmi/lan/handshake-order'],
  'src/ipmi/lan/logins.ts': ['unit/ipmi/lan/v15', 'unit/ipmi/security/identity', 'unit/ipmi/lan/login'],
  'src/ipmi/lan/request-runner.ts': ['unit/ipmi/lan/in-session'],
  'src/ipmi/lan/rmcp-plus-receiver.ts': ['unit/ipmi/lan/in-session', 'unit/ipmi/security/replay'],
  'src/ipmi/lan/v15-receiver.ts': ['unit/ipmi/lan/v15', 'unit/ipmi/security/replay'],
  'src/ipmi/lan-face.ts': ['unit/ipmi/lan/login', 'unit/ipmi/lan/in-session'],
  'src/ipmi/message/message.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/message/privilege.ts': [
    'unit/ipmi/message/privilege',
    'unit/ipmi/security/authorization',
    'unit/ipmi/lan/in-session',
  ],
  'src/ipmi/rmcp/asf-presence.ts': ['unit/ipmi/session/codecs', 'unit/ipmi/security/reflection'],
  'src/ipmi/rmcp/header.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/session/challenge-budget.ts': ['unit/ipmi/session/challenge-budget'],
  'src/ipmi/session/half-open.ts': ['unit/ipmi/session/half-open'],
  'src/ipmi/session/handshake.ts': ['unit/ipmi/lan/login', 'unit/ipmi/lan/handshake-order', 'golden/replay'],
  'src/ipmi/session/packet.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/session/rakp.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/session/request-cache.ts': [
    'unit/ipmi/session/request-cache',
    'unit/ipmi/lan/in-session',
    'unit/ipmi/security/replay',
  ],
  'src/ipmi/session/rmcp-plus-session.ts': ['unit/ipmi/session/session.test', 'unit/ipmi/lan/in-session'],
  'src/ipmi/session/session.ts': [
    'unit/ipmi/lan/in-session',
    'unit/ipmi/lan/login',
    'unit/ipmi/sol/commands',
  ],
  'src/ipmi/session/sessions.ts': ['unit/ipmi/session/sessions', 'unit/ipmi/lan/in-session'],
  'src/ipmi/session/v15-challenge.ts': ['unit/ipmi/session/v15-challenge', 'unit/ipmi/lan/v15'],
  'src/ipmi/session/v15-login.ts': ['unit/ipmi/lan/v15'],
  'src/ipmi/session/v15-packet.ts': ['unit/ipmi/session/codecs', 'unit/ipmi/lan/v15'],
  'src/ipmi/session/v15-session.ts': ['unit/ipmi/lan/v15', 'unit/ipmi/security/replay'],
  'src/ipmi/session/window.ts': ['unit/ipmi/session/window', 'unit/ipmi/security/replay'],
  'src/ipmi/sol/packet.ts': ['unit/ipmi/sol/packet'],

  // IPMI from inside.
  'src/ipmi/in-band/policy.ts': ['unit/ipmi/in-band/system-interface', 'unit/ipmi/security/authorization'],
  'src/ipmi/in-band/system-interface.ts': ['unit/ipmi/in-band/system-interface'],
  'src/ipmi/in-band/vm-protocol.ts': ['unit/ipmi/in-band/vm-protocol'],

  // HTTP: requests, bodies, WebSockets.
  'src/http/body.ts': ['unit/http/streamed-body', 'unit/http/server'],
  'src/http/certificate-check.ts': ['unit/http/certificate'],
  'src/http/connection-gate.ts': ['unit/http/server'],
  'src/http/console-session.ts': ['unit/http/console-session'],
  'src/http/der.ts': ['unit/http/der'],
  'src/http/malformed.ts': ['unit/http/malformed', 'unit/http/server'],
  'src/http/multipart.ts': ['unit/http/multipart'],
  'src/http/same-origin.ts': ['unit/http/same-origin'],
  'src/http/server.ts': ['unit/http/server'],
  'src/http/sockets/console-line.ts': ['unit/http/sockets/console-line'],
  'src/http/sockets/console-sockets.ts': ['unit/http/sockets/admission', 'unit/http/sockets/console-sockets'],
  'src/http/sockets/frame-watch.ts': ['unit/http/sockets/frame-watch'],
  'src/http/sockets/rfb-filter.ts': ['unit/http/sockets/rfb-filter'],
  'src/http/sockets/tickets.ts': ['unit/http/sockets/tickets'],

  // Redfish: who asks, what he may do, what he sends.
  'src/redfish/actions.ts': ['unit/redfish/service', 'unit/redfish/matrix'],
  'src/redfish/authentication.ts': ['unit/redfish/authentication'],
  'src/redfish/body.ts': ['unit/redfish/body'],
  'src/redfish/console-grants.ts': ['unit/redfish/console-grants'],
  'src/redfish/filter.ts': ['unit/redfish/filter.test'],
  'src/redfish/patch.ts': ['unit/redfish/service', 'unit/redfish/matrix'],
  'src/redfish/privileges.ts': ['unit/redfish/privileges'],
  'src/redfish/query.ts': ['unit/redfish/query'],
  'src/redfish/roles.ts': ['unit/redfish/accounts', 'unit/redfish/matrix'],
  'src/redfish/service.ts': ['unit/redfish/service', 'unit/redfish/matrix'],
  'src/redfish/sessions.ts': ['unit/redfish/sessions', 'unit/redfish/session-service'],

  // Media: where they may come from, what they may be.
  'src/bmc/image-address.ts': ['unit/bmc/image-address'],
  'src/bmc/media-uploads.ts': ['unit/redfish/virtual-media', 'unit/bmc/media'],
  'src/media/address-policy.ts': ['unit/media/address-policy'],
  'src/media/http-client.ts': ['unit/media/http-fetch'],
  'src/media/image-check.ts': ['unit/media/hostile-images'],
  'src/media/nbd/protocol.ts': ['unit/media/nbd/protocol'],
  'src/media/permitted-addresses.ts': ['unit/media/permitted-addresses'],
};
