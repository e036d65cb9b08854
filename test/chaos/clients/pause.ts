/** Waits. Beside all clients, because all of them do. */
export const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
