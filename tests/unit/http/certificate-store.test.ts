import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { CertificateStore, type CertificateStoreOptions } from '../../../src/http/certificate-store.ts';
import type { KeyPair } from '../../../src/http/tls.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { fileStore } from '../../../src/store/file-store.ts';
import { tester } from '../../support/actors.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'redfish', from: '192.0.2.1:40000' } as const;
const own = { subject: { commonName: 'bmc' }, names: ['bmc', '127.0.0.1'] };
const day = 86_400_000;
const random = systemRandom();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-certificate-'));
});
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function open(
  store: Store,
  options: Partial<CertificateStoreOptions> & { clock?: ScriptedClock } = {},
) {
  const clock = options.clock ?? new ScriptedClock();
  const events = new EventLog(clock, memoryStore(), silentLogger);
  const certificates = await CertificateStore.open({ store, events, random, own, ...options, clock });
  stops.push(() => certificates.stop());
  const told: KeyPair[] = [];
  certificates.onChange((keyPair) => told.push(keyPair));
  const texts = () => events.list().map(({ kind, text }) => `${kind}: ${text}`);
  return { certificates, clock, told, texts };
}

const another = (clock: ScriptedClock, key?: string) =>
  makeSelfSigned({
    subject: { commonName: 'other' },
    names: ['other'],
    now: clock.wallTime(),
    random,
    ...(key === undefined ? {} : { key }),
  });
const nameOf = ({ certificate }: KeyPair) => new X509Certificate(certificate).subject;

describe('a certificate of our own', () => {
  it('is made at the first start, told, and the same after each further one', async () => {
    const store = fileStore(join(folder, 'state'), () => undefined);
    const first = await open(store);
    expect(first.certificates.source).toBe('self-signed');
    expect(nameOf(first.certificates.keyPair)).toBe('CN=bmc');
    const fingerprint = new X509Certificate(first.certificates.keyPair.certificate).fingerprint256;
    expect(first.texts()).toEqual([
      `configuration: self-signed TLS certificate made; SHA-256 fingerprint ${fingerprint}`,
    ]);
    const second = await open(store);
    expect(second.certificates.keyPair).toEqual(first.certificates.keyPair);
    expect(second.texts()).toEqual([]);
  });

  it('is kept where nobody else can read its key', async () => {
    const state = join(folder, 'state');
    await open(fileStore(state, () => undefined));
    const files = readdirSync(state);
    expect(files).toContain('tls.json');
    for (const file of files) expect(statSync(join(state, file)).mode & 0o777).toBe(0o600);
  });

  it('is another one in each appliance', async () => {
    const [a, b] = await Promise.all([open(memoryStore()), open(memoryStore())]);
    expect(a.certificates.keyPair.key).not.toBe(b.certificates.keyPair.key);
  });

  it('is renewed with the same key a month before it ends, while running and at a start', async () => {
    const store = memoryStore();
    const { certificates, clock, told, texts } = await open(store);
    const before = certificates.keyPair;
    await clock.advanceAsync(794 * day, day);
    expect(certificates.keyPair).toEqual(before);
    await clock.advanceAsync(day, day);
    await certificates.stop();
    expect(told).toEqual([certificates.keyPair]);
    expect(certificates.keyPair.key).toBe(before.key);
    expect(certificates.keyPair.certificate).not.toBe(before.certificate);
    expect(texts().at(-1)).toMatch(/^configuration: own TLS certificate renewed with the same key; SHA-256/);
    expect(clock.pending).toBe(0);

    const later = new ScriptedClock(clock.wallTime() + 1000 * day);
    const restarted = await open(store, { clock: later });
    expect(restarted.certificates.keyPair.key).toBe(before.key);
    expect(restarted.certificates.describe()[0]?.notAfter.getTime()).toBe(later.wallTime() + 824 * day);
  });

  it('is made anew, with an event, when what was kept is damaged, which is set aside', async () => {
    const state = join(folder, 'state');
    const damaged: string[] = [];
    const store = fileStore(state, ({ keptAs }) => damaged.push(keptAs));
    const before = (await open(store)).certificates.keyPair;
    writeFileSync(join(state, 'tls.json'), '{"sha256":"', { mode: 0o600 });
    const after = await open(store);
    expect(after.certificates.keyPair.key).not.toBe(before.key);
    expect(after.texts()).toEqual([
      expect.stringMatching(
        /^state-damaged: the TLS certificate is lost; a new self-signed TLS certificate made/,
      ),
    ]);
    expect(damaged).toHaveLength(1);
    expect(readdirSync(state)).toContain(damaged[0]);
    expect((await open(store)).certificates.keyPair).toEqual(after.certificates.keyPair);
  });

  it.each<[string, (kept: KeyPair, other: KeyPair) => unknown, string]>([
    [
      'a key of another certificate',
      (kept, other) => ({ ...kept, key: other.key, source: 'installed' }),
      'not that',
    ],
    ['no key', ({ certificate }) => ({ certificate, source: 'installed' }), 'no certificate and key'],
    ['nothing', () => 1, 'no certificate and key'],
    ['rubbish', (kept) => ({ ...kept, certificate: 'x', source: 'installed' }), 'no certificate in PEM form'],
    ['no source', (kept) => kept, 'of no known source'],
  ])('takes the place of %s in the kept one, which stays to be looked at', async (_, spoil, why) => {
    const store = memoryStore();
    const { certificates, clock } = await open(store);
    const spoilt = spoil(certificates.keyPair, await another(clock));
    store.save('tls', spoilt);
    const after = await open(store);
    expect(after.certificates.source).toBe('self-signed');
    expect(after.texts()).toEqual([expect.stringMatching(`^state-damaged: .*${why}.*kept as tls-unusable`)]);
    expect(store.load('tls-unusable')).toEqual(spoilt);
    expect((await open(store)).texts()).toEqual([]);
  });
});

describe('a certificate that is installed', () => {
  it('is in force at once, told, and still there after a restart', async () => {
    const store = memoryStore();
    const { certificates, clock, told, texts } = await open(store);
    const other = await another(clock);
    certificates.install(other.certificate, other.key, actor);
    expect(certificates.source).toBe('installed');
    expect(told).toEqual([other]);
    expect(texts().at(-1)).toMatch(
      /^configuration: TLS certificate replaced by admin \(192\.0\.2\.1:40000\); SHA-256 fingerprint [0-9A-F:]{95}$/,
    );
    expect((await open(store)).certificates.keyPair).toEqual(other);
  });

  it('is never renewed by us, and still shown when it has expired', async () => {
    const store = memoryStore();
    const { certificates, clock, told } = await open(store);
    const other = await another(clock);
    certificates.install(other.certificate, other.key, actor);
    await clock.advanceAsync(900 * day, day);
    expect(told).toEqual([other]);
    const restarted = await open(store, { clock });
    expect(restarted.certificates.keyPair).toEqual(other);
    expect(restarted.texts()).toEqual([]);
  });

  it('may come without a key when it answers a request, or is for the present key', async () => {
    const store = memoryStore();
    const { certificates, clock } = await open(store);
    const request = await certificates.request({ subject: { commonName: 'asked.example.org' } }, tester);
    const csr = join(folder, 'a.csr');
    writeFileSync(csr, request);
    const ca = ['-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.pem'), '-subj', '/CN=CA'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...ca], { stdio: 'ignore' });
    const signing = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key'), '-days', '10'];
    const signed = execFileSync('openssl', ['x509', '-req', '-in', csr, ...signing], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    clock.jumpWallTime(Date.now() + 60_000 - clock.wallTime());
    const restarted = await open(store, { clock });
    restarted.certificates.install(signed, undefined, actor);
    expect(nameOf(restarted.certificates.keyPair)).toBe('CN=asked.example.org');

    const sameKey = await another(clock, restarted.certificates.keyPair.key);
    restarted.certificates.install(sameKey.certificate, undefined, actor);
    expect(restarted.certificates.keyPair).toEqual(sameKey);
    const foreign = await another(clock);
    expect(() => restarted.certificates.install(foreign.certificate, undefined, actor)).toThrow(
      'without its key',
    );
    expect(restarted.certificates.keyPair).toEqual(sameKey);
  });

  it('is refused, and changes nothing, when it is not valid now, not complete, or cannot be saved', async () => {
    const store = memoryStore();
    const { certificates, clock, told } = await open(store);
    const before = certificates.keyPair;
    const other = await another(clock);
    const past = await another(new ScriptedClock(clock.wallTime() - 1000 * day));
    const future = await another(new ScriptedClock(clock.wallTime() + 2 * day));
    expect(() => certificates.install(past.certificate, past.key, actor)).toThrow('has expired on');
    expect(() => certificates.install(future.certificate, future.key, actor)).toThrow('is not valid before');
    expect(() => certificates.install(other.certificate, past.key, actor)).toThrow(
      'not that of the certificate',
    );
    expect(() => certificates.install('x', other.key, actor)).toThrow('no certificate in PEM form');
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => certificates.install(other.certificate, other.key, actor)).toThrow('disk full');
    expect(certificates.keyPair).toEqual(before);
    expect(told).toEqual([]);
  });
});

describe('a certificate of the configuration', () => {
  async function files(clock: ScriptedClock) {
    const pair = await another(clock);
    const configured = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
    writeFileSync(configured.certificate, pair.certificate);
    writeFileSync(configured.key, pair.key);
    return { pair, configured };
  }

  it('wins over all others, is read at each start, and cannot be replaced', async () => {
    const store = memoryStore();
    const clock = new ScriptedClock();
    const ours = (await open(store, { clock })).certificates.keyPair;
    const { pair, configured } = await files(clock);
    const { certificates } = await open(store, { clock, configured });
    expect(certificates.keyPair).toEqual(pair);
    expect(certificates.source).toBe('configured');
    expect(() => certificates.install(ours.certificate, ours.key, actor)).toThrow('replaced there');
    const next = await files(clock);
    expect((await open(store, { clock, configured })).certificates.keyPair).toEqual(next.pair);
    expect((await open(store, { clock })).certificates.keyPair).toEqual(ours);
  });

  it('that has expired is shown all the same, and told', async () => {
    const { pair, configured } = await files(new ScriptedClock(Date.UTC(2020, 0, 1)));
    const { certificates, texts } = await open(memoryStore(), { configured });
    expect(certificates.keyPair).toEqual(pair);
    expect(texts()).toEqual(['configuration: TLS_CERT: the certificate has expired on 2022-04-04']);
  });

  it('that does not work is an error in one line', async () => {
    const clock = new ScriptedClock();
    const { configured } = await files(clock);
    writeFileSync(configured.key, (await another(clock)).key);
    await expect(open(memoryStore(), { clock, configured })).rejects.toThrow(
      /^TLS_CERT .*tls\.crt, TLS_KEY .*tls\.key: the key is not that of the certificate$/,
    );
    rmSync(configured.key);
    await expect(open(memoryStore(), { clock, configured })).rejects.toThrow('ENOENT');
  });
});
