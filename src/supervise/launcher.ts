/** What scripts/qemu-launcher.sh says by its exit code. It is run as `bash SCRIPT RUN_DIR`, so that it needs no permission bit. */

/** Another QEMU holds the machine's lock. */
export const launcherLockedExitCode = 75;
