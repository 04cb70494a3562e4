/** All resources of the service. */
import type { Resource } from './definition.ts';
import { accountServiceResources } from './resources/account-service.ts';
import { biosResources } from './resources/bios.ts';
import { bootResources } from './resources/boot.ts';
import { bootCertificateResources } from './resources/boot-certificates.ts';
import { certificateResources } from './resources/certificate.ts';
import { chassisResources } from './resources/chassis.ts';
import { computerSystemResources } from './resources/computer-system.ts';
import { eventFilteringResources } from './resources/event-filtering.ts';
import { eventServiceResources } from './resources/event-service.ts';
import { hostInterfaceResources } from './resources/host-interface.ts';
import { jsonSchemaResources } from './resources/json-schema.ts';
import { logServiceResources } from './resources/log-services.ts';
import { managerResources } from './resources/manager.ts';
import { managerNetworkResources } from './resources/manager-network.ts';
import { networkAdapterResources } from './resources/network-adapter.ts';
import { networkInterfaceResources } from './resources/network-interface.ts';
import { consoleResources } from './resources/oem-console.ts';
import { oemSchemaResources } from './resources/oem-schema.ts';
import { pcieDeviceResources } from './resources/pcie-device.ts';
import { privilegeMapResources } from './resources/privilege-map.ts';
import { processorResources } from './resources/processor.ts';
import { registryResources } from './resources/registries.ts';
import { secureBootResources } from './resources/secure-boot.ts';
import { serialInterfaceResources } from './resources/serial-interface.ts';
import { documentsOf, serviceRootResources } from './resources/service-root.ts';
import { sessionServiceResources } from './resources/session-service.ts';
import { softwareInventoryResources } from './resources/software-inventory.ts';
import { storageResources } from './resources/storage.ts';
import { systemEthernetResources } from './resources/system-ethernet.ts';
import { taskServiceResources } from './resources/task-service.ts';
import { telemetryServiceResources } from './resources/telemetry-service.ts';
import { trustedComponentResources } from './resources/trusted-component.ts';
import { updateServiceResources } from './resources/update-service.ts';
import { virtualMediaResources } from './resources/virtual-media.ts';

const resources: readonly Resource[] = [
  ...serviceRootResources,
  ...computerSystemResources,
  ...consoleResources,
  ...bootResources,
  ...bootCertificateResources,
  ...biosResources,
  ...secureBootResources,
  ...processorResources,
  ...storageResources,
  ...systemEthernetResources,
  ...networkInterfaceResources,
  ...networkAdapterResources,
  ...pcieDeviceResources,
  ...chassisResources,
  ...trustedComponentResources,
  ...managerResources,
  ...virtualMediaResources,
  ...managerNetworkResources,
  ...hostInterfaceResources,
  ...serialInterfaceResources,
  ...certificateResources,
  ...jsonSchemaResources(() => redfishResources),
  ...privilegeMapResources(() => redfishResources),
  ...logServiceResources,
  ...eventServiceResources,
  ...eventFilteringResources,
  ...registryResources,
  ...taskServiceResources,
  ...telemetryServiceResources,
  ...updateServiceResources,
  ...softwareInventoryResources,
  ...accountServiceResources,
  ...sessionServiceResources,
];

export const redfishResources: readonly Resource[] = [
  ...resources,
  ...oemSchemaResources(resources),
  ...documentsOf(resources),
];
