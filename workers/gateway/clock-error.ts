/**
 * How wrong the platform's own clocks may be. Nobody publishes a bound for them, so these are assumptions, named here and
 * told to every client; what is measured (delays between regions) is told apart from them.
 */

/** The platform's clock moves in whole milliseconds. */
export const tickMs = 1;
/** log2 seconds, RFC 5905: 2^-9 s = 1.95 ms is the smallest power of two not below a tick. */
export const precision = -9;
/** ASSUMPTION: the data centres' hosts follow public time servers at stratum 2 or 3. */
export const stratum = 3;
/** ASSUMPTION: the greatest difference between a data centre's clock and UTC, smeared leap seconds aside. */
export const platformErrorMs = 25;
/**
 * ASSUMPTION: deployed, the clock stands still between I/O, so a stamp is as old as the computation since the last I/O. A
 * door for time computes far less than this.
 */
const frozenMs = 2;
/** What a client adds to half of its own round trip. */
export const rootDispersionMs = platformErrorMs + frozenMs;
