import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../../src/http/connection-gate.ts';
import { HttpCounters } from '../../../src/http/http-counters.ts';
import { Lingering } from '../../../src/http/lingering.ts';
import { MalformedRequests } from '../../../src/http/malformed.ts';
import { silentLogger } from '../../../src/lib/log.ts';

/** A connection, and what was said on it. */
class Connection extends Duplex {
  said: string | undefined;

  override _read(): void {}

  override _write(bytes: Uint8Array, _: BufferEncoding, done: () => void): void {
    this.said = (this.said ?? '') + Buffer.from(bytes).toString();
    done();
  }
}

const limits = { lingerMs: 1000, lingerSilentMs: 1000, lingerBytes: 1024, lingering: 4 };

function bench(body: string | Uint8Array = 'words') {
  const errorReply = (status: number) => ({ status, headers: { 'x-test': 'yes' }, body });
  const requests = new MalformedRequests({
    errorReply,
    log: silentLogger,
    counters: new HttpCounters(),
    lingering: new Lingering(limits),
  });
  const connection = new Connection();
  const answer = (code?: string, rawPacket?: string, to = connection) => {
    const error = Object.assign(new Error('not a request'), {
      ...(code !== undefined && { code }),
      ...(rawPacket !== undefined && { rawPacket: Buffer.from(rawPacket) }),
    });
    requests.answer(error, to);
    return to.said?.split('\r\n')[0];
  };
  const answering = (response: Partial<ServerResponse>) =>
    requests.answering(connection, response as ServerResponse);
  return { connection, answer, answering };
}

describe('what is no request', () => {
  it.each([
    ['HPE_HEADER_OVERFLOW', undefined, 'HTTP/1.1 431 Request Header Fields Too Large'],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', undefined, 'HTTP/1.1 413 Payload Too Large'],
    ['ERR_HTTP_REQUEST_TIMEOUT', undefined, 'HTTP/1.1 408 Request Timeout'],
    ['HPE_INVALID_METHOD', 'BREW /pot HTTP/1.1\r\n\r\n', 'HTTP/1.1 501 Not Implemented'],
    ['HPE_INVALID_METHOD', '\x16\x03\x01', 'HTTP/1.1 400 Bad Request'],
    ['HPE_INVALID_METHOD', 'BREW /pot GOPHER/1\r\n', 'HTTP/1.1 400 Bad Request'],
    ['HPE_INVALID_METHOD', undefined, 'HTTP/1.1 400 Bad Request'],
    ['HPE_INVALID_VERSION', 'GET / HTTP/9.9\r\n', 'HTTP/1.1 400 Bad Request'],
    [undefined, undefined, 'HTTP/1.1 400 Bad Request'],
  ])('%s (%j) is answered by %s', (code, raw, line) => {
    expect(bench().answer(code, raw)).toBe(line);
  });

  it('is answered with all headers of any answer, and the length of its words in bytes', () => {
    const { connection, answer } = bench('né');
    answer();
    const [head = '', body] = connection.said?.split('\r\n\r\n') ?? [];
    expect(body).toBe('né');
    expect(head.split('\r\n')).toEqual(
      expect.arrayContaining(['x-test: yes', 'connection: close', 'content-length: 3']),
    );
    // Bytes are no words to write as text.
    const bytes = bench(Uint8Array.of(1, 2));
    bytes.answer();
    expect(bytes.connection.said).toContain('content-length: 0\r\n\r\n');
    expect(bytes.connection.said?.endsWith('\r\n\r\n')).toBe(true);
  });

  it('is answered once on each connection', () => {
    const { connection, answer } = bench();
    answer();
    const once = connection.said;
    answer();
    expect(connection.said).toBe(once);
    expect(connection.destroyed).toBe(false);
    connection.destroy();
  });

  it('ends a connection that nothing can be written to, or on which another answer is owed, without a word', () => {
    const closed = bench();
    closed.connection.end();
    closed.answer();
    expect([closed.connection.said, closed.connection.destroyed]).toEqual([undefined, true]);
    const owed: Partial<ServerResponse>[] = [
      { writableFinished: false, headersSent: true },
      { writableFinished: false, headersSent: false, req: { complete: true } as ServerResponse['req'] },
    ];
    for (const response of owed) {
      const { connection, answer, answering } = bench();
      answering(response);
      answer();
      expect([connection.said, connection.destroyed]).toEqual([undefined, true]);
    }
  });

  it('that is no TLS either ends without a word', () => {
    const { connection, answer } = bench();
    answer('ERR_TLS_HANDSHAKE_TIMEOUT');
    expect([connection.said, connection.destroyed]).toEqual([undefined, true]);
  });

  it('is answered when the last answer has gone out, or when this very request has none yet', () => {
    const settled: Partial<ServerResponse>[] = [
      { writableFinished: true, headersSent: true },
      { writableFinished: false, headersSent: false, req: { complete: false } as ServerResponse['req'] },
    ];
    for (const response of settled) {
      const { answer, answering } = bench();
      answering(response);
      expect(answer()).toBe('HTTP/1.1 400 Bad Request');
    }
  });
});

it('a connection counts for its address, IPv4 the same through either kind of socket, and when it has gone', () => {
  const of = (remoteAddress: string | undefined) => sourceOf({ remoteAddress } as Socket);
  expect([of('192.0.2.1'), of('::ffff:192.0.2.1'), of('::FFFF:192.0.2.1'), of('::1'), of(undefined)]).toEqual(
    ['192.0.2.1', '192.0.2.1', '192.0.2.1', '::1', 'gone'],
  );
});
