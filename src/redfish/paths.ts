/** Where things are. One appliance is one system, in one chassis, under one manager, each with the same short ID. */

export const root = '/redfish/v1';
/** The ID of the one system, chassis and manager: never changes, since clients keep the whole path. */
export const onlyId = '1';
export const systemUri = `${root}/Systems/${onlyId}`;
export const chassisUri = `${root}/Chassis/${onlyId}`;
export const managerUri = `${root}/Managers/${onlyId}`;
export const eventFilteringUri = `${managerUri}/Oem/QemuBmc/EventFiltering`;
export const virtualMediaUri = `${systemUri}/VirtualMedia`;

/** A reference to another resource. */
export function link(uri: string): { readonly '@odata.id': string } {
  return { '@odata.id': uri };
}

export function findSystem({ systemId }: { readonly systemId: string }): true | undefined {
  return systemId === onlyId || undefined;
}

export function findChassis({ chassisId }: { readonly chassisId: string }): true | undefined {
  return chassisId === onlyId || undefined;
}

export function findManager({ managerId }: { readonly managerId: string }): true | undefined {
  return managerId === onlyId || undefined;
}
