/**
 * The product's Redfish service with a collection of 1,000 members, made as all of its collections are, and an event log
 * of 1,000 records; with a machine in memory, over TLS.
 *
 *   collections.ts
 */
import type { AddressInfo } from 'node:net';
import { makeSelfSigned } from '../../src/http/certificate.ts';
import { HttpServer } from '../../src/http/server.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { always, collection } from '../../src/redfish/definition.ts';
import { httpErrorReply } from '../../src/redfish/redfish.ts';
import { redfishResources } from '../../src/redfish/resources.ts';
import { RedfishBench } from '../../tests/support/redfish-bench.ts';

const members = Array.from({ length: 1000 }, (_, i) => `/redfish/v1/Thousand/${i + 1}`);
const thousand = collection({
  path: '/redfish/v1/Thousand',
  type: '#ChassisCollection.ChassisCollection',
  name: 'A collection of a thousand',
  privileges: { get: ['Login'] },
  find: always,
  members: () => members,
});

const bench = new RedfishBench({ resources: [...redfishResources, thousand] });
await bench.start();
for (let i = 0; i < members.length; i++) {
  bench.bmc.sel.add({
    kind: 'system',
    generatorId: 0x20,
    messageRevision: 4,
    sensorType: 0x01,
    sensorNumber: 0x20,
    asserted: true,
    eventType: 0x01,
    data: [0x59, 0x5f, 0x5a],
  });
}
const server = new HttpServer({
  addresses: ['127.0.0.1'],
  port: 0,
  keyPair: await makeSelfSigned({
    subject: { commonName: 'bench' },
    names: ['localhost'],
    now: Date.now(),
    random: systemRandom(),
  }),
  faces: [bench.service],
  errorReply: httpErrorReply,
  log: silentLogger,
});
await server.start();
process.stdout.write(`ready ${(server.addresses[0] as AddressInfo).port}\n`);
