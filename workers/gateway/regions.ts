/**
 * Which region is near: the ones a client's data centre should ask first. Distances on the globe stand for round trips;
 * a rough order is enough, for every replica can serve every request. Pure.
 */
interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

const point = (latitude: number, longitude: number): Point => ({ latitude, longitude });

/** The middle of where each location hint tends to place objects. */
const middles: Readonly<Record<string, Point>> = {
  wnam: point(38, -120),
  enam: point(40, -77),
  sam: point(-23, -47),
  weur: point(50, 4),
  eeur: point(50, 20),
  apac: point(15, 105),
  "apac-ne": point(36, 138),
  "apac-se": point(1, 104),
  oc: point(-34, 151),
  afr: point(-27, 27),
  me: point(25, 52),
};

/** Where requests of a continent come from, when nothing finer is known. */
const continents: Readonly<Record<string, Point>> = {
  AF: point(5, 20),
  AN: point(-75, 0),
  AS: point(28, 95),
  EU: point(50, 10),
  NA: point(39, -95),
  OC: point(-30, 145),
  SA: point(-15, -58),
};

/** @param cf what the platform says of the request's origin: foreign, incomplete, absent locally. */
function originOf(cf: unknown): Point | null {
  if (typeof cf !== "object" || cf === null) return null;
  const { latitude, longitude, continent } = cf as Readonly<Record<string, unknown>>;
  const [north, east] = [degrees(latitude, 90), degrees(longitude, 180)];
  if (north !== null && east !== null) return point(north, east);
  return typeof continent === "string" ? (continents[continent] ?? null) : null;
}

function degrees(value: unknown, most: number): number | null {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Math.abs(number) <= most ? number : null;
}

/** The angle between two points of the globe, in radians. */
function angle(a: Point, b: Point): number {
  const [north, otherNorth, turn] = [a.latitude, b.latitude, a.longitude - b.longitude].map((d) => (d * Math.PI) / 180);
  const [sine, other] = [Math.sin(north ?? 0), Math.sin(otherNorth ?? 0)];
  const cosine = sine * other + Math.cos(north ?? 0) * Math.cos(otherNorth ?? 0) * Math.cos(turn ?? 0);
  return Math.acos(Math.min(1, Math.max(-1, cosine)));
}

/** All regions, nearest first: from the configured home, else from where the request came from, else as configured. */
export function nearestFirst<Region extends string>(
  regions: readonly Region[],
  home: Region | null,
  cf: unknown,
): readonly Region[] {
  if (home !== null) return nearestTo(regions, home);
  const origin = originOf(cf);
  return origin === null ? regions : inOrder(regions, null, origin);
}

/** By the deployment's regions and home, which do not change. */
const orders = new WeakMap<readonly string[], Map<string, readonly string[]>>();

function nearestTo<Region extends string>(regions: readonly Region[], home: Region): readonly Region[] {
  const known = orders.get(regions) ?? new Map<string, readonly string[]>();
  orders.set(regions, known);
  const middle = middles[home];
  const order = known.get(home) ?? (middle === undefined ? regions : inOrder(regions, home, middle));
  known.set(home, order);
  return order as readonly Region[];
}

function inOrder<Region extends string>(
  regions: readonly Region[],
  home: Region | null,
  origin: Point,
): readonly Region[] {
  const far = (region: Region): number => {
    const middle = middles[region];
    return region === home || middle === undefined ? -1 : angle(origin, middle);
  };
  return regions.toSorted((a, b) => far(a) - far(b));
}
