/** Settles when the user or the system asks the launcher to end. */
const endings: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export async function untilAsked(): Promise<"asked"> {
  return new Promise((resolve) => {
    for (const name of endings) process.on(name, () => resolve("asked"));
  });
}
