/** Every resource that can be reached from the service root, by DMTF's schemas and by the rules of DSP0266. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { crawl } from '../../support/redfish-crawl.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

/** Event filtering: itself, 40 filters, 16 policies, 4 destinations, and their three collections. */
const ownResources = 1 + 40 + 16 + 4 + 3;

/** All bodies, by path, that links lead to. */
async function bodiesOf(bench: RedfishBench) {
  const { bodies, dead } = await crawl(bench);
  expect(dead, 'links that lead nowhere').toEqual([]);
  return bodies;
}

/** What a machine has only when somebody wants it. */
async function addKeysAndTpm(bench: RedfishBench): Promise<void> {
  bench.bmc.machineSettings.set({ tpm: true }, { name: 'bench', face: 'bmc' });
  const { certificate } = await makeSelfSigned({
    ...{ subject: { commonName: 'owner' }, names: [], now: Date.UTC(2026, 0, 1), random: systemRandom() },
  });
  const database = '/redfish/v1/Systems/1/SecureBoot/SecureBootDatabases/db';
  const bodies = {
    Certificates: { CertificateString: certificate, CertificateType: 'PEM' },
    Signatures: {
      ...{ SignatureString: 'ab'.repeat(32), SignatureType: 'EFI_CERT_SHA256_GUID' },
      SignatureTypeRegistry: 'UEFI',
    },
  };
  for (const [kind, body] of Object.entries(bodies)) {
    expect((await bench.ask('POST', `${database}/${kind}`, { body })).status).toBe(201);
  }
}

describe('every resource that links lead to', () => {
  let bench: RedfishBench;
  beforeEach(async () => {
    bench = new RedfishBench();
    await bench.start();
    await addKeysAndTpm(bench);
    bench.bmc.power.request('on', { name: 'bench', face: 'bmc' });
    await bench.clock.advance(10_000);
  });
  afterEach(() => bench.stop());

  it('exists, names itself, and is of a kind that a definition names', async () => {
    const bodies = await bodiesOf(bench);
    expect(bodies.size).toBeGreaterThan(10);
    for (const [uri, body] of bodies) {
      expect(body['@odata.id'], uri).toBe(uri);
      expect(body.Name, uri).toBeTypeOf('string');
      const isCollection = String(body['@odata.type']).endsWith('Collection');
      if (isCollection) expect(body['Members@odata.count'], uri).toBe((body.Members as unknown[]).length);
      else expect(body.Id, uri).toBeTypeOf('string');
    }
  });

  it.skipIf(noSchemas)(
    `conforms to DMTF’s schema of its type${noSchemas ? ` [skipped: ${noSchemas}]` : ''}`,
    async () => {
      const bodies = await bodiesOf(bench);
      // What is ours has schemas of ours: oem-schema.test.ts.
      const published = [...bodies].filter(([, body]) => !String(body['@odata.type']).startsWith('#QemuBmc'));
      expect(bodies.size - published.length).toBe(ownResources);
      const problems = published.flatMap(([uri, body]) =>
        schemaProblems(body).map((text) => `${uri} ${text}`),
      );
      expect(problems).toEqual([]);
      const [, system] = [...bodies].find(([uri]) => uri.endsWith('/Systems/1')) ?? [];
      const wrong = schemaProblems({ ...system, PowerState: 'Odd', Colour: 1 }).join('\n');
      expect(wrong).toContain('/PowerState');
      expect(wrong).toContain('"additionalProperty":"Colour"');
    },
    // Making DMTF's schemas ready is most of it.
    180_000,
  );
});
