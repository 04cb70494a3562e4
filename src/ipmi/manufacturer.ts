/** Whose product this BMC is: in its device ID and in the traps it sends. */

/**
 * The project has no enterprise number of its own, and pretending to be a vendor makes clients switch to that
 * vendor's habits. 0FFFFFh is the reserved number that ipmitool 1.8.19 prints as "Unspecified"; of 0, which the
 * specification has for this, it makes "Unknown".
 */
export const manufacturerId = 0x0fffff;
export const productId = 0x0001;
